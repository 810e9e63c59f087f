"""What processes that were killed all at once leave in a repository: locks on our refs, scratch files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from codebutler.repo.discover import Repo
from codebutler.repo.git import common_dir

AGE = 2.0
"""Seconds after which none of our git processes can still hold a lock: such steps take milliseconds."""


async def clear(repo: Repo) -> None:
    """Delete them, once they are old enough. Only for the process that holds the repository.

    git itself never takes a dead process's lock away, so every later step on that ref would fail. What is
    not ours (the person's own branches, packed refs) is left alone.
    """
    wait = 0.0
    for file in (left := await asyncio.to_thread(lambda: list(_found(repo)))):
        wait = max(wait, _stamp(file) + AGE - time.time())
    await asyncio.sleep(min(wait, AGE))
    for file in left:
        file.unlink(missing_ok=True)


def _found(repo: Repo) -> Iterator[Path]:
    gitdir = common_dir(repo.gitdir)
    yield from gitdir.glob("codebutler-index-*")
    for refs in ("refs/heads/codebutler", "refs/codebutler"):
        yield from (gitdir / refs).rglob("*.lock")
    for worktree in (gitdir / "worktrees").glob("*"):
        pointer = worktree / "gitdir"
        if pointer.is_file() and repo.inner in Path(pointer.read_text().strip()).parents:
            yield from worktree.glob("*.lock")


def _stamp(file: Path) -> float:
    """When it was made, in unix time; long ago if it is gone meanwhile."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
