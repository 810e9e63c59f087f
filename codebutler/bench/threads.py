"""All rows of the threads, each in a temporary folder of its own on the disk that TMPDIR names."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from codebutler.bench import logs, serving
from codebutler.bench.clock import Rounds
from codebutler.bench.daemon import Tool
from codebutler.bench.rows import Row


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything. The defaults are what the targets speak of."""

    idle: int = 5_000
    rest: float = 20.0
    crowd: int = 100
    calls: int = 5
    delay: float = 1.0
    folds: tuple[int, ...] = (2_000, 10_000)


async def measure(rounds: Rounds, sizes: Sizes | None = None) -> list[Row]:
    """Every row. Raises NoSandbox where the threads have no tools to call."""
    of = sizes or Sizes()
    async with _folder() as folder:
        found = await logs.rows(folder, rounds, of.folds)
    async with _folder() as folder:
        found.append(await serving.another_turn(folder, rounds, of.folds[-1]))
    async with _folder() as folder:
        found.append(await serving.another_thread(folder, rounds))
    async with _folder() as folder:
        found += await serving.idle(folder, rounds, of.idle, of.rest)
    async with _folder() as folder:
        found.append(await serving.killed(folder, rounds))
    tools: tuple[Tool, ...] = ("read_memory", "read")
    for tool in tools:
        async with _folder() as folder:
            row = await serving.crowd(folder, rounds, tool, threads=of.crowd, calls=of.calls, delay=of.delay)
            found.append(row)
    return found


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="codebutler-bench-") as name:
        yield Path(name)
