"""What was turned away stays so: its author may be let in before the history is read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.store.store import Store
from codebutler.surfaces.slack.inbound import Heard
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.owners import NOT_YOU

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing

TURNED = f"{SURFACE}:turned:"


async def turned_away(door: Hearing, heard: Heard) -> bool:
    """Whether its author may not use the door, which they are told, or might not when it was said."""
    about = f"{heard.channel}:{heard.ts}"
    if door.allows(heard.user):
        return bool(await door.store.noted(TURNED + about))
    door.turn_away(heard, NOT_YOU)
    if heard.kind == "message":
        await door.store.note(TURNED + about, about)
    return True


async def forget(store: Store, before: float) -> None:
    """Messages before this ts are not read again."""
    for about in await store.notes(TURNED):
        if float(about.rpartition(":")[2]) < before:
            await store.note(TURNED + about, "")
