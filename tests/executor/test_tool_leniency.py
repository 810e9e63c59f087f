"""What models get nearly right is understood, or answered with what they probably meant."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.thread.relocated import Relocated
from codebutler.types import ToolResult

EDITS = [{"old": "a", "new": "b", "replace_all": True}]


async def _good(executor: Executor | Relocated, tool: str, **arguments: object) -> str:
    result = await executor.call(tool, arguments)
    assert result.ok, result.text
    return result.text


async def _bad(executor: Executor, tool: str, **arguments: object) -> str:
    result = await executor.call(tool, arguments)
    assert not result.ok, result.text
    return result.text


@pytest.mark.parametrize(
    "arguments",
    [
        {"edits": json.dumps(EDITS)},
        {"edits": EDITS[0]},
        {"edits": [json.dumps(EDITS[0])]},
        {"edits": [{"old": "a", "new": "b", "replace_all": "true"}], "old": None, "new": None},
        {"old": "a", "new": "b", "replace_all": "true", "edits": None},
    ],
)
async def test_an_edit_as_models_write_it(
    executor: Executor, folder: Path, arguments: dict[str, object]
) -> None:
    (folder / "x").write_text("aa\n")
    await _good(executor, "edit", path="x", **arguments)
    assert (folder / "x").read_text() == "bb\n"


async def test_numbers_as_strings_and_null_for_nothing(executor: Executor, folder: Path) -> None:
    (folder / "x").write_text("1\n2\n3\n")
    assert await _good(executor, "read", path="x", offset="2", limit=1.0) == (
        "2\t2\n[lines 2-2 of 3; go on with offset 3]"
    )
    assert await _good(executor, "read", path="x", offset=0, limit=None) == "1\t1\n2\t2\n3\t3"
    assert await _good(executor, "bash", command="echo x", timeout="5", job=None, background="false") == "x"
    assert await _good(executor, "grep", pattern="2", glob=None, mode=None, context="1") == (
        "x-1-1\nx:2:2\nx-3-3"
    )


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("read", {"path": None}, "read: path must be of type string"),
        ("read", {"path": "x", "offset": "two"}, "offset must be of type integer"),
        ("read", {"path": "x", "offset": 1.5}, "offset must be of type integer"),
        ("read", {"path": "x", "offset": "-1"}, "offset must be at least 0"),
        ("read", {"path": "x", "limit": "1e999"}, "limit must be of type integer"),
        ("edit", {"path": "x", "edits": "[1"}, "edits must be of type array"),
        ("edit", {"path": "x", "edits": "[[1]]"}, "edits[1] must be of type object"),
        ("edit", {"path": "x", "edits": "[" * 5000}, "edits must be of type array"),
        ("edit", {"path": "x", "edits": [{"old": "a", "new": None}]}, "new must be of type string"),
        ("bash", {"command": "true", "background": "yes"}, "background must be of type boolean"),
    ],
)
async def test_what_is_plainly_wrong_stays_wrong(
    executor: Executor, tool: str, arguments: dict[str, object], why: str
) -> None:
    assert why in await _bad(executor, tool, **arguments)


async def test_an_edit_that_nearly_fits_is_told_why_not(executor: Executor, folder: Path) -> None:
    (folder / "x").write_text("one\n  “two” \u2013 three\n")
    numbered = await _bad(executor, "edit", path="x", old="1\tone\n2\t  “two”", new="")
    assert "begins with line numbers" in numbered
    plain = await _bad(executor, "edit", path="x", old='"two" - t', new="")
    assert "differs only in typographic characters from line 2:\n“two” \u2013 t\n" in plain


@pytest.mark.parametrize("kind", ["edit", "apply_patch"])
async def test_line_ends_that_the_model_does_not_see(executor: Executor, folder: Path, kind: str) -> None:
    (folder / "x").write_bytes(b"one\r\ntwo\r\nthree\n")
    patch = "*** Begin Patch\n*** Update File: x\n@@\n one\n-two\n+2\n*** End Patch"
    arguments = (
        {"input": patch} if kind == "apply_patch" else {"path": "x", "old": "one\ntwo", "new": "one\n2"}
    )
    await _good(executor, kind, **arguments)
    kept = b"\r\n" if kind == "edit" else b"\n"
    assert (folder / "x").read_bytes() == b"one\r\n2" + kept + b"three\n"


async def test_a_patch_may_have_plain_quotes(executor: Executor, folder: Path) -> None:
    (folder / "x").write_text("It\u2019s “a” \u2013 b\nlast\n")
    patch = '*** Begin Patch\n*** Update File: x\n@@\n It\'s "a" - b\n-last\n+end\n*** End Patch'
    await _good(executor, "apply_patch", input=patch)
    assert (folder / "x").read_text() == "It\u2019s “a” \u2013 b\nend\n"


@pytest.mark.parametrize(
    ("before", "content", "after"),
    [
        (b"a\r\nb\r\n", "x\ny\n", b"x\r\ny\r\n"),
        (b"a\r\nb\r\n", "x\r\ny\n", b"x\r\ny\n"),
        (b"a\r\nb\n", "x\ny\n", b"x\ny\n"),
        (b"\xef\xbb\xbfa\n", "x\n", b"\xef\xbb\xbfx\n"),
        (b"\xef\xbb\xbfa\n", "\ufeffx\n", b"\xef\xbb\xbfx\n"),
        ("ä\n".encode("utf-16"), "ö\n", "ö\n".encode("utf-16")),
        (b"\xe4\n", "ö\n", "ö\n".encode("latin-1")),
        (b"\xe4\n", "→\n", "→\n".encode()),
        (b"\x89PNG\r\n\x1a\n", "ö\n", "ö\n".encode()),
        (b"a\n", "x", b"x"),
    ],
)
async def test_write_keeps_how_a_file_is_stored(
    executor: Executor, folder: Path, before: bytes, content: str, after: bytes
) -> None:
    (folder / "x").write_bytes(before)
    (folder / "x").chmod(0o755)
    await _good(executor, "write", path="x", content=content)
    assert (folder / "x").read_bytes() == after
    assert stat.S_IMODE((folder / "x").stat().st_mode) == 0o755


async def test_write_shows_what_it_changed(executor: Executor, folder: Path) -> None:
    assert await _good(executor, "write", path="x", content="1\n2\n3\n4\n") == "x: created, 4 lines"
    assert await _good(executor, "write", path="x", content="1\n2\ndrei\n4") == (
        "x: replaced, 4 lines\n@@ line 3 @@\n-3\n+drei\n[no newline at the end now]"
    )
    assert await _good(executor, "write", path="x", content="1\n2\ndrei\n4") == "x: unchanged"
    many = await executor.call("write", {"path": "x", "content": "".join(f"{n}\n" for n in range(50))})
    assert many.text == "x: replaced, 50 lines"
    assert "+49" in str(many.details["diff"])


async def test_write_refuses_what_changed_since_it_was_read(executor: Executor, folder: Path) -> None:
    (folder / "x").write_text("one\n")
    await _good(executor, "read", path="x")
    (folder / "x").write_text("the person's\n")
    assert "changed since it was read" in await _bad(executor, "write", path="x", content="two\n")
    await executor.write_file("x", b"the daemon's\r\n")
    assert (folder / "x").read_bytes() == b"the daemon's\r\n"
    await _good(executor, "write", path="x", content="two\r\n")


async def test_a_large_file_of_two_byte_characters(executor: Executor, folder: Path) -> None:
    (folder / "x").write_bytes(("é line\n" * 400_000).encode("utf-16"))
    text = await _good(executor, "read", path="x", offset=399_999, limit=9)
    assert text.startswith("399999\té line\n400000\té line")


@pytest.fixture
def searched(folder: Path) -> Path:
    (folder / "sub").mkdir()
    (folder / "sub/a.js").write_text("f(\n  x)\n")
    (folder / "sub/a.test.js").write_text("f(\n  y)\n")
    (folder / "min.css").write_text("a" * 700 + "NEEDLE" + "b" * 700 + "\nc\n")
    return folder


async def test_searches_as_models_write_them(executor: Executor, searched: Path) -> None:
    assert await _good(executor, "grep", pattern="f\\(\\n  x") == "sub/a.js:1:f(\nsub/a.js:2:  x)"
    assert await _good(executor, "grep", pattern="f\\(", glob="!*.test.js") == "sub/a.js:1:f("
    assert await _good(executor, "grep", pattern="y", type="JavaScript") == "sub/a.test.js:2:  y)"
    assert await _good(executor, "grep", pattern="y", glob=f"{searched}/sub/*.js") == "sub/a.test.js:2:  y)"
    assert await _good(executor, "glob", pattern=f"{searched}/**/*.test.js") == "sub/a.test.js"
    assert await _good(executor, "glob", pattern="!*.js") == "min.css"
    assert "sub/** lists its files" in await _good(executor, "glob", pattern="sub")
    assert "put \\ before it" in await _bad(executor, "grep", pattern="f(")
    assert "grep -P in bash" in await _bad(executor, "grep", pattern="f(?=x)")
    shown = await _good(executor, "grep", pattern="NEEDLE", context=1)
    assert shown.startswith("min.css:1:… aaa")
    assert "NEEDLE" in shown
    assert shown.endswith("\nmin.css-2-c")


async def test_output_is_shown_as_a_terminal_would_in_the_end(executor: Executor) -> None:
    colours = r"printf '\033[1;31mred\033[0m \033]0;title\007plain\n'"
    bar = r"for i in 1 2 3; do printf '%d%%\r' $i; done; printf 'done\r\n'"
    assert await _good(executor, "bash", command=f"{colours}; {bar}") == "red plain\ndone"


async def test_a_directory_that_is_gone_and_a_job_that_is_stopped(executor: Executor) -> None:
    async def bash(**arguments: object) -> ToolResult:
        return await executor.call("bash", arguments, session="coder")

    await bash(command="mkdir d; cd d")
    await bash(command="rmdir ../d")
    assert (await bash(command="pwd")).text.startswith(f"[{executor.worktree}/d is gone: this ran in")
    await bash(command="sleep 60", background=True)
    stopped = await bash(job=1, stop=True)
    assert stopped.ok, stopped.text


class Recording:
    """An executor of which only the arguments matter."""

    def __init__(self) -> None:
        self.got: dict[str, Any] = {}

    async def call(self, name: str, arguments: dict[str, Any], **_: object) -> ToolResult:
        self.got = arguments
        return ToolResult("")


async def test_paths_of_the_repo_are_those_of_the_worktree_everywhere() -> None:
    inner: Any = Recording()
    hands = Relocated(inner, Path("/home/me/repo"), Path("/home/me/repo/.codebutler/branches/t"))
    lines = [
        "*** Begin Patch",
        "*** Update File: /home/me/repo/a b.py ",
        "*** Move to: /home/me/repo/c.py",
        "@@",
        "-*** Add File: /home/me/repo/text",
        "*** Delete File: /home/me/repository/x",
        "*** Add File: /home/me/repo/.codebutler/branches/t/y",
        "*** End Patch",
    ]
    await hands.call("apply_patch", {"input": "\n".join(lines)})
    assert inner.got["input"].split("\n")[1:7] == [
        "*** Update File: a b.py ",
        "*** Move to: c.py",
        "@@",
        "-*** Add File: /home/me/repo/text",
        "*** Delete File: /home/me/repository/x",
        "*** Add File: /home/me/repo/.codebutler/branches/t/y",
    ]
    await hands.call("glob", {"pattern": "/home/me/repo/src/*.py", "path": "/home/me/repo"})
    assert inner.got == {"pattern": "src/*.py", "path": "."}
    await hands.call("grep", {"pattern": "/home/me/repo/x", "glob": "/home/me/repo/*.py"})
    assert inner.got == {"pattern": "/home/me/repo/x", "glob": "*.py"}
    await hands.call("write", {"path": "/home/me/repo/x", "content": "/home/me/repo/x"})
    assert inner.got == {"path": "x", "content": "/home/me/repo/x"}
