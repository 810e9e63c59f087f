"""A thread that branched off in words gets a conversation of its own, beside the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.errors import DoorClosed
from codebutler.settings.discord import Discord as Settings
from codebutler.store.store import Store
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.partner import Partner
from codebutler.surfaces.discord.places import parent_of, placed

if TYPE_CHECKING:
    from codebutler.surfaces.discord.link import Link

MOVED = f"{SURFACE}:moved:"


async def moved(link: Link, store: Store, settings: Settings, name: str, mark: str) -> str:
    """Where the conversation ``name`` (``fork-SOURCE-N``) is held; made with its first message, by its mark.

    Raises as ``Calls.call``, and DoorClosed where no channel is known.
    """
    if known := await store.noted(f"{MOVED}{name}"):
        return known
    thread, source = mark.partition(":")[0], [*name.split("-"), ""][1]
    row = await store.thread(thread)
    beside = [there for surface, there in await store.bindings(source) if surface == SURFACE]
    home = next((parent_of(there) for there in beside if placed(there)), settings.channel_id)
    if not home:
        raise DoorClosed(f"there is no channel for {name}", fix="Set discord.channelID.")
    title = row.title if row is not None else thread
    conversation = await Partner(link, home).begin(f"{title}\n(`{thread}`)", mark=name)
    await store.move(thread, SURFACE, name, conversation)
    await store.note(f"{MOVED}{name}", conversation)
    return conversation
