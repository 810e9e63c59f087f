"""Odd calls of the native tools: each is done, or answered with one line that says what to do."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from codebutler.sandbox.executor import Executor


async def _good(executor: Executor, tool: str, **arguments: object) -> str:
    result = await executor.call(tool, arguments)
    assert result.ok, result.text
    return result.text


async def _bad(executor: Executor, tool: str, **arguments: object) -> str:
    result = await executor.call(tool, arguments)
    assert not result.ok, result.text
    assert "\n" not in result.text
    return result.text


def _patch(*lines: str) -> str:
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch"])


@pytest.mark.parametrize("target", ["kept", "none", "/etc/passwd", "new"])
async def test_a_patch_replaces_a_link_by_a_file(executor: Executor, folder: Path, target: str) -> None:
    (folder / "kept").write_text("kept\n")
    (folder / "ln").symlink_to(target)
    done = await _good(
        executor, "apply_patch", input=_patch("*** Delete File: ln", "*** Add File: ln", "+new")
    )
    assert done == "D ln\nA ln"
    assert not (folder / "ln").is_symlink()
    assert ((folder / "ln").read_text(), (folder / "kept").read_text()) == ("new\n", "kept\n")
    assert stat.S_IMODE((folder / "ln").stat().st_mode) == 0o644


async def test_a_link_is_put_back_when_a_later_step_fails(executor: Executor, folder: Path) -> None:
    (folder / "ln").symlink_to("/etc/passwd")
    await executor.call("bash", {"command": "mkdir locked && echo x > locked/b && chmod 555 locked"})
    lines = ["*** Delete File: ln", "*** Add File: ln", "+x", "*** Add File: new/deep/c", "+c"]
    refused = await _bad(executor, "apply_patch", input=_patch(*lines, "*** Delete File: locked/b"))
    assert "ermission" in refused
    assert (folder / "ln").readlink() == Path("/etc/passwd")
    assert not (folder / "new").exists(), "folders that were made go too"
    await executor.call("bash", {"command": "chmod 755 locked"})


@pytest.mark.parametrize("names", [("aa", "aa/bb"), ("aa/bb/cc", "aa")])
async def test_a_patch_cannot_make_a_file_and_a_folder_of_one_name(
    executor: Executor, folder: Path, names: tuple[str, str]
) -> None:
    lines = [line for name in names for line in (f"*** Add File: {name}", "+x")]
    refused = await _bad(executor, "apply_patch", input=_patch(*lines))
    assert refused == f"aa cannot be a file and hold {max(names)} too. Nothing was changed"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("{" * 5000, "5000 characters"),
        ("!" * 5000, "5000 characters"),
        ("{" * 500 + "}" * 500, "more than 10 {"),
        ("*a*a*a*a*a*a", "too many *"),
        ("a*/" * 13 + "x", "too many *"),
        ("{a,b", "unclosed { in the glob '{a,b'"),
        ("src/{a,{b,c}", "unclosed {"),
    ],
)
async def test_a_glob_that_cannot_be_meant(executor: Executor, pattern: str, why: str) -> None:
    assert why in await _bad(executor, "glob", pattern=pattern)
    assert why in await _bad(executor, "grep", pattern="x", glob=pattern)


@pytest.mark.parametrize("path", ["new/", "new/.", "new/x/"])
async def test_a_path_that_names_a_folder_makes_no_file(executor: Executor, folder: Path, path: str) -> None:
    assert "without / at the end" in await _bad(executor, "write", path=path, content="x")
    assert "without / at the end" in await _bad(
        executor, "apply_patch", input=_patch(f"*** Add File: {path}", "+x")
    )
    assert list(folder.iterdir()) == []


async def test_a_file_whose_encoding_is_too_small_says_what_it_is_now(
    executor: Executor, folder: Path
) -> None:
    (folder / "x").write_bytes(b"\xe4\r\n")
    text = await _good(executor, "write", path="x", content="€\n")
    assert text.startswith("x: replaced, 1 lines, now utf-8: x is stored as latin-1, which cannot hold")
    assert (folder / "x").read_text() == "€\n"
    assert "kept as" not in await _good(executor, "write", path="x", content="ä\n")


@pytest.mark.parametrize("end", ["\n", ""])
async def test_the_end_of_a_file_too_large_to_hold(executor: Executor, folder: Path, end: str) -> None:
    (folder / "x").write_text("\n".join(["w" * 200_000, *("line\n" * 900_000).split("\n")[:-1]]) + end)
    assert await _good(executor, "read", path="x", offset=900_001) == "900001\tline"
    assert await _good(executor, "read", path="x", offset=900_000, limit=2) == "900000\tline\n900001\tline"
    assert (await _good(executor, "read", path="x", offset=900_000, limit=1)).endswith(
        "go on with offset 900001]"
    )
    assert await _good(executor, "read", path="x", offset=900_002) == (
        "(x ends before line 900002: it has 900001 lines)"
    )
    assert (await _good(executor, "read", path="x", offset=1, limit=2)).split("\n")[1] == "2\tline"


@pytest.mark.parametrize("background", [False, True])
async def test_a_command_too_long_is_told_the_way(executor: Executor, background: bool) -> None:
    refused = await _bad(executor, "bash", command="true " + "x" * 200_000, background=background)
    assert "write it to a file" in refused


async def test_lines_that_share_words_are_shown_when_nothing_is_alike(
    executor: Executor, folder: Path
) -> None:
    rows = "".join(f"value_{n} = compute(value, {n})\n" for n in range(500))
    (folder / "x").write_text(f"{rows}def handle_timeout(self):\n    pass\n" + "end\n" * 50)
    old = "async def on_expired(request):\n    await self.handle_timeout(request, retries=3, value=None)\n"
    refused = (await executor.call("edit", {"path": "x", "old": old, "new": "y"})).text
    assert (
        "most words of it are at line 500:\n500\tvalue_499 = compute(value, 499)\n501\tdef handle_timeout"
        in refused
    )
    none = (await executor.call("edit", {"path": "x", "old": "zzz qqq\n", "new": "y"})).text
    assert "Nothing in the file is like it." in none
