"""Following a thread in the process that runs it, without a look at the store for each of its commits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import TypeAlias

from codebutler.events import Event
from codebutler.store.rows import StoredEvent

Entry: TypeAlias = tuple[StoredEvent, Event | None]
"""An event as it is stored, and as it was read; None for a kind that this version does not know."""
KEPT = 512
"""Entries that wait for a follower that lags; it finds older ones in the store."""


class Watch(asyncio.Event):
    """Set whenever the thread's log, outbox or readiness may have changed in this process."""

    def __init__(self) -> None:
        """Nothing has changed yet."""
        super().__init__()
        self._news: deque[Entry] = deque(maxlen=KEPT)

    def tell(self, news: Iterable[Entry] = ()) -> None:
        """Something changed: ``news`` is what the log gained, as far as the teller knows."""
        self._news.extend(news)
        self.set()

    def take(self, after: int) -> list[Entry]:
        """All entries past seq ``after`` that were told of; none where one is missing: the store has them."""
        news = [entry for entry in self._news if entry[0].seq > after]
        self._news.clear()
        whole = bool(news) and [row.seq for row, _ in news] == list(range(after + 1, after + 1 + len(news)))
        return news if whole else []
