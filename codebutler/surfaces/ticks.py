"""Eyes on what is in the log, a tick on what was answered: owed by the log, so that a crash loses none."""

from __future__ import annotations

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
        done = row.status in DONE
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
