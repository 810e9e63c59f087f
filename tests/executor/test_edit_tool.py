"""write and edit: all or nothing, and a file keeps what makes it itself."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from codebutler.sandbox.executor import Executor


async def _edit(executor: Executor, **arguments: object) -> str:
    result = await executor.call("edit", arguments)
    assert result.ok, result.text
    return result.text


async def _refusal(executor: Executor, tool: str, **arguments: object) -> str:
    result = await executor.call(tool, arguments)
    assert not result.ok, result.text
    return result.text


async def test_write_makes_folders_and_replaces(executor: Executor, folder: Path) -> None:
    for content in ("one\n", "two\n"):
        assert (await executor.call("write", {"path": "a/b/c.txt", "content": content})).ok
    assert (folder / "a/b/c.txt").read_text() == "two\n"
    assert stat.S_IMODE((folder / "a/b/c.txt").stat().st_mode) == 0o644
    assert [path.name for path in (folder / "a/b").iterdir()] == ["c.txt"]


async def test_what_is_written_belongs_to_the_folders_owner(executor: Executor, folder: Path) -> None:
    await executor.call("write", {"path": "a.txt", "content": ""})
    await executor.call("bash", {"command": "mkdir d && touch d/b"})
    owners = {path.stat().st_uid for path in (folder / "a.txt", folder / "d", folder / "d/b")}
    assert owners == {folder.stat().st_uid}


async def test_edit_says_where_and_keeps_a_small_diff_for_people(executor: Executor, folder: Path) -> None:
    (folder / "a.py").write_text("def f():\n    return 1\n\n\ndef g():\n    return 2\n")
    edits = [{"old": "return 1", "new": "@@ x @@"}, {"old": "def ", "new": "async def ", "replace_all": True}]
    result = await executor.call("edit", {"path": "a.py", "edits": edits})
    assert result.text == "a.py: 2 edits applied at line 2; line 1, and 1 more places"
    assert str(result.details["diff"]).startswith("@@ line 2 @@\n-    return 1\n+    @@ x @@\n@@ line 1")


async def test_several_edits_apply_in_order_or_not_at_all(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("a b c\n")
    await _edit(executor, path="a.txt", edits=[{"old": "a", "new": "x"}, {"old": "x b", "new": "y"}])
    assert (folder / "a.txt").read_text() == "y c\n"
    refused = await _refusal(
        executor, "edit", path="a.txt", edits=[{"old": "y", "new": "z"}, {"old": "nope", "new": "z"}]
    )
    assert "edit 2: old was not found" in refused
    assert (folder / "a.txt").read_text() == "y c\n"


async def test_old_and_new_at_the_top_level(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("aa\n")
    assert "occurs 2 times, at lines 1, 1" in await _refusal(executor, "edit", path="a.txt", old="a", new="b")
    await _edit(executor, path="a.txt", old="a", new="b", replace_all=True)
    assert (folder / "a.txt").read_text() == "bb\n"


async def test_the_nearest_candidate_is_shown(executor: Executor, folder: Path) -> None:
    (folder / "a.py").write_text("if x:\n        return total\nelse:\n    pass\n")
    blank = await _refusal(executor, "edit", path="a.py", old="if x:\n    return total\n", new="")
    typo = await _refusal(executor, "edit", path="a.py", old="return totals", new="")
    none = await _refusal(executor, "edit", path="a.py", old="@@@@@@@@", new="")
    assert "differs only in white space from line 1" in blank
    assert "The nearest text is line 2:\n2\t        return total" in typo
    assert "Nothing in the file is like it" in none


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbfone\r\ntwo\r\n", b"\xef\xbb\xbf1\r\n2\r\ntwo\r\n"),
        ("one\r\ntwö\r\n".encode("utf-16"), "1\r\n2\r\ntwö\r\n".encode("utf-16")),
        (b"one\ntw\xf6", b"1\n2\ntw\xf6"),
        (b"one\r\nmixed\n", b"1\n2\r\nmixed\n"),
    ],
)
async def test_encoding_and_line_ends_are_kept(
    executor: Executor, folder: Path, before: bytes, after: bytes
) -> None:
    (folder / "a").write_bytes(before)
    await _edit(executor, path="a", old="one", new="1\n2")
    assert (folder / "a").read_bytes() == after


async def test_mode_is_kept_and_symlinks_stay(executor: Executor, folder: Path) -> None:
    (folder / "run").write_text("old\n")
    (folder / "run").chmod(0o750)
    (folder / "link").symlink_to("run")
    await _edit(executor, path="link", old="old", new="new")
    assert (folder / "run").read_text() == "new\n"
    assert stat.S_IMODE((folder / "run").stat().st_mode) == 0o750
    assert (folder / "link").is_symlink()


async def test_a_character_that_the_encoding_lacks_is_refused(executor: Executor, folder: Path) -> None:
    (folder / "a").write_bytes(b"caf\xe9\n")
    assert "latin-1" in await _refusal(executor, "edit", path="a", old="caf", new="→")
    assert (folder / "a").read_bytes() == b"caf\xe9\n"


async def test_a_file_changed_since_it_was_read_is_refused(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("one\n")
    await executor.call("read", {"path": "a.txt"})
    (folder / "a.txt").write_text("one, changed\n")
    assert "changed since it was read" in await _refusal(executor, "edit", path="a.txt", old="one", new="1")
    await executor.call("read", {"path": "a.txt"})
    await _edit(executor, path="a.txt", old="one", new="1")
    await _edit(executor, path="a.txt", old="1", new="2")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"path": "none.txt", "old": "a", "new": "b"}, "does not exist"),
        ({"path": "a.txt", "old": "", "new": "b"}, "old is empty"),
        ({"path": "a.txt", "old": "a", "new": "a"}, "are the same"),
        ({"path": "a.txt"}, "needs edits"),
        ({"path": "a.txt", "edits": []}, "needs edits"),
        ({"path": "a.txt", "old": "a"}, "both old and new"),
        ({"path": "a.txt", "edits": [{"old": "a"}]}, "needs the argument 'new'"),
        ({"path": "a.txt", "edits": [{"old": "a", "new": "b"}], "old": "a", "new": "b"}, "not both"),
        ({"path": "."}, "needs edits"),
        ({"path": "data", "old": "a", "new": "b"}, "not text"),
    ],
)
async def test_what_cannot_be_edited_says_why(
    executor: Executor, folder: Path, arguments: dict[str, object], why: str
) -> None:
    (folder / "a.txt").write_text("abc\n")
    (folder / "data").write_bytes(b"a\0b")
    assert why in await _refusal(executor, "edit", **arguments)
    assert (folder / "a.txt").read_text() == "abc\n"


@pytest.mark.parametrize("path", ["/etc/x", "../x", "link/x", "link", "."])
async def test_write_stays_inside(executor: Executor, folder: Path, path: str) -> None:
    (folder / "link").symlink_to("/tmp")
    await _refusal(executor, "write", path=path, content="x")
    assert [found.name for found in folder.iterdir()] == ["link"]


async def test_a_full_disk_leaves_the_old_file(executor: Executor, folder: Path) -> None:
    """The size limit of the sandbox stands in for a full disk: nothing half-written, no leftovers."""
    (folder / "a.txt").write_text("old\n")
    refused = await executor.call("bash", {"command": "head -c 1200000000 /dev/zero > big; ls"})
    assert "File size limit" in refused.text or "File too large" in refused.text
    assert (folder / "a.txt").read_text() == "old\n"
    assert (folder / "big").stat().st_size <= 1024**3
