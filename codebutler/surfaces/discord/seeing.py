"""Which threads somebody may know of: what is said outside of the repo's channels stays where it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.surfaces.discord.doing import Doing
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.places import parent_of, placed, room
from codebutler.surfaces.wording import load
from codebutler.types import Person

if TYPE_CHECKING:
    from codebutler.store.rows import ThreadRow
    from codebutler.surfaces.discord.hearing import Hearing


async def shown(doing: Doing, door: Hearing) -> list[tuple[ThreadRow, str]]:
    """The open threads that this person may know of, each with its conversation here, or ""."""
    person = await doing.person(door)
    bound = {b.thread: b.external_id for b in await door.store.bound(SURFACE)}
    rows = [row for row in await door.store.threads(limit=200) if row.phase != "closed"]
    return [
        (row, bound.get(row.id, ""))
        for row in rows
        if await may_see(doing, door, person, row.id, bound.get(row.id, ""))
    ]


async def may_see(doing: Doing, door: Hearing, person: Person, thread: str, conversation: str) -> bool:
    """Whether they may: its owner and admins always, others in the repo's channels or where it is held."""
    return person.admin or await _beside(doing, door, conversation) or await owns(door, person, thread)


async def _beside(doing: Doing, door: Hearing, conversation: str) -> bool:
    """Whether the thread is held in one of the repo's channels, or around where this is asked."""
    if not placed(conversation):
        return False
    parent, channel = parent_of(conversation), room(conversation)[0]
    if doing.channel == channel:
        return True
    if doing.link.places.private(channel):
        return False
    here = await doing.link.places.of(doing.channel)
    return parent in door.channels or parent in {here.id, here.parent}


async def owns(door: Hearing, person: Person, thread: str) -> bool:
    """Whether it is theirs."""
    state = await load(door.store, thread)
    owner = state.opened.owner if state.opened else None
    return owner is not None and (owner.surface, owner.id) == (person.surface, person.id)
