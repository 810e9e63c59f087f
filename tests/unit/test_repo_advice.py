"""What a person did to a thread's branch or folder by git: the command that we name undoes it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo import worktrees
from codebutler.repo.discover import Repo, find_repo
from codebutler.repo.merging import merged_tree
from codebutler.thread.memory_merge import sides

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox


@pytest.fixture
async def repo(git_box: GitBox) -> Repo:
    return await find_repo(git_box.root)


async def test_a_renamed_branch_comes_back_by_the_advice(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    git_box.git("branch", "-m", tree.branch, "mine")
    found = worktrees.elsewhere(repo, tree.branch)
    assert found is not None
    git_box.git(*found[1].partition("renamed it: git ")[2].split())
    assert worktrees.elsewhere(repo, tree.branch) is None


@pytest.mark.parametrize("linked", [False, True])
async def test_a_branch_that_a_person_tries_in_a_checkout_is_freed_by_the_advice(
    repo: Repo, git_box: GitBox, linked: bool
) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    git_box.git("worktree", "remove", "--force", str(tree.path))
    if linked:
        git_box.git("worktree", "add", "-q", str(git_box.root.parent / "some where"), tree.branch)
    else:
        git_box.git("switch", "-q", tree.branch)
    with pytest.raises(RepoError, match="is checked out in") as caught:
        await worktrees.restore(repo, tree.branch, tree.base, thread="t1")
    git_box.git(*shlex.split(caught.value.fix.partition("git ")[2]))
    assert await worktrees.restore(repo, tree.branch, tree.base, thread="t1") == tree


async def test_a_moved_folder_comes_back_by_the_advice(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    (tree.path / "work.txt").write_text("precious")
    git_box.git("worktree", "move", str(tree.path), str(git_box.root.parent / "some where"))
    with pytest.raises(RepoError, match="some where now") as caught:
        await worktrees.create(repo, "x", repo.head, thread="t1")
    git_box.git(*shlex.split(caught.value.fix.partition("git ")[2]))
    assert worktrees.stands(repo, tree.branch)
    assert (tree.path / "work.txt").read_text() == "precious"


async def test_a_persons_own_worktree_of_that_name_is_not_called_ours(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    git_box.git("worktree", "remove", "--force", str(tree.path))
    git_box.git("worktree", "add", "--quiet", "-b", "mine", str(git_box.root.parent / "x"))
    with pytest.raises(RepoError, match="belongs to another worktree"):
        await worktrees.create(repo, "x", repo.head, thread="t1")


async def test_a_memory_file_that_became_a_folder_is_no_memory_to_join(repo: Repo, git_box: GitBox) -> None:
    """It would land as an empty file of git's own naming, and what was kept would be in none."""
    path = ".codebutler/memory/pm.md"
    start = git_box.commit({path: "- old\n"})
    ours = git_box.commit({path: "- old\n- kept\n"})
    git_box.git("reset", "--quiet", "--hard", start)
    theirs = git_box.commit({path: None, f"{path}/notes": "a folder\n"})
    assert await sides(repo.gitdir, path, start, ours) == ["- old\n", "- old\n- kept\n"]
    _, conflicts = await merged_tree(repo.gitdir, ours, theirs)
    (named,) = [name for name in conflicts if "~" in name]
    with pytest.raises(RepoError, match=r"pm\.md is a file on one side and a folder on the other"):
        await sides(repo.gitdir, named, start, ours, theirs)
