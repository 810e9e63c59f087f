"""All rows of the executor, in one temporary folder that is made once."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from codebutler.bench import calls, memory, searches, worktree
from codebutler.bench.clock import Rounds
from codebutler.bench.rows import Row
from codebutler.bench.samples import repository
from codebutler.repo.discover import find_repo
from codebutler.sandbox.settings import SandboxSettings

SIZES = (2_000, 50_000)


async def measure(rounds: Rounds, settings: SandboxSettings, sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Every row. Raises NoSandbox where there is no border to measure."""
    with tempfile.TemporaryDirectory(prefix="codebutler-bench-") as name:
        top = Path(name)
        found: list[Row] = []
        for step in (calls.rows, memory.rows):
            with tempfile.TemporaryDirectory(dir=top) as folder:
                found += await step(Path(folder), rounds, settings)
        for files in sizes:
            found += await _at_size(top / str(files), files, rounds, settings)
        return found


async def _at_size(top: Path, files: int, rounds: Rounds, settings: SandboxSettings) -> list[Row]:
    rounds.said(f"a repo of {files:,} files is made")
    folder = top / "repo"
    await asyncio.to_thread(repository, folder, files)
    repo = await find_repo(folder)
    ready, executor, tree = await worktree.row(repo, files, rounds, settings)
    try:
        return [ready, *await searches.rows(executor, tree, files, rounds)]
    finally:
        await executor.close()
