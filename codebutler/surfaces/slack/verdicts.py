"""Whether a press or a form counts: for its person, its thread, and as long as what it stands for is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.surfaces.slack.blocks import Pressed
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.wording import gone, not_theirs
from codebutler.thread.state import ThreadState
from codebutler.types import Person

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing
    from codebutler.surfaces.slack.link import Link


async def owner_of(link: Link, conversation: str) -> tuple[Hearing, str] | None:
    """The door and thread behind a conversation."""
    for door in link.doors:
        thread = await door.store.find(SURFACE, conversation)
        if thread is not None:
            return door, thread
    return None


def refusal(door: Hearing, state: ThreadState, pressed: Pressed, user: str) -> str:
    """Why this press does not count, or ""."""
    if not door.allows(user):
        return "You are not among the people who may use CodeButler here."
    person = Person(surface=SURFACE, id=user, admin=user in door.settings.admins)
    if why := not_theirs(door.access, state, pressed.action, person):
        return why
    return gone(state, pressed.action, pressed.value, pressed.mark)
