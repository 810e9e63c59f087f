"""A worktree's own index: in step with its branch and whole, so that a person's `git status` is right."""

from __future__ import annotations

import asyncio
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.git import common_dir, git, need_oid, text_of, tip_of, try_git
from codebutler.repo.layout import give_like
from codebutler.repo.process import complaint

_OWED = "codebutler-index-owed"
"""In a worktree's private gitdir: its branch has moved, or was about to, and the index is not there yet."""


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
    if result.code == 0:
        await asyncio.to_thread((private / _OWED).unlink, missing_ok=True)
    return result.code == 0


async def owe_index(gitdir: Path, ref: str) -> None:
    """Note, before ``ref`` moves, that its worktree's index is to follow: a kill must not forget it.

    A person's git in the folder would take an index that stayed behind for the wish to undo the work.
    ``gitdir`` is as for ``sync_index``. RepoError if the note cannot be written.
    """
    await asyncio.to_thread(_note, gitdir, ref)


async def settle_index(gitdir: Path, ref: str) -> None:
    """Set the index to the branch's tip if that is owed; else what a person has staged there stays."""
    if await asyncio.to_thread(_is_owed, gitdir, ref) and (tip := await tip_of(gitdir, ref)):
        await sync_index(gitdir, ref, tip)


async def unsparse(private: Path) -> None:
    """Let a new worktree have all files.

    git gives it the sparse patterns of the checkout that it was made from, and `git add` then passes over
    what lies outside of them without a word.
    """
    await asyncio.to_thread((private / "info" / "sparse-checkout").unlink, missing_ok=True)
    own = private / "config.worktree"
    if await asyncio.to_thread(own.is_file):
        await git("config", f"--file={own}", "core.sparseCheckout", "false", gitdir=private)


def _note(gitdir: Path, ref: str) -> None:
    private = _private_gitdir(gitdir, ref)
    if private is None or (private / _OWED).exists():
        return
    try:
        (private / _OWED).touch()
    except OSError as error:
        raise RepoError(f"{private} cannot be written: {error.strerror}") from error
    give_like(private / _OWED, private)


def _is_owed(gitdir: Path, ref: str) -> bool:
    private = _private_gitdir(gitdir, ref)
    return private is not None and (private / _OWED).exists()


def _private_gitdir(gitdir: Path, ref: str) -> Path | None:
    own = gitdir if common_dir(gitdir) != gitdir else gitdir / "worktrees" / ref.rpartition("/")[2]
    for folder in dict.fromkeys((own, gitdir)):
        if text_of(folder / "HEAD").strip() == f"ref: {ref}":
            return folder
    return None
