"""What stands in a conversation: what was posted by an attempt whose fate is unknown is found there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codebutler.store.store import Store
from codebutler.surfaces.discord import looks
from codebutler.surfaces.discord.calls import UNKNOWN_CHANNEL, DiscordRefused
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.places import room
from codebutler.surfaces.discord.talks import Talks
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.discord.link import Link

PAGE = 100


@dataclass
class Standing:
    """What stands in a conversation: our messages by nonce, and those that nobody has claimed."""

    marks: dict[str, str] = field(default_factory=dict)
    loose: list[Json] = field(default_factory=list)

    def adopted(self, body: Json, card: str) -> str:
        """The message of an attempt that broke off, if it is there; a ``card`` is known by its thread."""
        for row in self.loose:
            if looks.is_card(row, card) if card else looks.same(row, body):
                self.loose.remove(row)
                return str(row["id"])
        return ""


async def look(link: Link, store: Store, talks: Talks, conversation: str, thread: str) -> Standing:
    """Our messages since the newest that is known to be delivered."""
    channel, first = await talks.channel(conversation), room(conversation)[1]
    sent = [
        int(post.external_id)
        for post in await store.posts(thread)
        if post.surface == SURFACE and post.conversation == conversation and post.external_id.isdigit()
    ]
    talk = await talks.state(conversation) == "open"
    asked = await talks.messages(conversation) if talk else []
    newest, us, found = max(sent, default=int(first) - 1), await link.us(), Standing()
    while True:
        try:
            page = await link.calls.call(
                "GET", "/channels/{channel_id}/messages", query={"after": newest, "limit": PAGE},
                channel_id=channel,
            )  # fmt: skip
        except DiscordRefused as error:
            if error.code != UNKNOWN_CHANNEL:
                raise
            return found
        for row in sorted(page, key=lambda each: int(each["id"])):
            newest = int(row["id"])
            about = str((row.get("message_reference") or {}).get("message_id"))
            if (row.get("author") or {}).get("id") == us and (not talk or about in asked):
                found.loose.append(row)
                if row.get("nonce"):
                    found.marks[str(row["nonce"])] = str(row["id"])
        if len(page) < PAGE:
            return found
