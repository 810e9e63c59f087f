"""Messages that were changed or taken back while nobody listened, and that nobody has read yet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codebutler.events import MessageReceived
from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.inbound import Heard, Self, plain
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.pages import replies
from codebutler.surfaces.wording import load
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing
    from codebutler.surfaces.slack.link import Link

DAYS = 2
THREADS = 50
"""Threads that are looked at, the last changed first: in others nothing is unread as a rule."""


async def missed_changes(link: Link, door: Hearing) -> None:
    """Hear of changes to unread messages. Raises SlackAway when it broke off."""
    us = await link.us()
    for bound in (await door.store.bound(SURFACE))[:THREADS]:
        if bound.changed < time.time() - DAYS * 86_400:
            return
        if bound.phase == "closed":
            continue
        waiting = await _unread(door, bound.thread, bound.external_id)
        if not waiting:
            continue
        try:
            stands = await _standing(link, bound.external_id)
        except SlackRefused as error:
            link.log.info("changes in %s cannot be read: %s", bound.external_id, error)
            continue
        for ts, said in waiting.items():
            change = _change(bound.external_id, ts, said, stands.get(ts), us)
            if change is not None:
                await door.hear(change)


async def _unread(door: Hearing, thread: str, conversation: str) -> dict[str, MessageReceived]:
    """Unread messages that people wrote here, by their ts."""
    channel = conversation.partition(":")[0]
    return {
        said.key.removeprefix(f"{channel}:"): said
        for said in (await load(door.store, thread)).unread.values()
        if said.external_id == conversation and said.key.startswith(f"{channel}:") and not said.action
    }


def _change(conversation: str, ts: str, said: MessageReceived, stands: Json | None, us: Self) -> Heard | None:
    channel, _, root = conversation.partition(":")
    who = said.author.id
    if stands is None or stands.get("subtype") == "tombstone":
        return Heard("delete", channel, ts, root, who)
    text, edited = plain(str(stands.get("text") or ""), us), stands.get("edited") or {}
    if not edited or text == said.text:
        return None
    return Heard("edit", channel, ts, root, who, text=text, when=str(edited.get("ts") or ""))


async def _standing(link: Link, conversation: str) -> dict[str, Json]:
    """What stands in a thread now, by ts; nothing when it is gone with its first message."""
    try:
        return {str(m["ts"]): m async for m in replies(link.calls, conversation)}
    except SlackRefused as error:
        if error.error != "thread_not_found":
            raise
        return {}
