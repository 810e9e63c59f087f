"""The daemon's own commits: bytes to branch without a worktree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo.commits import commit_files
from codebutler.repo.objects import list_files, read_bytes
from codebutler.repo.words import commit_message

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox

_REF = "refs/heads/memory"


async def test_files_are_added_changed_and_deleted_in_one_commit(git_box: GitBox) -> None:
    base = git_box.commit({"old.txt": "old\n"})
    files = {
        ".codebutler/memory/pm.md": b"- lesson\n",
        "a.txt": b"\xff\r\n",
        "old.txt": None,
        "no such": None,
    }
    tip = await commit_files(git_box.gitdir, parent=base, files=files, message="Memory", ref=_REF, old="")
    assert git_box.git("rev-parse", _REF, f"{_REF}^").split() == [tip, base]
    assert await list_files(git_box.gitdir, tip) == [".codebutler/memory/pm.md", "a.txt", "src/b.py"]
    assert await read_bytes(git_box.gitdir, tip, "a.txt") == b"\xff\r\n"
    assert git_box.status() == ""
    assert not list(git_box.gitdir.glob("codebutler-*"))
    git_box.git("fsck", "--strict")


async def test_the_branch_must_be_where_it_was_seen(git_box: GitBox) -> None:
    base = git_box.git("rev-parse", "HEAD")
    one = await commit_files(git_box.gitdir, parent=base, files={"x": b"1"}, message="m", ref=_REF, old="")
    with pytest.raises(RepoError, match="moved by somebody else"):
        await commit_files(git_box.gitdir, parent=base, files={"x": b"2"}, message="m", ref=_REF, old=base)
    with pytest.raises(RepoError, match="moved by somebody else"):
        await commit_files(git_box.gitdir, parent=base, files={"x": b"2"}, message="m", ref=_REF, old="")
    assert git_box.git("rev-parse", _REF) == one


async def test_what_is_there_already_makes_no_commit(git_box: GitBox) -> None:
    base = git_box.git("rev-parse", "HEAD")
    git_box.git("branch", "memory")
    files = {"src/b.py": b"x = 1\n"}
    same = await commit_files(git_box.gitdir, parent=base, files=files, message="m", ref=_REF, old=base)
    assert same == base == git_box.git("rev-parse", _REF)


async def test_an_executable_stays_one(git_box: GitBox) -> None:
    (git_box.root / "run").write_text("1")
    (git_box.root / "run").chmod(0o755)
    base = git_box.commit({})
    await commit_files(git_box.gitdir, parent=base, files={"run": b"2"}, message="m", ref=_REF, old="")
    assert git_box.git("ls-tree", _REF, "run").startswith("100755")


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "../x", "a/../x", "a//b", "./x", "x/", "a\0b", "a\nb", "a\\b"),
        *(".git/config", "a/.GIT/x", ".git", ".git /hooks/x", "git~1/config", ".g\u200cit/config"),
    ],
)
async def test_paths_that_leave_the_tree_or_touch_git_are_refused(git_box: GitBox, path: str) -> None:
    base = git_box.git("rev-parse", "HEAD")
    with pytest.raises(RepoError):
        await commit_files(git_box.gitdir, parent=base, files={path: b"x"}, message="m", ref=_REF, old="")
    assert "memory" not in git_box.git("branch")


async def test_links_and_folders_in_the_way_are_refused(git_box: GitBox) -> None:
    (git_box.root / "link").symlink_to("src")
    base = git_box.commit({})
    below, instead = "not a folder", "not a regular file"
    for path, match in (("link/x", below), ("a.txt/x", below), ("link", instead), ("src", instead)):
        with pytest.raises(RepoError, match=match):
            await commit_files(git_box.gitdir, parent=base, files={path: b"x"}, message="m", ref=_REF, old="")


def test_messages_are_tidy_whatever_goes_in() -> None:
    message = commit_message("  a\n b\x1b[2J ", "body\0\r\n", ["Ann\nEvil: x <a@b>", "Ann\nEvil: x <a@b>"])
    assert message == "a b[2J\n\nbody\n\nCo-authored-by: Ann Evil: x <a@b>\n"
    assert commit_message("") == "Changes\n"
