"""Read-only folders with the files of one commit: what roles see of the repo before there is a worktree."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Collection
from pathlib import Path

from codebutler.errors import RepoError, ToolFailed
from codebutler.repo.discover import Repo
from codebutler.repo.git import need_oid
from codebutler.repo.layout import branches_folder
from codebutler.repo.removal import delete_tree
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings

_PREFIX = "base-"
_FRESH = ".new-"
_KEEP = 3


async def ensure(repo: Repo, commit: str, *, settings: SandboxSettings | None = None) -> Path:
    """The folder ``.codebutler/branches/base-<sha>`` with the files of ``commit``, shared by all its threads.

    Filled inside the sandbox under another name and renamed: it is there wholly or not at all.
    """
    name = _name(need_oid(commit, "the base commit"))
    parent = await asyncio.to_thread(branches_folder, repo)
    folder = parent / name
    if not await asyncio.to_thread(_touch, folder):
        await _build(repo, commit, folder, settings)
    return folder


async def prune(repo: Repo, in_use: Collection[str], *, keep: int = _KEEP) -> None:
    """Delete all but the ``keep`` last used snapshots; never one of a commit that is ``in_use``."""
    parent = await asyncio.to_thread(branches_folder, repo)
    needed = {_name(commit) for commit in in_use}
    found = await asyncio.to_thread(_by_age, parent)
    for folder in found[keep:]:
        if folder.name not in needed:
            await _discard(folder)


async def sweep(repo: Repo) -> None:
    """Delete what a crash left half made. Only at the start of the process that holds the repository."""
    parent = await asyncio.to_thread(branches_folder, repo)
    for folder in await asyncio.to_thread(lambda: list(parent.glob(f"{_FRESH}*"))):
        await asyncio.to_thread(delete_tree, folder)


async def _build(repo: Repo, commit: str, folder: Path, settings: SandboxSettings | None) -> None:
    fresh = folder.with_name(_FRESH + secrets.token_hex(6))
    try:
        await asyncio.to_thread(fresh.mkdir)
        executor = await Executor.start(fresh, own=True, gitdir=repo.gitdir, settings=settings)
        try:
            await executor.fill(commit)
        except ToolFailed as error:
            raise RepoError(f"the files of {commit[:12]} could not be laid out: {error}") from error
        finally:
            await executor.close()
        await asyncio.to_thread(_publish, fresh, folder)
    finally:
        await asyncio.to_thread(delete_tree, fresh)


def _publish(fresh: Path, folder: Path) -> None:
    """Give the finished folder its name, unless another thread was faster."""
    try:
        fresh.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _touch(folder: Path) -> bool:
    """Mark a snapshot as used just now; False if there is none."""
    try:
        os.utime(folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _by_age(parent: Path) -> list[Path]:
    """All snapshots, the last used first."""
    return sorted(parent.glob(f"{_PREFIX}*"), key=lambda folder: folder.lstat().st_mtime, reverse=True)


async def _discard(folder: Path) -> None:
    """Take the name away first, so that nobody finds half a snapshot."""
    trash = folder.with_name(_FRESH + secrets.token_hex(6))
    await asyncio.to_thread(folder.rename, trash)
    await asyncio.to_thread(delete_tree, trash)


def _name(commit: str) -> str:
    return _PREFIX + commit[:12]
