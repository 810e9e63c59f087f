"""What is called off at any moment of a process leaves nothing: no process, no descriptor, no folder."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest

from codebutler.processes import captured
from codebutler.repo.process import run
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.guest import Guest
from codebutler.sandbox.job import Job, Program
from codebutler.sandbox.settings import SandboxSettings

SILENT = "import sys; sys.stdin.read()"
Start = Callable[[Path, Path], Coroutine[None, None, object]]


async def _executor(folder: Path, tools: Path) -> object:
    return await Executor.start(folder, settings=SandboxSettings(tools=tools, start_timeout=20))


async def _guest(folder: Path, _: Path) -> object:
    program = Program(("python3", "-c", SILENT))
    guest = await Guest.start(Job(folder, None, True, SandboxSettings(), program=program))
    try:
        await asyncio.sleep(20)
    finally:
        await guest.close()
    return guest


async def _git(folder: Path, _: Path) -> object:
    return await run(["-C", str(folder), "hash-object", "--stdin"], dict(os.environ), stdin=_forever())


async def _forever() -> AsyncIterator[bytes]:
    yield b"x"
    await asyncio.sleep(20)


async def _program(_: Path, __: Path) -> object:
    """Which has a second one that holds its pipes."""
    return await captured("sh", "-c", "sleep 20 & yes", seconds=20, stdin=b"x" * 200_000)


def _held() -> tuple[set[str], list[str]]:
    """Descriptors of this process, each by what it leads to, and its children."""
    held = set()
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of this look
            held.add(str(each.readlink()))
    return held, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@pytest.mark.parametrize("start", [_executor, _guest, _git, _program])
@pytest.mark.parametrize("after", [*(n / 500 for n in range(12)), 0.05, 0.1, 0.3])
async def test_what_is_called_off_leaves_nothing(
    folder: Path, tmp_path: Path, start: Start, after: float
) -> None:
    (tmp_path / "__main__.py").write_text(SILENT)
    before = _held()
    starting = asyncio.create_task(start(folder, tmp_path))
    await asyncio.sleep(after)
    assert starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert _held() == before
    gc.collect()  # what is open still complains now
