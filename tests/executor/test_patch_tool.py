"""apply_patch: the format as models write it, all files or none, and errors that help."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from codebutler.sandbox.executor import Executor

METHOD = "    def f(self):\n        return 1\n"
CODE = f"import os\n\n\nclass A:\n{METHOD}\n\nclass B:\n{METHOD}"


async def _patch(executor: Executor, *lines: str) -> str:
    text = "\n".join(("*** Begin Patch", *lines, "*** End Patch"))
    result = await executor.call("apply_patch", {"input": text})
    assert result.ok, result.text
    return result.text


async def _refusal(executor: Executor, *lines: str) -> str:
    text = "\n".join(("*** Begin Patch", *lines, "*** End Patch"))
    result = await executor.call("apply_patch", {"input": text})
    assert not result.ok, result.text
    return result.text


async def test_add_update_move_and_delete_in_one_patch(executor: Executor, folder: Path) -> None:
    (folder / "a.py").write_text(CODE)
    (folder / "old.txt").write_text("one\ntwo\n")
    (folder / "old.txt").chmod(0o755)
    (folder / "gone.txt").write_text("x\n")
    said = await _patch(
        executor,
        "*** Add File: new/deep/b.txt",
        "+hello",
        "+",
        "*** Add File: new/deep/c.txt",
        "+there",
        "*** Update File: a.py",
        "@@ class B:",
        "@@     def f(self):",
        "-        return 1",
        "+        return 2",
        "*** Update File: old.txt",
        "*** Move to: sub/fresh.txt",
        "@@",
        " one",
        "-two",
        "+zwei",
        "*** Delete File: gone.txt",
    )
    assert said.split("\n") == [
        "A new/deep/b.txt",
        "A new/deep/c.txt",
        "M a.py",
        "R old.txt -> sub/fresh.txt",
        "D gone.txt",
    ]
    assert (folder / "new/deep/b.txt").read_text() == "hello\n\n"
    assert (folder / "a.py").read_text() == CODE[: CODE.rindex("1")] + "2\n"
    assert (folder / "sub/fresh.txt").read_text() == "one\nzwei\n"
    assert stat.S_IMODE((folder / "sub/fresh.txt").stat().st_mode) == 0o755
    assert sorted(path.name for path in folder.iterdir()) == ["a.py", "new", "sub"]


async def test_hunks_follow_each_other_and_blank_lines_may_lack_their_space(
    executor: Executor, folder: Path
) -> None:
    (folder / "a.py").write_text(CODE)
    await _patch(
        executor,
        "*** Update File: a.py",
        "-        return 1",
        "+        return 2",
        "",
        "",
        " class B:",
        "@@",
        "-        return 1",
        "+        return 3",
        "",
    )
    assert (folder / "a.py").read_text() == CODE.replace("1", "2", 1).replace("1", "3", 1)


@pytest.mark.parametrize(
    ("before", "lines", "after"),
    [
        (b"a\nb", ["@@", "-b", "+c"], b"a\nc"),
        (b"a\r\nb\r\n", ["@@", " a", "+x", " b"], b"a\r\nx\r\nb\r\n"),
        (b"a\nb\n", ["@@", "+end"], b"a\nb\nend\n"),
        (b"", ["@@", "+first"], b"first\n"),
        (b"a\nb\n", ["@@ a", "+x"], b"a\nx\nb\n"),
        (b"x\na\nx\n", ["@@", "-x", "+y", "*** End of File"], b"x\na\ny\n"),
        (b"  a  \n  b\n", ["@@", " a", "-b", "+  c"], b"  a  \n  c\n"),
        (b"a\nb\n", ["@@", "-a", "-b"], b""),
        (b"\xef\xbb\xbfa\n", ["@@", "-a", "+b"], b"\xef\xbb\xbfb\n"),
    ],
)
async def test_what_a_hunk_makes_of_a_file(
    executor: Executor, folder: Path, before: bytes, lines: list[str], after: bytes
) -> None:
    (folder / "a").write_bytes(before)
    await _patch(executor, "*** Update File: a", *lines)
    assert (folder / "a").read_bytes() == after


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["*** Update File: a.py", "@@", "-        return 4", "+x"], "The nearest text is line 6"),
        (["*** Update File: a.py", "@@ class C:", "+x"], "no line 'class C:' as @@ names it"),
        (["*** Update File: a.py", "@@ class B:", "-import os"], "but at line 1: hunks go from top"),
        (["*** Update File: b.py", "@@", "-x"], "Did you mean a.py?"),
        (["*** Update File: a.py"], "no lines with - or +"),
        (["*** Update File: a.py", "@@", "?"], "line 4 of the patch begins with none of"),
        (["*** Add File: a.py", "+x"], "exists already"),
        (["*** Add File: b.py", "x"], "begins with +"),
        (["*** Delete File: b.py"], "does not exist"),
        (["*** Update File: a.py", "*** Move to: c.txt", "@@", "-import os"], "a move replaces nothing"),
        (["*** Add File: ../x", "+x"], "outside"),
        (["*** Add File: out/x", "+x"], "outside"),
        (["*** Add File: .git/hooks/x", "+x"], "read-only"),
        (["*** Update File: data", "@@", "-x"], "not text"),
        (["+x"], "belongs to no file"),
        ([], "changes no file"),
        (["*** End Patch"], "once each"),
    ],
)
async def test_a_patch_that_does_not_fit_changes_nothing_and_says_why(
    executor: Executor, folder: Path, lines: list[str], why: str
) -> None:
    (folder / "a.py").write_text(CODE)
    (folder / "c.txt").write_text("c\n")
    (folder / "data").write_bytes(b"x\0")
    (folder / "out").symlink_to("/tmp")
    before = sorted(folder.iterdir())
    assert why in await _refusal(executor, *lines)
    first = ["*** Update File: c.txt", "@@", "-c", "+d", "*** Add File: n/new.txt", "+x", *lines]
    first.append("*** Delete File: none")
    await _refusal(executor, *first)
    assert sorted(folder.iterdir()) == before
    assert ((folder / "a.py").read_text(), (folder / "c.txt").read_text()) == (CODE, "c\n")


async def test_a_link_is_deleted_and_not_what_it_leads_to(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("a\n")
    for name, target in (
        ("in", "a.txt"),
        ("out", "/etc/passwd"),
        ("up", "../x"),
        ("folder", "/etc"),
        ("lost", "no"),
    ):
        (folder / name).symlink_to(target)
        assert await _patch(executor, f"*** Delete File: {name}") == f"D {name}"
    assert [path.name for path in folder.iterdir()] == ["a.txt"]
    (folder / "out").symlink_to("/etc/passwd")
    assert "outside" in await _refusal(executor, "*** Update File: out", "@@", "-root", "+x")
    await executor.call("bash", {"command": "mkdir locked && echo x > locked/b && chmod 555 locked"})
    assert "ermission" in await _refusal(executor, "*** Delete File: out", "*** Delete File: locked/b")
    assert (folder / "out").readlink() == Path("/etc/passwd"), "put back with the rest"
    await executor.call("bash", {"command": "chmod 755 locked"})


async def test_a_step_that_fails_late_undoes_the_others(executor: Executor, folder: Path) -> None:
    """A folder that may not be written: found out only when everything has been planned."""
    (folder / "a.txt").write_text("a\n")
    await executor.call("bash", {"command": "mkdir locked && echo x > locked/b.txt && chmod 555 locked"})
    changes = ["*** Update File: a.txt", "@@", "-a", "+b", "*** Add File: c.txt", "+c"]
    assert "ermission" in await _refusal(executor, *changes, "*** Delete File: locked/b.txt")
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "locked"]
    assert (folder / "a.txt").read_text() == "a\n"
    await executor.call("bash", {"command": "chmod 755 locked"})


async def test_a_file_changed_since_it_was_read_is_not_patched(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("one\n")
    await executor.call("read", {"path": "a.txt"})
    (folder / "a.txt").write_text("one, changed\n")
    update = ["*** Update File: a.txt", "@@", "-one", "+two"]
    assert "changed since it was read" in await _refusal(executor, *update)
    await executor.call("read", {"path": "a.txt"})
    await _patch(executor, "*** Update File: a.txt", "@@", "-one, changed", "+one")
    await _patch(executor, *update)


async def test_the_same_file_twice_and_a_file_made_anew(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("1\n2\n")
    one = ["*** Update File: a.txt", "@@", "-1", "+eins", "*** Update File: a.txt", "@@", "-2", "+zwei"]
    await _patch(executor, *one)
    assert (folder / "a.txt").read_text() == "eins\nzwei\n"
    await _patch(executor, "*** Delete File: a.txt", "*** Add File: a.txt", "+new")
    assert (folder / "a.txt").read_text() == "new\n"


async def test_a_heredoc_around_the_patch_is_forgiven(executor: Executor, folder: Path) -> None:
    text = "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: a\n+x\n*** End Patch\nEOF\n"
    assert (await executor.call("apply_patch", {"input": text})).ok
    assert (folder / "a").read_text() == "x\n"
