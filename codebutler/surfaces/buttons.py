"""Buttons that still stand when what they stand for was decided in words, or has come to nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import Struct

from codebutler.events import MemoryDecided
from codebutler.store.store import Store
from codebutler.surfaces.wording import choices, gone, load
from codebutler.thread.state import ThreadState
from codebutler.types import Outbound, Person

MATTERS = frozenset({"approve", "refine", "merge", "memory", "pick", "answer", "raise"})
"""Actions whose matter is open for a while; the others can be taken at any time."""
KEPT = 2_000
"""Conversations of which it is known which buttons stand in them."""


class Ending(Struct, frozen=True):
    """What became of a message's buttons; ``by`` is who decided, if anybody did."""

    words: str
    by: Person | None = None


def ending(state: ThreadState, message: Outbound, mark: str) -> Ending | None:
    """What became of them, or None while something that they stand for is open."""
    matters = {c.action: c.value for c in choices(message) if c.action in MATTERS}
    over = [gone(state, action, value, mark) for action, value in matters.items()]
    if not over or not all(over):
        return None
    if state.approval is not None and matters.get("approve") == state.approval.hash:
        return Ending("Approved", state.approval.by)
    if "memory" in matters and (decided := _on_memory(state)):
        return Ending("Decided", decided.by)
    if "merge" in matters and state.merge is not None:
        return Ending("Merge", state.merge.by)
    return Ending(f"No longer open: {over[0]}")


def _on_memory(state: ThreadState) -> MemoryDecided | None:
    """The last decision on items that waited."""
    decided = (event for _, _, event in reversed(state.live) if isinstance(event, MemoryDecided))
    return next((event for event in decided if not event.apart), None)


class Buttons:
    """One door's. ``replace`` gets a conversation, the platform's id of a message, and what to put there."""

    def __init__(
        self, store: Store, surface: str, replace: Callable[[str, str, Ending], Awaitable[None]]
    ) -> None:
        """Nothing is known of any conversation."""
        self._store = store
        self._surface = surface
        self._replace = replace
        self._standing: dict[str, dict[str, tuple[Outbound, str]]] = {}
        """By conversation and message: what was offered, and its mark."""

    async def offer(self, conversation: str, shown: str, message: Outbound, mark: str) -> None:
        """A message stands there now."""
        if _offers(message):
            (await self._known(conversation))[shown] = message, mark

    async def replaced(self, conversation: str, shown: str, replacing: Awaitable[object]) -> None:
        """Its buttons were pressed: ``replacing`` puts something in their place, else ``tidy`` does."""
        taken = self._standing.get(conversation, {}).pop(shown, None)
        try:
            await replacing
        except BaseException:
            if taken is not None:
                self._standing.setdefault(conversation, {})[shown] = taken
            raise

    async def tidy(self, conversation: str) -> None:
        """Take away buttons of what is over. Raises whatever ``replace`` raises."""
        standing = await self._known(conversation)
        thread = await self._store.find(self._surface, conversation) if standing else None
        if thread is None:
            return
        state = await load(self._store, thread)
        for shown, (message, mark) in list(standing.items()):
            end = ending(state, message, mark)
            if end is not None and shown in standing:
                await self.replaced(conversation, shown, self._replace(conversation, shown, end))

    async def _known(self, conversation: str) -> dict[str, tuple[Outbound, str]]:
        """What stands there, as far as it is not known to be used."""
        standing = self._standing.pop(conversation, None)
        if standing is None:
            thread = await self._store.find(self._surface, conversation)
            standing = await self._sent(thread, conversation) if thread else {}
        standing = self._standing.setdefault(conversation, standing)
        while len(self._standing) > KEPT:
            del self._standing[next(iter(self._standing))]
        return standing

    async def _sent(self, thread: str, conversation: str) -> dict[str, tuple[Outbound, str]]:
        """What an earlier process has sent there."""
        found: dict[str, tuple[Outbound, str]] = {}
        for post in await self._store.posts(thread):
            if (post.surface, post.conversation) == (self._surface, conversation) and post.external_id:
                message = Outbound.model_validate_json(post.payload)
                if _offers(message):
                    found[post.external_id] = message, f"{thread}:{post.key}"
        return found


def _offers(message: Outbound) -> bool:
    return any(choice.action in MATTERS for choice in message.choices)
