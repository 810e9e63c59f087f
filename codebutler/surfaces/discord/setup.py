"""What init and the doctor ask Discord: whose token it is, what it may, which guild and channel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from codebutler.errors import ConfigError
from codebutler.surfaces.discord.calls import Calls, DiscordRefused
from codebutler.surfaces.discord.link import INTENT
from codebutler.surfaces.discord.places import FORUMS, HEARD, Place, described
from codebutler.surfaces.discord.troubles import TOKEN, fix_of
from codebutler.types import Json

CONTENT = (1 << 18) | (1 << 19)
"""The application's flags for the message content intent, of large and of small bots."""
NEEDED: Mapping[int, str] = {
    10: "View Channels", 11: "Send Messages", 35: "Create Public Threads", 38: "Send Messages in Threads",
    34: "Manage Threads", 51: "Pin Messages", 14: "Embed Links", 15: "Attach Files",
    16: "Read Message History", 6: "Add Reactions",
}  # fmt: skip
"""The permissions that the bot needs, by their bit."""
PERMISSIONS = sum(1 << bit for bit in NEEDED)
ADMINISTRATOR, OPEN_THREADS = 1 << 3, 35


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
    bare = _bare(wish)
    for place in found:
        if bare in {place.id, place.name}:
            return place
    names = ", ".join(f"#{place.name}" for place in found) or "none"
    raise ConfigError(f"the guild has no channel {wish!r}", fix=f"Name one with --channel: {names}.")


def _bare(wish: str) -> str:
    """A channel's name or id, as people write or copy it: ``#name``, ``<#id>``, or its address."""
    address = re.fullmatch(r"https?://[^/]+/channels/\d+/(\d+)(?:/.*)?", wish)
    return address[1] if address else wish.removeprefix("<").removesuffix(">").removeprefix("#")


async def states(calls: Calls, channels: Sequence[str]) -> list[tuple[str, str]]:
    """What is wrong with channels, and what mends it."""
    wrong: list[tuple[str, str]] = []
    for each in channels:
        try:
            found = await calls.call("GET", "/channels/{channel_id}", channel_id=each)
        except DiscordRefused as error:
            wrong.append((f"the channel {each} cannot be used: {error}", fix_of(error, configured=True)))
            continue
        if missing := await _missing(calls, found):
            words = f"the bot lacks permissions in #{found.get('name')}: {', '.join(missing)}"
            wrong.append((words, "Give them to the bot's role, there or in the server's settings."))
    return wrong


async def _missing(calls: Calls, channel: Json) -> list[str]:
    """The permissions that the bot lacks in a channel; none where the server does not tell of them."""
    guild_id, me = str(channel.get("guild_id") or ""), str(calls.me.get("id"))
    if not guild_id:
        return []
    try:
        guild = await calls.call("GET", "/guilds/{guild_id}", guild_id=guild_id)
        member = await calls.call(
            "GET", "/guilds/{guild_id}/members/{user_id}", guild_id=guild_id, user_id=me
        )
    except DiscordRefused:  # it may be used as far as it can be told
        return []
    return lacking(guild, member, channel, me)


def lacking(guild: Json, member: Json, channel: Json, me: str) -> list[str]:
    """The names of needed permissions that the member ``me`` of a guild lacks in a channel of it."""
    name = str(guild.get("id"))
    held = {str(role["id"]): int(role.get("permissions") or 0) for role in guild.get("roles") or []}
    if name not in held:
        return []
    roles = [str(role) for role in member.get("roles") or []]
    may = held[name]
    for role in roles:
        may |= held.get(role, 0)
    if may & ADMINISTRATOR or str(guild.get("owner_id")) == me:
        return []
    overwrites = {str(each["id"]): each for each in channel.get("permission_overwrites") or []}
    for group in (
        [name],
        roles,
        [me],
    ):  # the nearer goes before the wider, and among roles leave before denial
        given = [overwrites[each] for each in group if each in overwrites]
        for each in given:
            may &= ~int(each.get("deny") or 0)
        for each in given:
            may |= int(each.get("allow") or 0)
    forum = described(channel).type in FORUMS  # whoever may write there may open posts
    return [
        words for bit, words in NEEDED.items() if not may >> bit & 1 and not (forum and bit == OPEN_THREADS)
    ]


def content_problem(bot: Bot) -> str:
    """What to do about the message content intent, or ""."""
    return "" if bot.sees_content else INTENT
