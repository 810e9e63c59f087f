"""Clones that lack files: partial ones, sparse checkouts, and both at once. A thread works on all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo import worktrees
from codebutler.repo.base import base_commit
from codebutler.repo.discover import find_repo
from codebutler.repo.objects import show_file

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox

FILES = {"top.txt": "top\n", "lib/a.txt": "a\n", "docs/deep/b.txt": "b\n"}


@pytest.fixture
def clone(git_box: GitBox, remote_box: GitBox, tmp_path: Path) -> Path:
    """A clone that holds the files at the top, and neither files nor content of the others."""
    git_box.commit(FILES)
    git_box.git("push", "--quiet", "origin", "main")
    remote_box.git("config", "uploadpack.allowFilter", "true")
    found = tmp_path / "clone"
    url = remote_box.root.as_uri()
    git_box.git("clone", "--quiet", "--filter=blob:none", "--sparse", url, str(found))
    return found


def _tracked(box: GitBox, folder: Path) -> str:
    return box.git("-C", str(folder), "status", "--porcelain", "--untracked-files=all")


async def test_the_base_of_a_partial_clone_is_brought_here_whole(
    clone: Path, git_box: GitBox, tmp_path: Path
) -> None:
    repo = await find_repo(clone)
    with pytest.raises(RepoError, match=r"docs/deep/b\.txt"):
        await show_file(repo.gitdir, repo.head, "docs/deep/b.txt")
    base = await base_commit(repo, home=tmp_path)
    assert [await show_file(repo.gitdir, base.commit, name) for name in FILES] == list(FILES.values())
    git_box.git("-C", str(clone), "fsck", "--connectivity-only")


async def test_what_landed_since_comes_whole_too(clone: Path, git_box: GitBox, tmp_path: Path) -> None:
    new = git_box.commit({"lib/a.txt": "newer\n"})
    git_box.git("push", "--quiet", "origin", "main")
    repo = await find_repo(clone)
    base = await base_commit(repo, home=tmp_path)
    assert (base.commit, await show_file(repo.gitdir, new, "lib/a.txt")) == (new, "newer\n")
    assert await show_file(repo.gitdir, new, "docs/deep/b.txt") == "b\n"


async def test_files_that_cannot_be_had_are_named_with_the_way(
    clone: Path, remote_box: GitBox, tmp_path: Path
) -> None:
    remote_box.root.rename(tmp_path / "away.git")
    with pytest.raises(RepoError, match="partial one and lacks files") as refused:
        await base_commit(await find_repo(clone), home=tmp_path)
    assert "git fetch --refetch --no-filter" in refused.value.fix


@pytest.mark.parametrize("per_worktree", [True, False])
async def test_a_threads_worktree_is_whole_beside_a_sparse_checkout(
    git_box: GitBox, *, per_worktree: bool
) -> None:
    """As `git sparse-checkout` sets it today, and as people did by hand before there was such a command."""
    head = git_box.commit(FILES)
    if per_worktree:
        git_box.git("sparse-checkout", "set", "lib")
    else:
        git_box.git("config", "core.sparseCheckout", "true")
        (git_box.gitdir / "info" / "sparse-checkout").write_text("/lib/\n")
        git_box.git("read-tree", "-m", "-u", "HEAD")
    assert not (git_box.root / "docs").exists()
    tree = await worktrees.create(await find_repo(git_box.root), "x", head, thread="t1")
    git_box.git("-C", str(tree.path), "checkout-index", "--all")
    assert (tree.path / "docs/deep/b.txt").read_text() == "b\n"
    (tree.path / "docs/new.txt").write_text("new\n")
    git_box.git("-C", str(tree.path), "add", "--all")
    assert _tracked(git_box, tree.path) == "A  docs/new.txt".strip()
    assert not (git_box.root / "docs").exists()
