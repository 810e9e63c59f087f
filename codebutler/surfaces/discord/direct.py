"""Direct messages, where there are no threads: to which conversation one belongs, and when it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.commands.bare import heeds
from codebutler.store.doors import Bound
from codebutler.surfaces.discord import loose
from codebutler.surfaces.discord.inbound import SURFACE, Heard
from codebutler.surfaces.discord.places import DM, room
from codebutler.surfaces.discord.talks import spoken
from codebutler.surfaces.wording import load
from codebutler.thread.state import ThreadState

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing

ANEW = "This begins something new: “{title}” is stopped. Reply to a message of it to go on there."
GOES_ON = 'This goes on from “{title}”. Say **"close"** first to begin something new.'


async def conversation(door: Hearing, channel: str, heard: Heard) -> str:
    """A thread that is open, unless it was stopped, has what is said next. A reply is for what it answers."""
    key = f"{SURFACE}:{channel}:{heard.id}"
    said = await door.store.said(SURFACE, f"{DM}{channel}:", key)
    there = await _all(door, channel)
    if said is not None:
        there = [bound for bound in there if bound.thread == said.thread]
        return there[0].external_id if there else f"{DM}{channel}:{heard.id}"
    there = [bound for bound in there if bound.phase != "closed"]
    for bound in there if heard.reply else ():
        if await _is_in(door, bound, channel, heard.reply):
            return bound.external_id
    for bound in there:
        if heard.kind != "message" or await _holds(door, bound, heard.text):
            return bound.external_id
    return f"{DM}{channel}:{heard.id}"


async def explain(door: Hearing, heard: Heard, where: str) -> None:
    """Say where a message went that may have been meant otherwise: once for each thread that was left, and
    once for each person how one that has its answer is left."""
    channel, first = room(where)
    if first == heard.id:
        last = next((b for b in await _all(door, channel) if b.external_id != where), None)
        if last is None or not _is_left(state := await load(door.store, last.thread)):
            return
        told, words = f"{SURFACE}:direct:{last.thread}", ANEW.format(title=state.title)
    else:
        thread = await door.store.find(SURFACE, where)
        state = await load(door.store, thread) if thread else ThreadState("")
        if state.outcome != "answered" or state.plan_waits or heeds(state, heard.text):
            return
        told, words = f"{SURFACE}:direct:{channel}", GOES_ON.format(title=state.title)
    if not await door.store.noted(told):
        await door.store.note(told, heard.id)
        await loose.tell(door, heard, words)


async def _all(door: Hearing, channel: str) -> list[Bound]:
    """The one whose thread changed last comes first."""
    mine = f"{DM}{channel}:"
    return [bound for bound in await door.store.bound(SURFACE) if bound.external_id.startswith(mine)]


async def _holds(door: Hearing, bound: Bound, text: str) -> bool:
    """One that was stopped hears commands, and the words that it waits for, such as "go"."""
    state = await load(door.store, bound.thread)
    return not _is_left(state) or text.startswith("/") or heeds(state, text)


def _is_left(state: ThreadState) -> bool:
    return state.phase != "closed" and state.halted == "cancelled"


async def _is_in(door: Hearing, bound: Bound, channel: str, message: str) -> bool:
    """Whether a message is the thread's, a person's or ours."""
    posted = {post.external_id for post in await door.store.posts(bound.thread)}
    return (
        message in posted or await spoken(door.store, bound.external_id, f"{channel}:{message}") is not None
    )
