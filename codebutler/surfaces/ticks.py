"""Eyes on what is in the log, a tick on what was answered: owed by the log, so that a crash loses none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from codebutler.events import MessageReceived, parse
from codebutler.store.rows import ThreadRow
from codebutler.store.store import Store

DONE = frozenset({"answered", "done", "closed"})
"""How a turn ends when nothing is left to do or to decide."""
NO_MESSAGE = frozenset({"command", "form", "press"})
"""How keys begin of what is no message: there is nothing to put a sign on."""
MARGIN = 60.0
"""Seconds before the last complete look from which threads are looked at again."""
PAUSES = (0.05, 1.0, 5.0)
"""Seconds after a delivery: it is noted in the store when the platform has the words already."""


class Ticks:
    """One door's. ``react`` gets channel, message, emoji; a message's key in the log is channel:message."""

    def __init__(
        self,
        store: Store,
        surface: str,
        react: Callable[[str, str, str], Awaitable[None]],
        *,
        eyes: str,
        tick: str,
    ) -> None:
        """``eyes`` and ``tick``: the platform's words for the two."""
        self._store = store
        self._surface = surface
        self._react = react
        self._eyes, self._done = eyes, tick
        self._held: set[str] = set()
        """Conversations whose last words are still on their way: the tick comes after them."""
        self._looking: set[str] = set()

    async def mend(self) -> None:
        """Set what a crash kept from being set. Raises whatever ``react`` raises."""
        key, begun = f"{self._surface}:signs", time.time()
        since = float(await self._store.noted(key) or begun)
        for bound in await self._store.bound(self._surface):
            if bound.changed < since - MARGIN:
                break
            row = await self._store.thread(bound.thread)
            if row is not None:
                await self.tick(row, bound.external_id, eyes=True)
        await self._store.note(key, f"{begun:.3f}")

    async def tick(self, row: ThreadRow, conversation: str, *, eyes: bool) -> None:
        """The signs of one conversation; ``eyes``: those on receipt, too."""
        key = f"{self._surface}:ticked:{conversation}"
        last = int(await self._store.noted(key) or 0)
        done = row.status in DONE and not await self._unsaid(row.id, conversation)
        ticked = last
        for stored in await self._store.events(row.id, after=last) if done or eyes else []:
            if stored.kind != "message_received":
                continue
            said = parse(stored.body)
            if not isinstance(said, MessageReceived) or said.external_id != conversation or said.action:
                continue
            channel, _, message = said.key.partition(":")
            if ":" in message or not message or channel in NO_MESSAGE:
                continue
            for name in (*([self._eyes] if eyes else []), *([self._done] if done else [])):
                await self._react(channel, message, name)
            ticked = stored.seq
        if done and ticked > last:
            await self._store.note(key, str(ticked))

    async def said(self, conversation: str) -> None:
        """Words came there: a tick that waits for the last of them is looked at again."""
        if conversation not in self._held or conversation in self._looking:
            return
        self._looking.add(conversation)
        try:
            thread = await self._store.find(self._surface, conversation)
            for seconds in PAUSES:
                await asyncio.sleep(seconds)
                row = await self._store.thread(thread) if thread else None
                if row is not None:
                    await self.tick(row, conversation, eyes=False)
                if conversation not in self._held:
                    return
        finally:
            self._looking.discard(conversation)

    async def _unsaid(self, thread: str, conversation: str) -> bool:
        """Whether words wait for the platform to take them; a status card is none."""
        there = (self._surface, conversation)
        waiting = any(
            post.state == "pending" and not post.slot and (post.surface, post.conversation) == there
            for post in await self._store.posts(thread)
        )
        (self._held.add if waiting else self._held.discard)(conversation)
        return waiting
