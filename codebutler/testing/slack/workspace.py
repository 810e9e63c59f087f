"""The state of a Slack workspace: channels, people, messages, files, views. Times are Slack's ``ts``."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from codebutler.testing.slack.limits import Refused
from codebutler.types import Json

BOT_USER = "UBUTLER01"
BOT_ID = "BBUTLER01"
APP = "ABUTLER01"
TEAM = "TTWIN0001"
BOT_TOKEN = "xoxb-twin-0123456789-abcdefghij"  # noqa: S105 - of a workspace that exists in memory only
APP_TOKEN = "xapp-1-twin-0123456789-abcdefghij"  # noqa: S105 - the same
BURST = 5
"""Posts in a channel that come at once before the pace holds."""
SIGNING_SECRET = "twin-signing-secret-0123456789"  # noqa: S105 - the same


@dataclass
class Channel:
    """A conversation. ``messages`` in the order of their ts, replies among them."""

    id: str
    name: str
    kind: str = "channel"
    """channel, group or im."""
    members: set[str] = field(default_factory=set)
    archived: bool = False
    messages: list[Json] = field(default_factory=list)
    by_ts: dict[str, Json] = field(default_factory=dict)

    def info(self) -> Json:
        """As conversations.info has it."""
        base: Json = {"id": self.id, "is_archived": self.archived, "is_member": BOT_USER in self.members}
        if self.kind == "im":
            return {**base, "is_im": True, "user": next(iter(self.members - {BOT_USER}), "")}
        return {
            **base,
            "name": self.name,
            "is_channel": True,
            "is_im": False,
            "is_private": self.kind == "group",
        }

    def add(self, message: Json) -> None:
        """Keep a message."""
        self.messages.append(message)
        self.by_ts[message["ts"]] = message

    def remove(self, ts: str) -> Json:
        """Take a message away; a parent with replies stays as a tombstone."""
        message = self.by_ts[ts]
        if message.get("reply_count"):
            message.update(
                text="This message was deleted.", subtype="tombstone", user="USLACKBOT", hidden=True
            )
            message.pop("blocks", None)
        else:
            del self.by_ts[ts]
            self.messages.remove(message)
        return message

    def thread(self, ts: str) -> Iterator[Json]:
        """A parent and its replies."""
        return (m for m in self.messages if ts in (m["ts"], m.get("thread_ts")))


@dataclass
class UploadedFile:
    """A file; it is not in any channel until its upload is completed."""

    id: str
    name: str
    size: int
    data: bytes = b""
    snippet: str = ""
    shares: list[tuple[str, str]] = field(default_factory=list)
    media_type: str = "application/octet-stream"


class Workspace:
    """What the methods read and change. ``emit`` is called with every event that an app would get."""

    def __init__(self, emit: Callable[[Json], None]) -> None:
        """A workspace with one public channel, one person and the app's bot."""
        self.emit = emit
        self.moved = 0.0
        """Seconds by which the clock was moved."""
        self._count = itertools.count(1)
        self._last = (0, 0)
        self.channels: dict[str, Channel] = {}
        self.users: dict[str, Json] = {}
        self.files: dict[str, UploadedFile] = {}
        self.homes: dict[str, Json] = {}
        self.modals: dict[str, Json] = {}
        self.ephemeral: list[Json] = []
        self.triggers: dict[str, str] = {}
        """trigger_id → the person whom a modal would be shown."""
        self.responses: dict[str, Json] = {}
        """Path of a response_url → the channel, message and person that it answers."""
        self.statuses: dict[tuple[str, str], str] = {}
        self.titles: dict[tuple[str, str], str] = {}
        self.edits: list[tuple[str, str, float]] = []
        """Channel, ts and time of every chat.update."""
        self.url = ""
        """Where the server is."""
        self.pace = 0.0
        """Seconds between two posts in a channel, beyond a burst of ``BURST``; 0 lets all through."""
        self._posted: dict[str, list[float]] = {}
        self.revoked = ""
        """Slack's word for a token that no longer works: token_revoked, account_inactive…"""
        self.person("UROBIN001", "robin")
        self.users[BOT_USER] = {"id": BOT_USER, "name": "codebutler", "is_bot": True, "profile": {}}
        self.channel("CSHOP0001", "codebutler-shop")

    def now(self) -> float:
        """Seconds since the epoch, by the workspace's clock."""
        return time.time() + self.moved

    def new_ts(self) -> str:
        """A ts that is later than any other."""
        second = int(self.now())
        last, number = self._last
        self._last = (second, 1) if second > last else (last, number + 1)
        return f"{self._last[0]}.{self._last[1]:06d}"

    def new_id(self, prefix: str) -> str:
        """An id in Slack's form."""
        return f"{prefix}{next(self._count):08d}"

    def person(self, user: str, name: str) -> str:
        """Add a person."""
        profile = {"display_name": name, "real_name": name.title()}
        self.users[user] = {
            "id": user,
            "name": name,
            "real_name": name.title(),
            "is_bot": False,
            "profile": profile,
        }
        return user

    def channel(
        self, channel: str, name: str, *, kind: str = "channel", members: set[str] | None = None
    ) -> Channel:
        """Add a channel, with the bot and everybody in it unless ``members`` says otherwise."""
        self.channels[channel] = Channel(
            channel, name, kind, set(self.users) if members is None else set(members)
        )
        return self.channels[channel]

    def throttle(self, channel: str) -> None:
        """Count a post of the app; Refused as rate limited when there are too many."""
        if not self.pace:
            return
        now = time.monotonic()
        recent = [t for t in self._posted.get(channel, []) if t > now - BURST * self.pace]
        if len(recent) >= BURST:
            raise Refused("ratelimited", _retry_after=1)
        self._posted[channel] = [*recent, now]

    def open_channel(self, channel: str) -> Channel:
        """The channel that the bot may write to. Refused as Slack does."""
        found = self.channels.get(channel)
        if found is None:
            raise Refused("channel_not_found")
        if found.kind == "group" and BOT_USER not in found.members:
            raise Refused("channel_not_found")
        if found.archived:
            raise Refused("is_archived")
        if BOT_USER not in found.members:
            raise Refused("not_in_channel")
        return found

    def readable(self, channel: str) -> Channel:
        """The channel that the bot may read."""
        found = self.channels.get(channel)
        if found is None:
            raise Refused("channel_not_found")
        if BOT_USER not in found.members:
            raise Refused("not_in_channel")
        return found

    def message(self, channel: str, ts: str) -> Json:
        """One message. Refused if there is none."""
        found = self.readable(channel).by_ts.get(ts)
        if found is None:
            raise Refused("message_not_found")
        return found

    def post(self, channel: Channel, message: Json, *, event: Json | None = None) -> Json:
        """Put a message into a channel and tell the app of it."""
        message = {"type": "message", "team": TEAM, "ts": self.new_ts(), **message}
        parent = channel.by_ts.get(message.get("thread_ts", ""))
        if parent is not None:
            parent["thread_ts"] = parent["ts"]
            parent["reply_count"] = parent.get("reply_count", 0) + 1
            parent["latest_reply"] = message["ts"]
        channel.add(message)
        kind = {"channel": "channel", "group": "group", "im": "im"}[channel.kind]
        told = {k: v for k, v in message.items() if k not in {"reply_count", "latest_reply", "metadata"}}
        told |= {"channel": channel.id, "channel_type": kind, "event_ts": message["ts"], **(event or {})}
        if BOT_USER in channel.members:
            self.emit(told)
        return message


def shown(message: Json, *, metadata: bool = False) -> Json:
    """A message as the history methods return it."""
    hidden = set() if metadata else {"metadata"}
    return {key: value for key, value in message.items() if key not in hidden}


def as_list(value: object) -> list[str]:
    """A list that Slack takes as text with commas."""
    return [part for part in str(value or "").split(",") if part]
