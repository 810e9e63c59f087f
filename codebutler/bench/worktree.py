"""A thread's worktree, from nothing to an executor that waits in it, beside ``git worktree add``."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path

from codebutler.bench.clock import Rounds, median
from codebutler.bench.rows import Row
from codebutler.repo import worktrees
from codebutler.repo.discover import Repo
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings
from codebutler.thread.relocated import filled


async def row(
    repo: Repo, files: int, rounds: Rounds, settings: SandboxSettings
) -> tuple[Row, Executor, Path]:
    """The figure, and the last worktree with its executor, which the caller closes."""
    mine: list[float] = []
    least: list[float] = []
    last: tuple[Executor, worktrees.Worktree] | None = None
    for number in rounds.of(3):
        rounds.said(f"worktree of {files:,} files, round {number}")
        if last is not None:
            await last[0].close()
            await worktrees.remove(repo, last[1], dirty=[])
        least.append(await asyncio.to_thread(_plain, repo))
        began = time.perf_counter()
        tree = await worktrees.create(repo, "bench", repo.head, thread=f"bench-{number}")
        last = await filled(tree.path, tree.base, settings), tree
        mine.append((time.perf_counter() - began) * 1000)
    if last is None:
        raise ValueError("no rounds")
    title = f"worktree of {files:,} files, ready"
    measured = Row(title, median(mine), "ms", 1.2, "ratio", floor=median(least), beside="git worktree add")
    return measured, last[0], last[1].path


def _plain(repo: Repo) -> float:
    """Milliseconds that git itself takes; leaves nothing behind."""
    folder = repo.root.with_name("plain")
    began = time.perf_counter()
    command = ["git", "worktree", "add", "--quiet", "--detach", str(folder), "main"]
    subprocess.run(command, cwd=repo.root, check=True)
    took = (time.perf_counter() - began) * 1000
    shutil.rmtree(folder)
    subprocess.run(["git", "worktree", "prune"], cwd=repo.root, check=True)
    return took
