"""Channels and threads by their ids: what they are, and which conversation of ours a message belongs to."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct

from codebutler.surfaces.discord.calls import Calls
from codebutler.types import Json

KEPT = 5_000
THREADS = frozenset({10, 11, 12})
FORUMS = frozenset({15, 16})
PRIVATE = 12
"""The type of a thread that only who is in it sees."""
DIRECT = frozenset({1, 3})
HEARD = frozenset({0, 5, *FORUMS})
"""Types of channels in which threads are opened."""
DM = "@"
"""How a conversation in direct messages begins: there are no threads, so its first message stands for one."""


class Place(Struct, frozen=True):
    """A channel, thread or direct conversation."""

    id: str
    type: int
    parent: str = ""
    guild: str = ""
    name: str = ""
    archived: bool = False
    locked: bool = False
    last: int = 0
    """The id of its newest message."""
    owner: str = ""

    @property
    def thread(self) -> bool:
        """Whether it is a thread."""
        return self.type in THREADS

    @property
    def direct(self) -> bool:
        """Whether it is a direct conversation."""
        return self.type in DIRECT


def described(channel: Json) -> Place:
    """A place as Discord describes it."""
    meta = channel.get("thread_metadata") or {}
    return Place(
        id=str(channel.get("id")),
        type=int(channel.get("type") or 0),
        parent=str(channel.get("parent_id") or ""),
        guild=str(channel.get("guild_id") or ""),
        name=str(channel.get("name") or ""),
        archived=bool(meta.get("archived")),
        locked=bool(meta.get("locked")),
        last=int(channel.get("last_message_id") or 0),
        owner=str(channel.get("owner_id") or ""),
    )


class Places:
    """What is known of channels; what is not is asked for once."""

    def __init__(self, calls: Calls) -> None:
        """Nothing is known yet."""
        self._calls = calls
        self._known: dict[str, Place] = {}

    def note(self, channel: Json) -> Place:
        """Learn of a channel."""
        place = described(channel)
        self._known.pop(place.id, None)
        self._known[place.id] = place
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return place

    def forget(self, channel: str) -> None:
        """It changed, or is gone."""
        self._known.pop(channel, None)

    def name(self, channel: str) -> str:
        """What a channel is called, "" if that is not known."""
        known = self._known.get(channel)
        return known.name if known is not None else ""

    def private(self, channel: str) -> bool:
        """Whether it is known to be a thread that only who is in it sees."""
        known = self._known.get(channel)
        return known is not None and known.type == PRIVATE

    async def of(self, channel: str) -> Place:
        """The place. Raises as ``Calls.call``."""
        known = self._known.get(channel)
        if known is None:
            known = self.note(await self._calls.call("GET", "/channels/{channel_id}", channel_id=channel))
        return known


def placed(conversation: str) -> bool:
    """Whether it has a place in Discord: forks begin without one."""
    return ":" in conversation


def room(conversation: str) -> tuple[str, str]:
    """The channel in which a conversation is held, and its thread, or the first message of direct ones."""
    parent, _, thread = conversation.partition(":")
    return (parent.removeprefix(DM), thread) if parent.startswith(DM) else (thread, thread)


def parent_of(conversation: str) -> str:
    """The channel around a conversation."""
    return conversation.partition(":")[0].removeprefix(DM)


def address(base: str, guild: str, channel: str, message: str = "") -> str:
    """Where people see a channel, thread or message, as a URL; ``base`` is the API's own."""
    parts = urlsplit(base)
    return "/".join(
        [f"{parts.scheme}://{parts.netloc}/channels", guild or "@me", channel, *filter(None, [message])]
    )
