"""Buttons of what is over: they give way to what became of it."""

from __future__ import annotations

from codebutler.surfaces.buttons import Ending
from codebutler.surfaces.discord import looks
from codebutler.surfaces.discord.link import Link
from codebutler.surfaces.discord.talks import Talks

_PATH = "/channels/{channel_id}/messages/{message_id}"


async def give_way(link: Link, talks: Talks, conversation: str, message: str, end: Ending) -> None:
    """Put who decided, and when, in the place of a message's buttons, if it has any."""
    channel = await talks.channel(conversation)
    given = await link.calls.call("GET", _PATH, channel_id=channel, message_id=message)
    if given.get("components"):
        body = looks.used(given, looks.ended(end))
        await link.calls.call("PATCH", _PATH, body=body, channel_id=channel, message_id=message)
