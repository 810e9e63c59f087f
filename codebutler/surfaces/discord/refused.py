"""What was turned away stays so: its author may be let in before the history is read again."""

from __future__ import annotations

from codebutler.store.store import Store
from codebutler.surfaces.discord.inbound import SURFACE, Heard

REFUSED = f"{SURFACE}:refused:"


async def keep(store: Store, heard: Heard) -> None:
    """It was not for its author to say."""
    if heard.kind == "message":
        await store.note(REFUSED + heard.key, heard.key)


async def kept(store: Store, heard: Heard) -> bool:
    """Whether the message was turned away, and its author told so."""
    return bool(await store.noted(f"{REFUSED}{heard.channel}:{heard.id}"))


async def forget(store: Store, before: int) -> None:
    """Messages before this id are not read again."""
    for key in await store.notes(REFUSED):
        if int(key.rpartition(":")[2]) < before:
            await store.note(REFUSED + key, "")
