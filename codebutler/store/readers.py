"""The reading side: a small pool of threads, each read on a connection of its own, never behind a write."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from codebutler.errors import CodeButlerError
from codebutler.store.connection import connect
from codebutler.store.faults import translate
from codebutler.store.standing import Standing

T = TypeVar("T")
_THREADS = 2


class Readers:
    """A read sees every commit that was answered before it began."""

    def __init__(self, standing: Standing) -> None:
        """Threads and connections are made when first used."""
        self._standing = standing
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"store {standing.path.name} reader")
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    async def do(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``read`` in a reader thread. ``read`` should be one statement if it must be consistent."""
        if self._closed:
            raise CodeButlerError(f"the store {self._standing.path} is closed")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, read)

    async def close(self) -> None:
        """Let running reads end, then close their connections. May be called twice."""
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown)
        while self._idle:
            self._idle.pop().close()

    def _run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._standing.check()
            connection = self._take()
            try:
                return read(connection)
            finally:
                self._idle.append(connection)
        except (sqlite3.Error, OSError, UnicodeEncodeError) as error:
            raise translate(self._standing.path, error, self._standing.rescue) from error

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return connect(self._standing.path, read_only=True)
