"""The asyncio face of the store. Every call is one transaction or one read; none blocks the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from codebutler.redact import Redactor
from codebutler.store import blobs, log, money, outbox
from codebutler.store.connection import prepare
from codebutler.store.crash import HOOK
from codebutler.store.readers import Readers
from codebutler.store.rows import NewEvent, NewPost, Payment, Post, StoredEvent, ThreadRow, Timer, Whole
from codebutler.store.standing import Rescue, Standing, no_rescue
from codebutler.store.together import Together
from codebutler.store.wallet import Wallet
from codebutler.store.writer import Transaction, Writer


class Store(Together, Wallet):
    """One file; several processes may have it open. Belongs to the event loop that opened it.

    A write is on disk when its call returns, but for those that say otherwise. Calls that start after that
    see it.
    """

    def __init__(self, connection: sqlite3.Connection, standing: Standing, redactor: Redactor) -> None:
        """Use ``open``."""
        self.path = standing.path
        self.standing = standing
        self.redactor = redactor
        self._writer = Writer(connection, standing)
        self._readers = Readers(standing)
        self.witness: Callable[[Sequence[StoredEvent]], object] = len
        """Hears of what this process has appended, after it is on disk. It must neither wait nor raise."""

    @classmethod
    async def open(cls, path: Path, redactor: Redactor | None = None, rescue: Rescue = no_rescue) -> Store:
        """Open the file at ``path``, creating it (mode 0600) and its folders, and update its schema.

        ``redactor`` takes secrets out of every text on its way in; without one, whatever looks like a token.
        Raises ConfigError when it cannot be used or is newer than this program, UsageError for a
        malformed CODEBUTLER_CRASH_AT, CodeButlerError when the disk is full. Every use raises StoreGone
        once the file is no longer at ``path``, with the words of ``rescue``.
        """
        HOOK.arm()
        connection = await asyncio.to_thread(prepare, path, rescue)
        try:
            standing = Standing(path, rescue)
        except BaseException:
            connection.close()
            raise
        return cls(connection, standing, redactor or Redactor())

    async def close(self) -> None:
        """Commit what waits and close the file. May be called twice."""
        await self._writer.close()
        await self._readers.close()

    @property
    def commits(self) -> int:
        """Transactions that this store has committed: far fewer than calls when many come at once."""
        return self._writer.commits

    # ------------------------------------------------------------------------- the log

    async def open_thread(
        self,
        id: str,  # noqa: A002 - the column's name; callers pass it by position
        *,
        title: str,
        owner: str,
        bindings: Sequence[tuple[str, str]],
        events: Sequence[NewEvent],
        row: Mapping[str, Any] | None = None,
        ready: bool = True,
    ) -> bool:
        """Start a thread with its doors and first events. If it or a door exists: False, nothing written."""
        columns, owner = self._columns({**(row or {}), "title": title}), self.redactor.text(owner)
        news = [self._event(event) for event in events]

        def work(tx: Transaction) -> bool:
            if not log.create(tx, id, owner=owner, row=columns, bindings=bindings, ready=ready):
                return False
            fresh[:] = log.add_events(tx, id, 0, news)
            return True

        fresh: list[StoredEvent] = []
        if begun := await self._writer.do(work):
            self.witness(fresh)
        return begun

    async def append(
        self,
        thread: str,
        events: Sequence[NewEvent],
        *,
        epoch: int | None = None,
        posts: Sequence[NewPost] = (),
        timers: Sequence[Timer] = (),
        drop_timers: Sequence[str] = (),
        row: Mapping[str, Any] | None = None,
        ready: bool | None = None,
        seen: int | None = None,
        payments: Sequence[Payment] = (),
        sync: bool = True,
    ) -> list[StoredEvent]:
        """Append events, and all that goes with them, in one transaction. Returns them as stored, in order.

        An event or post whose key the thread has is not written again; the stored event is returned in
        its place. ``row`` sets columns of the read model (title, phase, status, branch, pr, data).
        ``seen`` is the last seq that the caller knew: ``ready=False`` is then ignored if the log held
        more, so that a message that came in meanwhile keeps its turn even through a crash. Without
        ``sync`` a kill takes nothing of it, but a power cut may, until the next commit that is synced.
        Raises StaleWorker if ``epoch`` is not the thread's, CodeButlerError for an unknown thread, and
        LimitReached as ``reserve`` does for one of ``payments``.
        """
        columns = self._columns(row or {})
        news = [self._event(event) for event in events]
        out = [replace(post, payload=self._json(post.payload)) for post in posts]
        if any(timer.thread != thread for timer in timers):
            raise ValueError(f"a timer of another thread was given to {thread}")

        def work(tx: Transaction) -> tuple[list[StoredEvent], int]:
            last, before = log.position(tx, thread, epoch), len(tx.added)
            money.move(tx, payments)
            stored = log.add_events(tx, thread, last, news)
            outbox.add(tx, thread, out)
            log.set_timers(tx, thread, drop_timers, timers)
            touch = bool(columns) or len(tx.added) > before
            flag = _flag(ready, seen, last)
            if touch or flag is not None:
                log.update(tx, thread, columns, flag, touch=touch)
            return stored, last

        stored, last = await self._writer.do(work, sync=sync)
        self.witness([event for event in stored if event.seq > last])
        return stored

    async def claim(self, thread: str, held: int | None = None) -> int:
        """Take the thread over: raises its epoch and returns it, so that older workers are refused.

        ``held`` is the epoch of a worker that claims again: StaleWorker if another has come meanwhile. Not
        synced: a power cut leaves no worker.
        """
        return await self._writer.do(lambda tx: log.claim(tx, thread, held), sync=False)

    async def events(self, thread: str, after: int = 0) -> list[StoredEvent]:
        """The events past seq ``after``, in order; none for an unknown thread."""
        return await self._readers.do(lambda c: log.events(c, thread, after))

    async def whole(self, thread: str, scope: str) -> Whole:
        """All that there is of a thread, and the money of ``scope``, as they were at one moment."""
        return await self._readers.do(lambda c: _whole(c, thread, scope))

    # ------------------------------------------------------------------------- threads

    async def thread(self, id: str) -> ThreadRow | None:  # noqa: A002 - as in open_thread
        """One thread's row."""
        return await self._readers.do(lambda c: log.thread(c, id))

    async def threads(self, status: str | None = None, limit: int | None = None) -> list[ThreadRow]:
        """All threads, or those with ``status``; the one that changed last comes first."""
        return await self._readers.do(lambda c: log.threads(c, status, limit))

    async def find(self, surface: str, external_id: str) -> str | None:
        """The thread behind a conversation of a door."""
        return await self._readers.do(lambda c: log.find(c, surface, external_id))

    async def bind(self, thread: str, surface: str, external_id: str) -> None:
        """Add a door to a thread; again is a no-op. Raises CodeButlerError if another thread has it."""
        await self._writer.do(lambda tx: log.bind(tx, thread, surface, external_id))

    async def bindings(self, thread: str) -> list[tuple[str, str]]:
        """The thread's doors as (surface, external_id), in the order in which they were bound."""
        return await self._readers.do(lambda c: log.bindings(c, thread))

    async def ready_threads(self) -> list[str]:
        """The threads that want a turn, the longest unchanged first."""
        return await self._readers.do(log.ready_threads)

    async def set_ready(
        self, thread: str, ready: bool, epoch: int | None = None, *, seen: int | None = None
    ) -> bool:
        """Set the flag; ``epoch`` and ``seen`` as in ``append``. False if ``seen`` kept it as it was."""

        def work(tx: Transaction) -> bool:
            flag = _flag(ready, seen, log.position(tx, thread, epoch))
            if flag is not None:
                log.update(tx, thread, {}, flag, touch=False)
            return flag is not None

        return await self._writer.do(work)

    # -------------------------------------------------------------------------- outbox

    async def pending_posts(self, surface: str | None = None, limit: int = 100) -> list[Post]:
        """What waits for delivery, in the order in which it was queued."""
        return await self._readers.do(lambda c: outbox.pending(c, surface, limit))

    async def posts(self, thread: str) -> list[Post]:
        """All posts of a thread, delivered or not, in the order in which they were queued."""
        return await self._readers.do(lambda c: outbox.of_thread(c, thread))

    async def post_sent(self, post_id: int, external_id: str) -> None:
        """Mark a post as delivered; again is a no-op. Raises CodeButlerError for an unknown post."""
        await self._writer.do(lambda tx: outbox.sent(tx, post_id, external_id))

    async def post_failed(self, post_id: int, error: str, *, final: bool) -> None:
        """Count a failed attempt; ``final`` gives the post up. Raises CodeButlerError for an unknown post."""
        clean = self.redactor.text(error)
        await self._writer.do(lambda tx: outbox.failed(tx, post_id, clean, final=final))

    async def slot_message(self, thread: str, surface: str, conversation: str, slot: str) -> str:
        """The platform's id of the message that shows ``slot`` now, or ""."""
        return await self._readers.do(lambda c: outbox.slot_message(c, thread, surface, conversation, slot))

    # ------------------------------------------------------------------ blobs and timers

    async def put_blob(self, data: bytes) -> str:
        """Keep bytes and return their SHA-256 in hexadecimal; again is a no-op."""
        return await self._writer.do(lambda tx: blobs.put(tx.connection, data))

    async def get_blob(self, sha: str) -> bytes | None:
        """The bytes with this SHA-256, or None."""
        return await self._readers.do(lambda c: blobs.get(c, sha))

    async def due_timers(self, now: float) -> list[Timer]:
        """The timers with ``due <= now``, the earliest first."""
        return await self._readers.do(lambda c: log.due_timers(c, now))

    async def next_due(self) -> float | None:
        """When the earliest timer is due."""
        return await self._readers.do(log.next_due)

    async def last_due(self) -> float | None:
        """When the latest timer is due."""
        return await self._readers.do(log.last_due)

    # ------------------------------------------------------------- no secret gets past here

    def _columns(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """``row`` with known columns only; anything else is a programming mistake."""
        if unknown := set(row) - set(log.COLUMNS):
            raise ValueError(f"the read model has no column {min(unknown)!r}")
        return self.redactor.value(dict(row))


def _flag(ready: bool | None, seen: int | None, last: int) -> bool | None:
    """What to write to the ready flag, None for nothing."""
    return None if ready is False and seen is not None and last > seen else ready


def _whole(connection: sqlite3.Connection, thread: str, scope: str) -> Whole:
    connection.execute("BEGIN")  # the first read fixes what the others see
    try:
        return Whole(
            log.events(connection, thread, 0),
            log.thread(connection, thread),
            outbox.of_thread(connection, thread),
            money.spent(connection, [scope])[scope] if scope in money.scopes(connection, scope) else None,
            len(log.bindings(connection, thread)),
        )
    finally:
        connection.execute("ROLLBACK")
