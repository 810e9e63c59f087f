"""Whether a press or a form counts: for its person, its thread, and as long as what it stands for is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.events import parse
from codebutler.surfaces.slack.blocks import Pressed
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.thread.fold import fold
from codebutler.thread.state import ThreadState

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing
    from codebutler.surfaces.slack.link import Link

OWNERS = frozenset({"approve", "merge", "memory", "raise", "code", "refine", "pick"})
"""What only the thread's owner, or an admin, decides."""


async def owner_of(link: Link, conversation: str) -> tuple[Hearing, str] | None:
    """The door and thread behind a conversation."""
    for door in link.doors:
        thread = await door.store.find(SURFACE, conversation)
        if thread is not None:
            return door, thread
    return None


async def load(door: Hearing, thread: str) -> ThreadState:
    """The thread as it stands."""
    return fold(thread, ((r.seq, r.ts, parse(r.body)) for r in await door.store.events(thread)))


def refusal(door: Hearing, state: ThreadState, pressed: Pressed, user: str) -> str:
    """Why this press does not count, or ""."""
    if not door.allows(user):
        return "You are not among the people who may use CodeButler here."
    owner = state.opened.owner if state.opened else None
    mine = owner is None or (owner.surface, owner.id) == (SURFACE, user) or user in door.settings.admins
    if pressed.action in OWNERS and not mine:
        return f"Only {owner.label if owner else 'the owner'} decides in this thread."
    return gone(state, pressed)


def gone(state: ThreadState, pressed: Pressed) -> str:
    """Why what the button stands for cannot be done any more, or ""."""
    plan, question = state.plan, state.question
    match pressed.action:
        case "approve" | "refine" if plan is None or not state.plan_waits:
            return "This plan is no longer waiting for a decision."
        case "approve" if plan is not None and pressed.value != plan.hash:
            return f"That plan has been replaced. The one on the table is {plan.hash[:8]}."
        case "merge" if state.pr is None or state.pr_state != "open" or str(state.pr.number) != pressed.value:
            return "There is no such open pull request any more."
        case "memory" | "pick" if not state.memory:
            return "No memory items wait for a decision any more."
        case "answer" if question is None or f"question:{question.call_id}" not in pressed.mark:
            return "This question has been answered."
        case _:
            return ""
