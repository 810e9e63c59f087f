"""The executor's start and its quick tools."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path

from codebutler.bench.clock import Rounds, alternate, median, spent
from codebutler.bench.rows import Row
from codebutler.errors import ToolFailed
from codebutler.sandbox import host
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings
from codebutler.types import Json, ToolResult

_LINES = {"short.py": 100, "a.py": 400}


async def rows(folder: Path, rounds: Rounds, settings: SandboxSettings) -> list[Row]:
    """Start, read, edit and bash in an executor on the empty ``folder``."""
    await asyncio.to_thread(_files, folder)
    started = await _start(folder, rounds, settings)
    executor = await Executor.start(folder, own=True, settings=settings)
    try:
        return [
            started,
            await _read(executor, folder, rounds, "short.py"),
            await _read(executor, folder, rounds, "a.py"),
            await _edit(executor, folder, rounds),
            await _bash(executor, rounds),
        ]
    finally:
        await executor.close()


def _files(folder: Path) -> None:
    for name, lines in _LINES.items():
        text = "".join(f"line {number} of a file of middling length\n" for number in range(lines))
        (folder / name).write_text(text, encoding="utf-8")


async def called(executor: Executor, name: str, arguments: Json, session: str = "") -> ToolResult:
    """A call that must succeed. Raises ToolFailed."""
    result = await executor.call(name, arguments, session=session)
    if not result.ok:
        raise ToolFailed(f"{name}: {result.text}")
    return result


async def _start(folder: Path, rounds: Rounds, settings: SandboxSettings) -> Row:
    rounds.said("executor start")
    python = [str(host.interpreter()[0]), "-I", "-S", "-c", "pass"]
    mine: list[float] = []
    least: list[float] = []

    def floor() -> None:
        subprocess.run(python, check=True, env={})

    for _ in rounds.of(15):
        least.append(spent(floor))
        began = time.perf_counter()
        executor = await Executor.start(folder, own=True, settings=settings)
        mine.append((time.perf_counter() - began) * 1000)
        await executor.close()
    return Row("executor start", median(mine), "ms", 120, floor=median(least), beside="python -c pass")


async def _read(executor: Executor, folder: Path, rounds: Rounds, name: str) -> Row:
    rounds.said(f"read, {_LINES[name]} lines")

    async def ours() -> None:
        await called(executor, "read", {"path": name})

    def floor() -> None:
        (folder / name).read_bytes()

    value, least = await alternate(rounds.of(200), ours, floor)
    return Row(f"read, {_LINES[name]} lines", value, "ms", 0.3, floor=least, beside="open and read")


async def _edit(executor: Executor, folder: Path, rounds: Rounds) -> Row:
    rounds.said("edit")
    words = ["line 7 of", "line seven of"]

    async def ours() -> None:
        await called(executor, "edit", {"path": "a.py", "edits": [{"old": words[0], "new": words[1]}]})
        words.reverse()

    def floor() -> None:
        text = (folder / "a.py").read_bytes()
        (folder / "b.py").write_bytes(text.replace(words[0].encode(), words[0].encode()))
        (folder / "b.py").replace(folder / "c.py")

    value, least = await alternate(rounds.of(200), ours, floor)
    return Row(f"edit, {_LINES['a.py']} lines", value, "ms", 3, floor=least, beside="read, write, rename")


async def _bash(executor: Executor, rounds: Rounds) -> Row:
    rounds.said("bash true")

    async def ours() -> None:
        await called(executor, "bash", {"command": "true"}, session="bench")  # as roles do

    def floor() -> None:
        subprocess.run(["/bin/bash", "-c", "true"], capture_output=True, check=True, env={})

    value, least = await alternate(rounds.of(100), ours, floor)
    return Row("bash true", value, "ms", 2, "ratio", floor=least, beside="spawn of bash")
