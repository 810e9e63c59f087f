"""A thread's own log: append under the fence, keep the folded state in step, post visible messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import uuid4

from codebutler.events import Event, Posted, PrOpened, WorktreeReady, dump, parse
from codebutler.store.rows import NewEvent, NewPost, Payment, StoredEvent, Timer
from codebutler.store.store import Store
from codebutler.store.together import Told
from codebutler.thread.fold import apply, fold
from codebutler.thread.state import AGAIN, ThreadState
from codebutler.thread.watch import Entry
from codebutler.types import Outbound

Wrote: TypeAlias = Callable[[bool, Sequence[Entry]], None]
"""Hears of a commit: whether there is a post in it, and what the log gained."""


class ThreadLog:
    """One worker's hold on a thread. ``state`` is always the fold of what is on disk up to ``state.seq``."""

    def __init__(
        self,
        store: Store,
        state: ThreadState,
        epoch: int,
        redact: Callable[[str], str],
        wrote: Wrote | None = None,
    ) -> None:
        """Use ``claim``."""
        self._store = store
        self.epoch = epoch
        self._lock = asyncio.Lock()
        self._redact = redact
        self._wrote = wrote
        self._owed: list[Payment] = []
        self.promised: dict[str, int] = {}
        """Tokens of calls that found room under the thread's cap and are about to be logged, by their key."""
        self.state = state

    @classmethod
    async def claim(
        cls,
        store: Store,
        thread: str,
        redact: Callable[[str], str],
        wrote: Wrote | None = None,
        held: int | None = None,
    ) -> ThreadLog:
        """Take the thread over from any other worker and load it.

        ``wrote`` is called after every commit, with whether it held a post and what the log gained. With
        ``held``, an epoch, only
        from that one: StaleWorker when another has come.
        """
        epoch = await store.claim(thread, held)
        rows = await store.events(thread)
        state = fold(thread, ((r.seq, r.ts, parse(r.body)) for r in rows))
        return cls(store, state, epoch, redact, wrote)

    def redact(self, text: str) -> str:
        """``text`` without secrets."""
        return self._redact(text)

    async def append(
        self,
        *events: Event,
        drop_timers: Sequence[str] = (),
        hold: Payment | None = None,
        sync: bool = True,
    ) -> None:
        """Log events; on return they are on disk and in ``state``. Raises StaleWorker when taken over.

        Without ``sync`` they are safe from a kill, and from a power cut with the next events that have it.

        ``hold`` is money that they need: LimitReached, and nothing written, where a cap leaves none.
        """
        news = [NewEvent(e.kind, uuid4().hex, dump(e)) for e in events]
        await self._write(news, drop_timers=drop_timers, hold=hold, row=_row(events), sync=sync)

    def owe(self, payment: Payment) -> None:
        """What a held key has cost is settled in the next commit: that of the events that say so."""
        self._owed.append(payment)

    async def post(
        self, message: Outbound, *, key: str, before: Sequence[Event] = (), after: Sequence[Event] = (),
        ready: bool | None = None, timers: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        """Show ``message`` at every door of the thread, once per ``key``, with the events in one commit.

        ``timers`` are set with it: unix times by key.
        """
        if self.state.rewinds:
            key = f"{key}{AGAIN}{self.state.rewinds}"
        payload = dump(message)
        posts = [
            NewPost(f"{key}@{surface}:{external}", surface, external, payload, message.slot)
            for surface, external in await self._store.bindings(self.state.id)
        ]
        news = [NewEvent(e.kind, uuid4().hex, dump(e)) for e in before]
        if not message.slot:
            news.append(NewEvent("posted", f"post:{key}", dump(Posted(post=message, source=key))))
        news += [NewEvent(e.kind, uuid4().hex, dump(e)) for e in after]
        row = _row([*before, *after])
        await self._write(news, posts=posts, ready=ready, timers=timers or {}, row=row)

    async def tell(self, words: Sequence[Told]) -> None:
        """Put words into several threads' logs and outboxes, this one's among them, in one commit."""
        async with self._lock:
            await self._store.tell(words)
            gained = self._absorb(await self._store.events(self.state.id, after=self.state.seq))
        if self._wrote is not None:
            self._wrote(True, gained)

    async def update_row(self, **row: str | int) -> None:
        """Refresh the read model (title, phase, status, branch, pr); after a power cut it may lag behind."""
        await self._write([], row=row, sync=False)

    async def rest(
        self, end: Event | None = None, message: Outbound | None = None, *, stuck: Collection[int] = ()
    ) -> bool:
        """Log the end of a turn, with its message, in one commit.

        True when every message has been read, but for those in ``stuck`` (their seqs), with which nothing
        can be done now; else the thread stays ready and the turn must go on.
        """
        ready = False if set(self.state.unread) <= set(stuck) else None
        ends = [end] if end is not None else []
        if message is not None:
            await self.post(message, key=f"end:{self.state.seq}", after=ends, ready=ready)
        else:
            await self._write([NewEvent(e.kind, uuid4().hex, dump(e)) for e in ends], ready=ready)
        return set(self.state.unread) <= set(stuck)

    async def sync(self) -> None:
        """Fold in what doors and other processes have appended."""
        async with self._lock:
            self._absorb(await self._store.events(self.state.id, after=self.state.seq))

    async def _write(
        self,
        news: Sequence[NewEvent],
        *,
        posts: Sequence[NewPost] = (),
        row: Mapping[str, Any] | None = None,
        ready: bool | None = None,
        timers: Mapping[str, float] | None = None,
        drop_timers: Sequence[str] = (),
        hold: Payment | None = None,
        sync: bool = True,
    ) -> None:
        async with self._lock:
            owed = len(self._owed)
            stored = await self._store.append(
                self.state.id,
                news,
                epoch=self.epoch,
                posts=posts,
                timers=[Timer(self.state.id, key, due) for key, due in (timers or {}).items()],
                drop_timers=drop_timers,
                row=row,
                ready=ready,
                seen=self.state.seq,
                payments=[*self._owed, hold] if hold is not None else list(self._owed),
                sync=sync,
            )
            del self._owed[:owed]
            if (
                not stored
                or stored[0].seq != self.state.seq + 1
                or stored[-1].seq != self.state.seq + len(stored)
            ):
                stored = await self._store.events(self.state.id, after=self.state.seq)
            gained = self._absorb(stored)
        if self._wrote is not None:
            self._wrote(bool(posts), gained)

    def _absorb(self, rows: Sequence[StoredEvent]) -> list[Entry]:
        news = [(row, parse(row.body)) for row in rows if row.seq > self.state.seq]
        for row, event in news:
            apply(self.state, row.seq, row.ts, event)
        return news


def _row(events: Sequence[Event]) -> dict[str, str]:
    """What the read model gains in the commit of ``events``: after a kill, nobody would write it anew."""
    row: dict[str, str] = {}
    for event in events:
        if isinstance(event, WorktreeReady):
            row["branch"] = event.branch
        elif isinstance(event, PrOpened):
            row["pr"] = str(event.number)
    return row
