"""A word to a thread that is said outside of all: who says it hears where it belongs, and nothing begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from codebutler.commands.bare import heeds, is_order
from codebutler.store.store import Store
from codebutler.surfaces.wording import load
from codebutler.types import Json

Unsettled: TypeAlias = Callable[[str, str, str], Awaitable[str]]
"""(surface, channel, user) → why nobody hears a channel that is to be ours; "" where it is not."""
FEW = 5
"""Threads that are named."""
LOOKED = 50
"""Open threads that are looked at, the last changed first."""
SHOWN = 40
"""Characters of a word that are told."""


def prefix(surface: str) -> str:
    """Before the notes of a door."""
    return f"{surface}:loose:"


class Loose:
    """One door's. What was said so is kept: its author is told once, and may make a request of it."""

    def __init__(self, store: Store, surface: str) -> None:
        """``surface`` is the door's name."""
        self._store = store
        self._surface = surface
        self._key = prefix(surface)

    def is_one(self, text: str, files: Sequence[Json]) -> bool:
        """Whether a message asks for nothing by itself."""
        return not files and is_order(text)

    async def is_new(self, about: str) -> bool:
        """Keep that ``about`` (its place and id) is one; whether that was not known."""
        if await self.known(about):
            return False
        await self._store.note(self._key + about, about)
        return True

    async def known(self, about: str) -> bool:
        """Whether its author was told."""
        return bool(await self._store.noted(self._key + about))

    async def put_right(self, kind: str, about: str, text: str, files: Sequence[Json]) -> bool:
        """Whether a change makes a request of such a word."""
        return kind == "edit" and await self.known(about) and not self.is_one(text, files)

    async def waiting(self, text: str, here: Callable[[str], bool]) -> list[tuple[str, str]]:
        """(conversation, title) of each open thread that waits for the word, of those that are ``here``."""
        bound = await self._store.bound(self._surface)
        found = []
        for each in [b for b in bound if b.phase != "closed" and here(b.external_id)][:LOOKED]:
            state = await load(self._store, each.thread)
            if heeds(state, text):
                found.append((each.external_id, state.title))
        return found


def shown(text: str) -> str:
    """The word, for a sentence."""
    return " ".join(text.split())[:SHOWN]


def told(word: str, named: Sequence[str]) -> str:
    """What to say, with the threads that wait for it; ``word`` and names as the platform has them."""
    head = f"Nothing was begun: “{word}” is a word for a thread."
    if not named:
        return (
            f"{head} None that is open here waits for it. Say it in the one that you mean, or say in a "
            "sentence what is to be done."
        )
    if len(named) > FEW:
        return f"{head} {len(named)} that are open here wait for it: say it in the one that you mean."
    return f"{head} Say it in {' or '.join(named)}."
