"""What a door turned away stays so: its author may be let in before the platform's history is read again.

``about`` is where a message stands, ``CHANNEL:ID``, its id a number that grows with time.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from codebutler.store.store import Store
from codebutler.surfaces import loose


class Heard(Protocol):
    """What somebody did, as each door has it."""

    @property
    def kind(self) -> str:
        """ "message", or another doing."""

    @property
    def key(self) -> str:
        """Of a message: where it stands."""


def prefix(surface: str) -> str:
    """Before the notes of a door."""
    return f"{surface}:turned:"


async def keep(store: Store, surface: str, heard: Heard) -> None:
    """If it is a message, it was not for its author to say."""
    if heard.kind == "message":
        await store.note(prefix(surface) + heard.key, heard.key)


async def kept(store: Store, surface: str, about: str) -> bool:
    """Whether the message was turned away, and its author told so."""
    return bool(await store.noted(prefix(surface) + about))


async def forget(store: Store, surface: str, before: float) -> None:
    """Messages with ids below this one are not read again; nor are words to threads that stood in none."""
    for start in (prefix(surface), loose.prefix(surface)):
        for about in await store.notes(start):
            if Decimal(about.rpartition(":")[2]) < before:
                await store.note(start + about, "")
