"""A worktree's own index: in step with its branch and whole, so that a person's `git status` is right."""

from __future__ import annotations

import asyncio
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.git import common_dir, git, need_oid, text_of, try_git
from codebutler.repo.process import complaint


async def sync_index(gitdir: Path, ref: str, commit: str) -> bool:
    """Set the index of the worktree that has ``ref`` checked out to ``commit``; its files are not looked at.

    ``gitdir`` is a worktree's private gitdir, or the repository's (then the worktree of that name is found).
    False when there is none, or another git holds the index: it stays as it was until the next checkpoint.
    """
    private = await asyncio.to_thread(_private_gitdir, gitdir, ref)
    if private is None:
        return False
    result = await try_git("read-tree", need_oid(commit, "the commit"), gitdir=private)
    if result.code != 0 and "index.lock" not in result.err:
        raise RepoError(f"the index in {private} cannot be set: {complaint(result.err)}")
    return result.code == 0


async def unsparse(private: Path) -> None:
    """Let a new worktree have all files.

    git gives it the sparse patterns of the checkout that it was made from, and `git add` then passes over
    what lies outside of them without a word.
    """
    await asyncio.to_thread((private / "info" / "sparse-checkout").unlink, missing_ok=True)
    own = private / "config.worktree"
    if await asyncio.to_thread(own.is_file):
        await git("config", f"--file={own}", "core.sparseCheckout", "false", gitdir=private)


def _private_gitdir(gitdir: Path, ref: str) -> Path | None:
    own = gitdir if common_dir(gitdir) != gitdir else gitdir / "worktrees" / ref.rpartition("/")[2]
    for folder in dict.fromkeys((own, gitdir)):
        if text_of(folder / "HEAD").strip() == f"ref: {ref}":
            return folder
    return None
