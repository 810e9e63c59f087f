"""A named commit in place of checkpoints: one step for git, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from codebutler.errors import RepoError
from codebutler.repo import kept, worktrees
from codebutler.repo.discover import find_repo

BOT = {f"GIT_{who}_EMAIL": "bot@localhost" for who in ("AUTHOR", "COMMITTER")}
WIP = "Work in progress"


def commit(box: Any, parent: str, subject: str, *, ours: bool = True) -> str:
    """A commit like its parent's, on no branch."""
    words = ("commit-tree", f"{parent}^{{tree}}", "-p", parent, "-m", subject)
    return str(box.git(*words, env=BOT if ours else {}))


async def test_the_last_name_is_found_below_checkpoints_and_not_below_what_is_pushed(git_box: Any) -> None:
    base = git_box.git("rev-parse", "HEAD")
    one = commit(git_box, base, WIP)
    two = commit(git_box, one, "Add A")
    three = commit(git_box, two, WIP)
    four = commit(git_box, three, WIP)
    hand = commit(git_box, three, WIP, ours=False)

    async def last(tip: str, floor: str = "") -> str:
        at = git_box.gitdir
        return await kept.last_named(at, base, tip, mail="bot@localhost", unnamed=WIP, floor=floor)

    assert [await last(tip) for tip in (base, one, two, three, four, hand)] == [
        base, base, two, two, two, hand,
    ]  # fmt: skip
    assert [await last(four, floor) for floor in (three, four, one)] == [three, four, two]


async def test_branch_and_ref_move_together_and_go_together(git_box: Any) -> None:
    repo = await find_repo(git_box.root)
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    old = commit(git_box, repo.head, WIP)
    new = commit(git_box, repo.head, "Add A")
    with pytest.raises(RepoError, match="moved by somebody else"):
        await kept.replace(repo.gitdir, tree.branch, new, old, why="test")
    assert not await kept.is_kept(repo.gitdir, tree.branch, old)
    git_box.git("update-ref", tree.ref, old)
    await kept.replace(repo.gitdir, tree.branch, new, old, why="test")
    assert git_box.git("rev-parse", tree.ref) == new
    assert await kept.is_kept(repo.gitdir, tree.branch, old)
    git_box.git("reflog", "expire", "--expire=all", "--all")
    git_box.git("gc", "--quiet", "--prune=now")
    git_box.git("cat-file", "-e", old)
    await worktrees.remove(repo, tree, dirty=[], landed=[new])
    assert git_box.git("for-each-ref", "refs/codebutler") == ""
