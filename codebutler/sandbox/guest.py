"""A program that runs behind the border of a thread beside its executor, with pipes to the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from codebutler.sandbox.child import Child
from codebutler.sandbox.client import LINE_BYTES, plain_text
from codebutler.sandbox.job import Job
from codebutler.sandbox.problems import explain

_TAIL_BYTES = 4096
_GRACE = 0.5
_CHATTER = 64 * 1024 * 1024
"""Bytes on stderr after which it is ended: a flood must not keep the daemon busy."""


class Guest:
    """One running program. What it writes is hostile; whoever reads it bounds it."""

    def __init__(self, child: Child) -> None:
        """Use ``start``."""
        self._child, self._process = child, child.process
        self._tail = b""
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, job: Job) -> Guest:
        """Start the job's program. Raises NoSandbox where that cannot be had."""
        try:
            return cls(await Child.start(job, LINE_BYTES))
        except OSError as error:
            raise explain(str(error), job.settings) from error

    async def lines(self) -> AsyncIterator[bytes]:
        """What it writes, line by line, until it ends. Raises ValueError for a line past LINE_BYTES."""
        stdout = self._process.stdout
        while stdout is not None and (line := await stdout.readline()):
            yield line

    async def send(self, line: bytes) -> None:
        """Write a line. Raises ConnectionError when the program has ended."""
        stdin = self._process.stdin
        if stdin is None or self._process.returncode is not None:
            raise ConnectionResetError("the program has ended")
        stdin.write(line)
        await stdin.drain()

    def kill(self) -> None:
        """End it, and with it everything in its sandbox."""
        self._child.kill()

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as anybody was told."""
        return self._process.returncode is None

    @property
    def tail(self) -> str:
        """The last of what it said on stderr; text for people and models, of unknown truth."""
        return plain_text(self._tail.decode("utf-8", "replace")).strip()

    async def close(self) -> None:
        """Let it end by itself, then make sure. Nobody may be in ``lines`` any more."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        rest = asyncio.create_task(self._drain())
        try:
            await asyncio.wait_for(self._process.wait(), _GRACE)
        except TimeoutError:
            self.kill()
        await self._process.wait()
        await asyncio.gather(rest, self._listener)
        await self._child.end()

    async def _drain(self) -> None:
        """Pythons before 3.12 do not see the end of a process of which a pipe is full."""
        stdout = self._process.stdout
        while stdout is not None and await stdout.read(1024 * 1024):
            pass

    async def _listen(self) -> None:
        stderr, said = self._process.stderr, 0
        while stderr is not None and (piece := await stderr.read(65536)):
            self._tail = (self._tail + piece)[-_TAIL_BYTES:]
            said += len(piece)
            if said > _CHATTER:
                self.kill()
