"""A reply under what is no thread of ours: it may have come before its first message, or is under ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.inbound import Heard, read
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.loose import is_loose
from codebutler.surfaces.slack.pages import replies
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing

STRANGERS = 2_000
"""Threads of which it is known that they are none of ours."""


async def overtook(door: Hearing, heard: Heard) -> bool:
    """Whether a reply came before the message that it replies to; that one is heard first then.

    Or under one of ours that is nobody's thread, such as the channel's hello, or under a mere word to a
    thread: that is said to us.
    """
    known = heard.conversation in door.strangers
    if heard.kind != "message" or heard.top or known or heard.channel not in door.channels:
        return False
    since = float(await door.store.noted(f"{SURFACE}:{heard.channel}") or 0)
    us, top = await door.link.us(), await _first(door, heard)
    first = read({**top, "type": "message", "channel": heard.channel}, us)
    ours = us.wrote(top) and top.get("ts") == heard.root
    if first and first.ts == heard.root and float(first.ts) > since and door.allows(first.user):
        ours = await is_loose(door, first)
        if not ours:
            await door.accept(first, called=False)
            return True
    if ours and door.allows(heard.user):
        if await is_loose(door, heard, under=True):
            return False
        await door.accept(heard, called=True)
        return True
    if len(door.strangers) >= STRANGERS:
        door.strangers.clear()
    door.strangers.add(heard.conversation)
    return False


async def _first(door: Hearing, heard: Heard) -> Json:
    """The first message of the thread that something belongs to; nothing if it is gone."""
    try:
        async for message in replies(door.link.calls, heard.conversation, limit=1):
            return message
    except SlackRefused as error:
        door.link.log.info("the thread %s cannot be read: %s", heard.conversation, error)
    return {}
