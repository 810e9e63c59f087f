"""What processes that were killed all at once leave in a repository: locks on our refs, half-made records.

git itself never takes a dead process's lock away, and fails on every record of a worktree that is not whole.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

from codebutler.repo.discover import Repo
from codebutler.repo.git import common_dir, text_of
from codebutler.repo.removal import delete_tree

AGE = 2.0
"""Seconds after which none of our git processes can still be at it: such steps take milliseconds."""


async def clear(repo: Repo) -> None:
    """Delete them, once they are old enough. Only for the process that holds the repository.

    What is not ours (the person's own branches and worktrees, packed refs) is left alone.
    """
    left = await asyncio.to_thread(lambda: list(_found(repo)))
    if left:
        newest = max(map(_stamp, left))
        await asyncio.sleep(min(AGE, max(0.0, newest + AGE - time.time())))
        await asyncio.to_thread(_delete, left)


def _found(repo: Repo) -> Iterator[Path]:
    gitdir = common_dir(repo.gitdir)
    yield from gitdir.glob("codebutler-index-*")
    for refs in ("refs/heads/codebutler", "refs/codebutler"):
        for folder, _, files in os.walk(gitdir / refs):  # a folder that vanishes meanwhile is passed over
            yield from (Path(folder, name) for name in files if name.endswith(".lock"))
    for record in (gitdir / "worktrees").glob("*"):
        where = text_of(record / "gitdir").strip()
        ours = (gitdir / "refs/heads/codebutler" / record.name).exists()
        if where:
            ours = repo.inner in Path(where).parents
        if ours and where and text_of(record / "commondir"):
            yield from record.glob("*.lock")
        elif ours:
            yield record


def _delete(left: list[Path]) -> None:
    for path in left:
        if path.is_dir():
            delete_tree(path)
        else:
            path.unlink(missing_ok=True)


def _stamp(path: Path) -> float:
    """When it was made, in unix time; long ago if it is gone meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
