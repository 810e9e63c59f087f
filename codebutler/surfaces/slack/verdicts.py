"""Whether a press or a form counts: for its person, its thread, and as long as what it stands for is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.surfaces.slack.blocks import Pressed
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.wording import OWNERS, gone
from codebutler.thread.state import ThreadState

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
    owner = state.opened.owner if state.opened else None
    mine = owner is None or (owner.surface, owner.id) == (SURFACE, user) or user in door.settings.admins
    if pressed.action in OWNERS and not mine:
        return f"Only {owner.label if owner else 'the owner'} decides in this thread."
    return gone(state, pressed.action, pressed.value, pressed.mark)
