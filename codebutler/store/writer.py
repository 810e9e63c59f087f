"""The one writer thread: whatever waits when it comes round becomes a single COMMIT.

Each piece of work runs under its own savepoint, so one that is refused does not disturb its neighbours.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from codebutler.errors import CodeButlerError, StoreGone
from codebutler.store.crash import HOOK
from codebutler.store.faults import translate
from codebutler.store.standing import Standing

T = TypeVar("T")
_BATCH = 512


class Transaction(Struct):
    """What a piece of work may use. ``added``: the kinds of the event rows that it has inserted."""

    connection: sqlite3.Connection
    now: float
    added: list[str] = []


class _Job(Struct):
    """``work`` may run more than once before ``future`` hears of it, but is committed at most once."""

    work: Callable[[Transaction], Any]
    future: asyncio.Future[Any]
    sync: bool
    value: Any = None
    error: Exception | None = None


class Writer:
    """Owns the writing connection. To be used from the event loop that made it."""

    def __init__(self, connection: sqlite3.Connection, standing: Standing) -> None:
        """Start the thread. A daemon: an abandoned store never keeps the interpreter alive."""
        self._connection = connection
        self._standing = standing
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._synced = True
        self._thread = threading.Thread(target=self._run, name=f"store {standing.path.name}", daemon=True)
        self._thread.start()
        self.commits = 0

    async def do(self, work: Callable[[Transaction], T], *, sync: bool = True) -> T:
        """Run ``work`` in the writer thread; on return its writes are on disk.

        Without ``sync`` the kernel has them: a kill takes nothing, a power cut the last such commits that no
        synced one follows, by this or any other process. Commits are never lost from the middle.

        What ``work`` raises is raised here and nothing of it is written. A caller that is cancelled
        while it waits does not know whether the commit happened.
        """
        if self._closed:
            raise CodeButlerError(f"the store {self._standing.path} is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Job(work, future, sync))
        return await future

    async def close(self) -> None:
        """Commit what waits, then end the thread and its connection. May be called twice."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        open_ = True
        while open_:
            jobs, open_ = self._collect()
            if jobs:
                self._commit(jobs)
                self._answer(jobs)
        self._connection.close()

    def _collect(self) -> tuple[list[_Job], bool]:
        """Wait for work and take all there is; False when the store is being closed."""
        jobs: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == _BATCH:
                return jobs, True
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return jobs, True
        return jobs, False

    def _commit(self, jobs: Sequence[_Job]) -> None:
        """Run ``jobs`` in one transaction and note in each what came of it. Never raises."""
        transaction = Transaction(self._connection, time.time())
        try:
            self._standing.check()
            self._sync(any(job.sync for job in jobs))
            self._connection.execute("BEGIN IMMEDIATE")
        except (sqlite3.Error, StoreGone, OSError) as error:
            _refuse(jobs, self._worded(error))
            return
        try:
            for job in jobs:
                self._attempt(transaction, job)
            HOOK.before_commit(transaction.added)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whoever waits for the work gets it
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if len(jobs) == 1:
                _refuse(jobs, self._worded(error))
                return
            for job in jobs:  # one that is too big for the disk must not take its neighbours along
                self._commit([job])
            return
        self.commits += 1
        HOOK.after_commit(transaction.added)

    def _sync(self, wanted: bool) -> None:
        """Whether the next COMMIT waits for the disk. SQLite takes no such order within a transaction."""
        if wanted != self._synced:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if wanted else 'NORMAL'}")
            self._synced = wanted

    def _attempt(self, transaction: Transaction, job: _Job) -> None:
        """Run one job under a savepoint. Raises only if SQLite has dropped the whole transaction."""
        execute, before = self._connection.execute, len(transaction.added)
        job.value, job.error = None, None
        execute("SAVEPOINT job")
        try:
            job.value = job.work(transaction)
        except Exception as error:
            if not self._connection.in_transaction:
                raise
            execute("ROLLBACK TO job")
            del transaction.added[before:]
            job.error = self._worded(error)
        execute("RELEASE job")

    def _worded(self, error: Exception) -> Exception:
        return translate(self._standing.path, error, self._standing.rescue)

    def _answer(self, jobs: Sequence[_Job]) -> None:
        try:
            self._loop.call_soon_threadsafe(_resolve, jobs)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return


def _refuse(jobs: Sequence[_Job], error: Exception) -> None:
    for job in jobs:
        job.value, job.error = None, error


def _resolve(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        if job.future.done():  # its task was cancelled meanwhile
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.value)
