"""A worktree's own index: it follows the branch when that is owed, and is a person's otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.repo import worktrees
from codebutler.repo.discover import Repo, find_repo
from codebutler.repo.index import owe_index, settle_index, sync_index

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox


@pytest.fixture
async def repo(git_box: GitBox) -> Repo:
    return await find_repo(git_box.root)


async def test_an_index_that_another_git_holds_is_left_alone(repo: Repo) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    (tree.gitdir / "index.lock").touch()
    assert not await sync_index(repo.gitdir, tree.ref, repo.head)
    (tree.gitdir / "index.lock").unlink()
    assert await sync_index(repo.gitdir, tree.ref, repo.head)


async def test_an_index_that_is_owed_follows_the_branch_and_else_keeps_what_a_person_staged(
    repo: Repo, git_box: GitBox
) -> None:
    """Owed means on disk: whoever looks next finds it, after a kill as well."""
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    there = ("-C", str(tree.path))
    git_box.git(*there, "checkout-index", "--all")
    await owe_index(repo.gitdir, tree.ref)
    new = git_box.commit({"new.txt": "2\n"})
    git_box.git("update-ref", tree.ref, new)
    (tree.path / "new.txt").write_text("2\n")
    assert git_box.git(*there, "status", "--porcelain") == "D  new.txt\n?? new.txt"
    (tree.gitdir / "index.lock").touch()
    await settle_index(repo.gitdir, tree.ref)
    (tree.gitdir / "index.lock").unlink()
    assert git_box.git(*there, "status", "--porcelain") != ""
    await settle_index(repo.gitdir, tree.ref)
    assert git_box.git(*there, "status", "--porcelain") == ""
    (tree.path / "mine.txt").write_text("mine\n")
    git_box.git(*there, "add", "mine.txt")
    await settle_index(repo.gitdir, tree.ref)
    assert git_box.git(*there, "status", "--porcelain") == "A  mine.txt"
