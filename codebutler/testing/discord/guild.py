"""What there is in the guild: people, channels, threads, messages; and a clock that tests may move."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from codebutler.testing.discord.limits import Refused
from codebutler.types import Json

GUILD, APP, BOT, ROBIN, SHOP, FORUM = (
    "100000000000000001", "100000000000000002", "100000000000000003", "100000000000000004",
    "100000000000000005", "100000000000000006",
)  # fmt: skip
TOKEN = "twin.bot.token-0123456789abcdefghijklmnop"  # noqa: S105 - the twin's own
EPOCH = 1_420_070_400_000
THREADS = frozenset({10, 11, 12})
TEXT, DM, FORUM_TYPE, PUBLIC = 0, 1, 15, 11


@dataclass
class Channel:
    """A channel, thread or direct conversation; ``messages`` by id, in their order."""

    id: str
    type: int
    name: str
    parent: str = ""
    people: list[str] = field(default_factory=list)
    messages: dict[str, Json] = field(default_factory=dict)
    archived: bool = False
    locked: bool = False
    minutes: int = 4_320
    owner: str = ""
    tags: list[Json] = field(default_factory=list)
    tag_needed: bool = False
    applied: list[str] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    typed: int = 0


class Guild:
    """What REST reads and changes. ``emit`` is called with every event that a bot may get."""

    def __init__(self, emit: Callable[[str, Json], None]) -> None:
        """A guild with a text channel, a forum, a person and the bot."""
        self.emit = emit
        self.moved = 0.0
        """Seconds by which the clock was moved."""
        self._count = itertools.count(1)
        self.url = ""
        self.content_intent = True
        """Whether the app was given the privileged intent for what messages say."""
        self.revoked = False
        self.joined = {GUILD}
        """Guilds that have let the bot in."""
        self.closed_to_us: set[str] = set()
        """Channels without access (50001)."""
        self.permissions = 2252126231317568
        """What everybody may do, and the bot with them: by itself all that it needs."""
        self.forbidden: set[str] = set()
        """Calls without permission (50013), such as ``pins``."""
        self.users: dict[str, Json] = {}
        self.members: dict[str, list[str]] = {}
        """Roles by person."""
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.commands: dict[str, list[Json]] = {}
        """Application commands by guild, "" for those that are global."""
        self.ephemeral: list[Json] = []
        self.nonces: dict[tuple[str, str], str] = {}
        self.edits: list[tuple[str, str, float]] = []
        """Channel, message and time of every edit of ours."""
        self.person(ROBIN, "robin")
        self.users[BOT] = _user(BOT, "codebutler", bot=True)
        self.channels[SHOP] = Channel(SHOP, TEXT, "codebutler-shop")
        self.channels[FORUM] = Channel(
            FORUM, FORUM_TYPE, "requests", tags=[{"id": "77", "name": "closed", "moderated": False}]
        )

    def now(self) -> float:
        """Seconds since the epoch, by the guild's clock."""
        return time.time() + self.moved

    def new_id(self) -> str:
        """A snowflake, later than any other."""
        return str(((int(self.now() * 1000) - EPOCH) << 22) | (next(self._count) & 0x3FFFFF))

    def stamp(self) -> str:
        """The time as Discord writes it."""
        return datetime.fromtimestamp(self.now(), UTC).isoformat()

    def person(self, user: str, name: str, *, roles: list[str] | None = None) -> str:
        """Add a person."""
        self.users[user] = _user(user, name)
        self.members[user] = roles or []
        return user

    def text_channel(self, name: str) -> Channel:
        """Add a text channel."""
        made = Channel(self.new_id(), TEXT, name)
        self.channels[made.id] = made
        return made

    def direct(self, user: str) -> Channel:
        """The direct conversation with a person."""
        for channel in self.channels.values():
            if channel.type == DM and channel.people == [user]:
                return channel
        made = Channel(self.new_id(), DM, "", people=[user])
        self.channels[made.id] = made
        return made

    def channel(self, channel: str) -> Channel:
        """A channel that the bot sees. Refused as Discord does."""
        found = self.channels.get(channel)
        if found is None:
            raise Refused(10003, "Unknown Channel")
        if channel in self.closed_to_us or found.parent in self.closed_to_us:
            raise Refused(50001, "Missing Access")
        return found

    def message(self, channel: str, message: str) -> Json:
        """One message. Refused if there is none."""
        found = self.channel(channel).messages.get(message)
        if found is None:
            raise Refused(10008, "Unknown Message")
        return found

    def may(self, what: str) -> None:
        """Refused when the bot has no permission for it."""
        if what in self.forbidden:
            raise Refused(50013, "Missing Permissions")

    # ---------------------------------------------------------------------------- what happens

    def post(self, channel: Channel, author: str, given: Json, *, kind: int = 0) -> Json:
        """Put a message into a channel, and tell of it."""
        if channel.archived:
            if channel.locked:
                raise Refused(50083, "Thread is archived")
            channel.archived = False
            self.emit("THREAD_UPDATE", self.shown(channel))
        name = given.get("id") or self.new_id()
        message: Json = {
            "id": name, "channel_id": channel.id, "author": self.users[author], "content": "",
            "timestamp": self.stamp(), "edited_timestamp": None, "tts": False, "mention_everyone": False,
            "mentions": [self.users[u] for u in self.users if f"<@{u}>" in str(given.get("content"))],
            "mention_roles": [], "attachments": [], "embeds": [], "components": [], "pinned": False,
            "type": kind, "flags": 0, **given,
        }  # fmt: skip
        channel.messages[name] = message
        self.emit("MESSAGE_CREATE", self.event_of(channel, message))
        return message

    def event_of(self, channel: Channel, message: Json) -> Json:
        """A message as the gateway tells of it."""
        if channel.type == DM:
            return dict(message)
        roles = self.members.get(message["author"]["id"], [])
        member = {"roles": roles, "joined_at": None, "deaf": False, "mute": False, "flags": 0, "nick": None}
        return {**message, "guild_id": GUILD, "member": member}

    def thread(
        self,
        parent: Channel,
        name: str,
        owner: str,
        *,
        id: str = "",  # noqa: A002 - Discord's own word
        tags: list[str] | None = None,
    ) -> Channel:
        """Open a thread in ``parent`` and tell of it."""
        made = Channel(
            id or self.new_id(), PUBLIC, name, parent=parent.id, owner=owner, applied=list(tags or [])
        )
        self.channels[made.id] = made
        self.emit("THREAD_CREATE", {**self.shown(made), "newly_created": True})
        return made

    def shown(self, channel: Channel) -> Json:
        """A channel as Discord shows it."""
        base: Json = {"id": channel.id, "type": channel.type, "name": channel.name, "flags": 0}
        base["last_message_id"] = next(reversed(channel.messages), None)
        if channel.type == DM:
            del base["name"]
            return {**base, "recipients": [self.users[u] for u in channel.people]}
        base |= {
            "guild_id": GUILD,
            "position": 0,
            "permission_overwrites": [],
            "parent_id": None,
            "nsfw": False,
        }
        if channel.type == FORUM_TYPE:
            base["available_tags"] = channel.tags
        if channel.type not in THREADS:
            return base
        meta = {
            "archived": channel.archived, "locked": channel.locked, "auto_archive_duration": channel.minutes,
            "archive_timestamp": self.stamp(),
        }  # fmt: skip
        return {
            **base, "parent_id": channel.parent, "owner_id": channel.owner, "thread_metadata": meta,
            "message_count": len(channel.messages), "member_count": 1, "applied_tags": channel.applied,
        }  # fmt: skip

    def threads(self) -> Iterator[Channel]:
        """The threads that are not archived."""
        return (c for c in self.channels.values() if c.type in THREADS and not c.archived)

    def described(self) -> Json:
        """The guild as GUILD_CREATE has it."""
        seen = [c for c in self.channels.values() if c.id not in self.closed_to_us]
        everyone = {"id": GUILD, "name": "@everyone", "permissions": str(self.permissions)}
        return {
            "id": GUILD, "name": "twin", "owner_id": ROBIN, "unavailable": False, "large": False,
            "member_count": len(self.members), "roles": [everyone], "members": [],
            "emojis": [], "features": [],
            "channels": [self.shown(c) for c in seen if c.type in {TEXT, FORUM_TYPE}],
            "threads": [self.shown(c) for c in self.threads()], "voice_states": [], "presences": [],
            "stage_instances": [], "guild_scheduled_events": [], "stickers": [], "premium_tier": 0,
            "verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0,
            "mfa_level": 0, "nsfw_level": 0, "preferred_locale": "en-US", "system_channel_flags": 0,
            "afk_timeout": 300, "icon": None, "splash": None, "premium_progress_bar_enabled": False,
        }  # fmt: skip


def _user(user: str, name: str, *, bot: bool = False) -> Json:
    shown: dict[str, Any] = {"id": user, "username": name, "discriminator": "0", "avatar": None}
    return {**shown, "global_name": None if bot else name.title(), "bot": bot, "public_flags": 0, "flags": 0}
