"""Crosses that were put on messages while nobody listened: each person's on each message counts once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from codebutler.surfaces.discord.calls import DiscordRefused
from codebutler.surfaces.discord.inbound import STOPS, SURFACE, Heard
from codebutler.surfaces.discord.places import DM, parent_of, room
from codebutler.surfaces.discord.saying import name_of
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing
    from codebutler.surfaces.discord.link import Link

PAGE = 100
"""Messages of a conversation that are looked at, the newest, and people on one cross."""


async def missed_crosses(link: Link, door: Hearing, thread: str, conversation: str, *, late: bool) -> None:
    """Hear of those in a conversation that were not heard before. Raises DiscordAway when it broke off.

    ``late``: what they were to stop is over, so they stop nothing that comes later either.
    """
    keys = {row.key for row in await door.store.events(thread)}
    posted = {post.external_id for post in await door.store.posts(thread)}
    us, own = await link.us(), _own(conversation)
    async for channel, message in _standing(link, door, conversation):
        name, ours = str(message["id"]), own and (message.get("author") or {}).get("id") == us
        if not (ours or name in posted or f"{SURFACE}:{channel}:{name}" in keys):
            continue
        for user, called in (await _crossed(link, channel, message)).items():
            cross = Heard("cancel", channel, name, user, name=called)
            past = f"{SURFACE}:past:{cross.key}"
            if user == us or f"{SURFACE}:{cross.key}" in keys or await door.store.noted(past):
                continue
            if late:
                await door.store.note(past, "1")
            else:
                await door.hear(cross)


def _own(conversation: str) -> bool:
    """Whether its channel has no other conversation."""
    return not conversation.startswith(DM) and room(conversation)[0] != parent_of(conversation)


async def _standing(link: Link, door: Hearing, conversation: str) -> AsyncIterator[tuple[str, Json]]:
    """What stands in a conversation, with its channel, as far as it has crosses; the first message too."""
    channel, parent = await door.talks.channel(conversation), parent_of(conversation)
    path, call = "/channels/{channel_id}/messages", link.calls.call
    given = [(channel, m) for m in await call("GET", path, query={"limit": PAGE}, channel_id=channel)]
    if parent != channel:
        try:
            first = await call(
                "GET", f"{path}/{{message_id}}", channel_id=parent, message_id=room(conversation)[1]
            )
            given.append((parent, first))
        except DiscordRefused as error:  # a forum's post has its first message inside of itself
            link.log.debug("%s has no first message in %s: %s", conversation, parent, error)
    for place, message in given:
        if any(_stop(each) for each in message.get("reactions") or []):
            yield place, message


async def _crossed(link: Link, channel: str, message: Json) -> dict[str, str]:
    """Who put a cross on a message, and how they are called."""
    found: dict[str, str] = {}
    for each in filter(_stop, message.get("reactions") or []):
        try:
            users = await link.calls.call(
                "GET", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}",
                query={"limit": PAGE}, channel_id=channel, message_id=str(message["id"]),
                emoji=str(each["emoji"]["name"]),
            )  # fmt: skip
        except DiscordRefused as error:  # it was taken away meanwhile
            link.log.info("crosses in %s cannot be read: %s", channel, error)
            continue
        found |= {str(user["id"]): name_of(user, {}) for user in users}
    return found


def _stop(reaction: Json) -> bool:
    return (reaction.get("emoji") or {}).get("name") in STOPS
