"""What only an admin can mend: each is told once, in the admin channel or to the admins, and in the log."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping, Sequence

from codebutler.surfaces.discord.calls import (
    ARCHIVED,
    BAD_FORM,
    NO_ACCESS,
    NO_DIRECT,
    NO_PERMISSION,
    UNKNOWN_CHANNEL,
    Calls,
    DiscordRefused,
)
from codebutler.surfaces.discord.places import parent_of
from codebutler.surfaces.telling import Admins

log = logging.getLogger("codebutler.discord")
TOKEN = "Put a working bot token into discord.token (or DISCORD_TOKEN) and restart."  # noqa: S105 - a sentence
SHUT: Mapping[int, str] = {
    401: TOKEN,
    NO_ACCESS: "Let the bot see the channel: add its role there, or invite it with a new link.",
    NO_PERMISSION: "Give the bot's role the permissions that codebutler init discord names.",
    UNKNOWN_CHANNEL: "Check discord.channelID; the work of a deleted thread goes on in codebutler threads.",
    10004: "Check discord.guildID, and invite the bot into the guild.",
    10008: "The thread's first message was deleted; its work goes on in codebutler threads.",
    NO_DIRECT: "The person takes no direct messages from the bot.",
    ARCHIVED: "The thread is archived and locked; a moderator can unlock it.",
    160005: "The thread is locked; a moderator can unlock it.",
}
"""Discord's codes (HTTP's for a token) for a door that lets nothing through, and what mends it."""


_THREADS = frozenset({10008, NO_DIRECT, ARCHIVED, 160005})
ALL = "token"
"""The trouble behind which nothing works."""


def fix_of(error: DiscordRefused, *, configured: bool = False) -> str:
    """What mends it, or "". ``configured``: it is about a channel that the configuration names."""
    if configured and error.code in {UNKNOWN_CHANNEL, BAD_FORM}:
        return "Check the id: discord.channelID, discord.channels or discord.adminChannel names it."
    return SHUT[401] if error.status == 401 else SHUT.get(error.code, "")


async def or_said(opening: Awaitable[None], calls: Calls, channel: str, message: str) -> None:
    """Open a thread; where the bot may not, who asked sees it below their message: it has no other place."""
    try:
        await opening
    except DiscordRefused as error:
        if error.code in {NO_ACCESS, NO_PERMISSION}:
            words = f"Your request is kept, but Discord does not let me open a thread for it ({error.code})."
            body = {
                "content": f"{words} {fix_of(error)}", "allowed_mentions": {"parse": []},
                "message_reference": {"message_id": message, "fail_if_not_exists": False},
            }  # fmt: skip
            await calls.call("POST", "/channels/{channel_id}/messages", body=body, channel_id=channel)
        raise


class Troubles(Admins):
    """Tells the admins."""

    def __init__(self, calls: Calls, *, channel: str, admins: Sequence[str]) -> None:
        """In ``channel``, or to each of ``admins``; always in the log."""
        super().__init__(log, channel=channel, admins=admins)
        self._calls = calls
        self._broken: dict[str, set[str]] = {}
        """What each trouble keeps from working."""
        self._people = frozenset(() if channel else admins)

    async def say(self, place: str, words: str) -> None:
        """Say it in a channel, or to a person."""
        if place in self._people:
            made = await self._calls.call("POST", "/users/@me/channels", body={"recipient_id": place})
            place = str(made["id"])
        body = {"content": words[:1_900], "allowed_mentions": {"parse": []}}
        await self._calls.call("POST", "/channels/{channel_id}/messages", body=body, channel_id=place)

    async def hit(self, key: str, words: str, *, about: str = "") -> None:
        """Tell it, unless it was told since it last worked. ``about``: what does not work because of it."""
        self._broken.setdefault(key, set()).add(about or key)
        await self.tell(key, words)

    def mended(self, about: str) -> None:
        """It works, and so does the token: should it break again, they hear of it again."""
        for key, broken in list(self._broken.items()):
            broken.discard(about)
            if not broken or key == ALL:
                del self._broken[key]
                self._told.discard(key)


def key_of(error: DiscordRefused, conversation: str) -> str:
    """What is the same trouble: a token's is one, a thread's its own, else it is the channel's."""
    if error.status == 401:
        return ALL
    where = conversation if error.code in _THREADS else parent_of(conversation)
    return f"{error.code} {where}"
