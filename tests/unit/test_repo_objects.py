"""Reading commits: files, lists, history, differences, each within its bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo.objects import FileStat, diff, diff_stat, list_files, log, merge_base, show_file

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox


async def test_a_file_as_a_commit_has_it(git_box: GitBox) -> None:
    old = git_box.git("rev-parse", "HEAD")
    git_box.commit({"a.txt": "new\n", "Größe *.txt": "ü\n"})
    gitdir, new = git_box.gitdir, git_box.git("rev-parse", "HEAD")
    (git_box.root / "a.txt").write_text("unsaved\n")
    assert await show_file(gitdir, old, "a.txt") == "one\ntwo\nthree\n"
    assert await show_file(gitdir, new, "Größe *.txt") == "ü\n"
    assert await show_file(gitdir, new, "a.txt", limit=2) == "ne"
    for absent in ("b.txt", "src", "*.txt", "../a.txt", "/etc/passwd", ":/a.txt", "--help"):
        assert await show_file(gitdir, new, absent) is None


async def test_a_link_is_no_file(git_box: GitBox) -> None:
    (git_box.root / "AGENTS.md").symlink_to("/etc/passwd")
    commit = git_box.commit({})
    assert await show_file(git_box.gitdir, commit, "AGENTS.md") is None


async def test_lists_of_files(git_box: GitBox) -> None:
    commit = git_box.commit({".codebutler/memory/pm.md": "x", ".codebutlerx": "x"})
    gitdir = git_box.gitdir
    assert await list_files(gitdir, commit, ".codebutler") == [".codebutler/memory/pm.md"]
    assert await list_files(gitdir, commit, "nothing") == []
    assert "src/b.py" in await list_files(gitdir, commit)


async def test_history(git_box: GitBox) -> None:
    git_box.commit({"src/b.py": "x = 2\n"}, "Second: ü\n\nbody")
    git_box.commit({"a.txt": "3\n"}, "Third")
    gitdir = git_box.gitdir
    assert [entry.subject for entry in await log(gitdir, "main")] == ["Third", "Second: ü", "Start"]
    assert [entry.subject for entry in await log(gitdir, "main", paths=["src"])] == ["Second: ü", "Start"]
    (newest,) = await log(gitdir, "main", limit=1)
    assert (newest.sha, newest.author) == (git_box.git("rev-parse", "HEAD"), "Ann")
    with pytest.raises(RepoError, match="there is no commit '--output=/x'"):
        await log(gitdir, "--output=/x")


async def test_differences(git_box: GitBox) -> None:
    old = git_box.git("rev-parse", "HEAD")
    (git_box.root / "bin").write_bytes(b"\0\1")
    new = git_box.commit({"a.txt": "one\n2\nthree\n", "src/b.py": None, "Grün.txt": "x\n"})
    gitdir = git_box.gitdir
    text, cut = await diff(gitdir, old, new, paths=["a.txt"])
    assert text.endswith("@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n")
    assert not cut
    text, cut = await diff(gitdir, old, new, limit=100)
    assert (len(text), cut) == (100, True)
    assert await diff_stat(gitdir, old, new) == [
        FileStat("Grün.txt", 1, 0),
        FileStat("a.txt", 1, 1),
        FileStat("bin", None, None),
        FileStat("src/b.py", 0, 1),
    ]
    assert await diff_stat(gitdir, new, new) == []


async def test_the_place_where_branches_part(git_box: GitBox) -> None:
    start = git_box.git("rev-parse", "HEAD")
    one = git_box.commit({"a.txt": "1\n"})
    git_box.git("switch", "--quiet", "--orphan", "alone")
    alone = git_box.commit({"z.txt": "z\n"})
    assert await merge_base(git_box.gitdir, start, one) == start
    assert await merge_base(git_box.gitdir, alone, one) is None
