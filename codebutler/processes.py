"""Programs of this host that are run to their end; called off, they end and leave nothing open."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from codebutler.waiting import whole


class Captured(NamedTuple):
    """Exit code (minus the signal that ended it) and what it printed."""

    code: int
    out: bytes
    err: bytes


async def captured(
    *words: str,
    seconds: float,
    stdin: bytes | None = None,
    stderr: int = DEVNULL,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    own_session: bool = False,
) -> Captured:
    """Run a program to its end. Raises TimeoutError past ``seconds``, then it is killed, and OSError."""
    process = await whole(
        asyncio.create_subprocess_exec(
            *words,
            stdin=DEVNULL if stdin is None else PIPE,
            stdout=PIPE,
            stderr=stderr,
            cwd=cwd,
            env=env,
            start_new_session=own_session,
        ),
        ended,
    )
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate(stdin)
    except BaseException:
        await ended(process)
        raise
    return Captured(process.returncode or 0, out, err or b"")


async def ended(process: Process) -> None:
    """Kill it if it runs, and close its pipes."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            # not Process.kill(), which polls first and takes the exit status from asyncio's own watcher
            os.kill(process.pid, signal.SIGKILL)
    await let_go(process)


async def let_go(process: Process) -> None:
    """Wait for its end, and close its pipes, whether or not they were read to theirs."""
    transport = process._transport  # type: ignore[attr-defined] # noqa: SLF001 - no other way to close a pipe that is not read to its end
    for stream in (1, 2):
        if (pipe := transport.get_pipe_transport(stream)) is not None:
            pipe.close()  # first: Pythons before 3.12 do not see the end of a process of which a pipe is full
    if process.stdin is not None and not process.stdin.transport.is_closing():
        process.stdin.transport.abort()
    await process.wait()
    transport.close()
    await asyncio.sleep(0)  # that is when they close
    if process.stdin is not None:
        with suppress(ConnectionError):  # asked for, or some Pythons log it as lost
            await process.stdin.wait_closed()
