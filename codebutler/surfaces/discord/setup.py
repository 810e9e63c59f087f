"""What init and the doctor ask Discord: whose token it is, what it may, which guild and channel."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from codebutler.errors import ConfigError
from codebutler.surfaces.discord.calls import Calls, DiscordRefused
from codebutler.surfaces.discord.link import INTENT
from codebutler.surfaces.discord.places import HEARD, Place, described
from codebutler.surfaces.discord.troubles import TOKEN, fix_of

CONTENT = (1 << 18) | (1 << 19)
"""The application's flags for the message content intent, of large and of small bots."""
PERMISSIONS = sum(1 << bit for bit in (6, 10, 11, 14, 15, 16, 34, 35, 38, 51))
"""React, see, write, embed, attach, read history; manage, open and write in threads; pin."""


class Bot(Struct, frozen=True):
    """Who the token makes us, and where we are."""

    name: str
    application: str
    sees_content: bool
    guilds: dict[str, str]
    """Names by id."""

    @property
    def invite(self) -> str:
        """The link that brings the bot into a guild, with exactly what it needs."""
        scopes = "bot+applications.commands"
        where = "https://discord.com/oauth2/authorize"
        return f"{where}?client_id={self.application}&scope={scopes}&permissions={PERMISSIONS}"


async def whose(calls: Calls) -> Bot:
    """Ask Discord. ConfigError when it refuses the token; DiscordAway when it cannot be reached."""
    try:
        me = await calls.call("GET", "/users/@me")
        application = await calls.call("GET", "/oauth2/applications/@me")
        guilds = await calls.call("GET", "/users/@me/guilds")
    except DiscordRefused as error:
        raise ConfigError("Discord refuses the bot's token", fix=TOKEN) from error
    return Bot(
        name=str(me.get("username")),
        application=str(application["id"]),
        sees_content=bool(int(application.get("flags") or 0) & CONTENT),
        guilds={str(guild["id"]): str(guild.get("name")) for guild in guilds},
    )


async def channel(calls: Calls, guild: str, wish: str) -> Place:
    """The channel or forum of a guild with this name or id. ConfigError when there is none."""
    rows = await calls.call("GET", "/guilds/{guild_id}/channels", guild_id=guild)
    found = [place for place in map(described, rows) if place.type in HEARD]
    bare = wish.removeprefix("#")
    for place in found:
        if bare in {place.id, place.name}:
            return place
    names = ", ".join(f"#{place.name}" for place in found) or "none"
    raise ConfigError(f"the guild has no channel {wish!r}", fix=f"Name one with --channel: {names}.")


async def states(calls: Calls, channels: Sequence[str]) -> list[tuple[str, str]]:
    """What is wrong with channels, and what mends it."""
    wrong: list[tuple[str, str]] = []
    for each in channels:
        try:
            await calls.call("GET", "/channels/{channel_id}", channel_id=each)
        except DiscordRefused as error:
            wrong.append((f"the channel {each} cannot be used: {error}", fix_of(error)))
    return wrong


def content_problem(bot: Bot) -> str:
    """What to do about the message content intent, or ""."""
    return "" if bot.sees_content else INTENT
