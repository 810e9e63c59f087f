"""Which threads somebody may know of: what is said outside of the repo's channels stays where it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.events import ThreadOpened, parse
from codebutler.surfaces.discord.doing import Doing
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.places import parent_of, placed, room
from codebutler.types import Person

if TYPE_CHECKING:
    from codebutler.store.rows import ThreadRow
    from codebutler.surfaces.discord.hearing import Hearing


ROWS = 2_000
"""Threads among which the open ones are looked for, those that changed last first."""


async def shown(doing: Doing, door: Hearing) -> list[tuple[ThreadRow, str]]:
    """The open threads that this person may know of, each with its conversation here, or ""."""
    person = await doing.person(door)
    bound = {b.thread: b.external_id for b in await door.store.bound(SURFACE)}
    rows = [row for row in await door.store.threads(limit=ROWS) if row.phase != "closed"]
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
    row = await door.store.last(thread, "thread_opened")  # a fork has its own after the one it copied
    opened = parse(row.body) if row is not None else None
    owner = opened.owner if isinstance(opened, ThreadOpened) else None
    return owner is not None and (owner.surface, owner.id) == (person.surface, person.id)
