"""What a native event means, without asking anybody. A message's key is channel:ts, however it comes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from codebutler.surfaces.slack.markup import unescaped
from codebutler.surfaces.slack.told import told
from codebutler.surfaces.wording import uncalled
from codebutler.types import Json

Kind: TypeAlias = Literal["message", "edit", "delete", "cancel"]
WORDS = frozenset({"", "file_share", "thread_broadcast", "me_message"})
"""Kinds of messages that people write."""
STOPS = frozenset({"x", "octagonal_sign", "no_entry", "no_entry_sign"})
"""Reactions that stand for cancel."""
SLACKBOT = "USLACKBOT"
"""Slack's own bot, with reminders and set answers: the one bot whose messages have no ``bot_id``."""
_TS = re.compile(r"\d+\.\d+")
_NOTATION = re.compile(r"<([^<>\s|][^<>|]*)(?:\|([^<>]*))?>")


class Self(Struct, frozen=True):
    """Who we are in the workspace."""

    user: str
    bot: str
    team: str = ""
    url: str = ""
    """The workspace's address, with a slash at its end."""

    def link(self, conversation: str) -> str:
        """The address of a thread."""
        channel, _, root = conversation.partition(":")
        return f"{self.url}archives/{channel}/p{root.replace('.', '')}"

    def wrote(self, message: Json) -> bool:
        """Whether a message is ours."""
        return message.get("user") == self.user or (self.bot != "" and message.get("bot_id") == self.bot)


class Heard(Struct, frozen=True):
    """A person's doing. ``ts`` is of the message that it is about, ``root`` of the thread around that."""

    kind: Kind
    channel: str
    ts: str
    root: str
    user: str
    text: str = ""
    files: Sequence[Json] = ()
    direct: bool = False
    mention: bool = False
    when: str = ""
    """The event's own ts."""
    calls: bool = False
    """An edit that mentions us, in a message that did not."""
    bare: bool = False
    """A mention whose event does not speak of files: the message may have some."""

    @property
    def conversation(self) -> str:
        """The thread as the store knows it."""
        return f"{self.channel}:{self.root}"

    @property
    def top(self) -> bool:
        """Whether the message stands in the channel itself."""
        return self.root == self.ts

    @property
    def key(self) -> str:
        """The event's key; the same however often and by whatever way it comes."""
        about = f"{self.channel}:{self.ts}"
        match self.kind:
            case "message":
                return about
            case "delete":  # happens once, and often nobody says by whom
                return f"{about}:delete"
            case _:
                return f"{about}:{self.kind}:{self.user}:{self.when}"


def told_apart(*parts: object) -> str:
    """What was pressed or typed, in a key: the ids that come with it are not every server's own each time."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def read(event: Json, us: Self) -> Heard | None:
    """The event as a person's doing; None if it is nobody's, or our own."""
    if event.get("type") == "reaction_added":
        return _reaction(event, us)
    if event.get("type") not in {"message", "app_mention"}:
        return None
    subtype = str(event.get("subtype") or "")
    if subtype == "message_changed":
        return _changed(event, us)
    if subtype == "message_deleted":
        return _deleted(event, us)
    if subtype not in WORDS or not _person(event, us) or not _TS.fullmatch(str(event.get("ts"))):
        return None
    return _message("message", event, str(event.get("channel", "")), event, us)


def _person(message: Json, us: Self) -> bool:
    """Whether a person wrote it: neither we nor any other bot."""
    return message.get("user") not in {None, "", SLACKBOT} and not _app(message) and not us.wrote(message)


def _app(message: Json) -> bool:
    return bool(message.get("bot_id"))


def words(message: Json, us: Self) -> str:
    """All that a message says: a person's words with what they forward, an app's wherever they stand."""
    if _app(message):
        return plain(told(message), us)
    return "\n\n".join(filter(None, [plain(str(message.get("text") or ""), us), *_shared(message, us)]))


def _message(kind: Kind, message: Json, channel: str, event: Json, us: Self) -> Heard:
    ts = str(message.get("ts", ""))
    return Heard(
        kind=kind,
        channel=channel,
        ts=ts,
        root=str(message.get("thread_ts") or ts),
        user=str(message.get("user", "")),
        text=words(message, us),
        files=standing_files(message),
        bare=event.get("type") == "app_mention" and "files" not in event,
        direct=event.get("channel_type") == "im" or channel.startswith("D"),
        mention=event.get("type") == "app_mention" or _called(message, us),
        when=str((message.get("edited") or {}).get("ts") or event.get("event_ts") or event.get("ts") or ""),
    )


def standing_files(message: Json) -> tuple[Json, ...]:
    """A message's files without those that were taken out of it."""
    files = (file for file in message.get("files") or () if isinstance(file, dict))
    return tuple(file for file in files if file.get("mode") != "tombstone")


def _shared(message: Json, us: Self) -> Iterator[str]:
    """Messages that were forwarded with this one: they stand beside its own words."""
    for each in message.get("attachments") or []:
        if (
            isinstance(each, dict)
            and (each.get("is_share") or each.get("is_msg_unfurl"))
            and (said := str(each.get("text") or "") or told(each))
        ):
            who = str(each.get("author_name") or each.get("author_subname") or "somebody")
            quoted = plain(said, us).replace("\n", "\n> ")
            yield f"Forwarded from {who}:\n> {quoted}"


def _changed(event: Json, us: Self) -> Heard | None:
    message, before = event.get("message") or {}, event.get("previous_message") or {}
    if message.get("subtype") == "tombstone":
        return _deleted({**event, "deleted_ts": message.get("ts")}, us)
    files = standing_files(message)
    if not _person(message, us) or (
        message.get("text") == before.get("text") and files == standing_files(before)
    ):
        return None  # an unfurled link, a first reply: the words are the same
    if not words(message, us) and not files:
        return _deleted({**event, "deleted_ts": message.get("ts")}, us)
    heard = _message("edit", message, str(event.get("channel", "")), event, us)
    new = not _called(before, us) if before else bool(message.get("edited"))
    return replace(heard, calls=heard.mention and new)


def _called(message: Json, us: Self) -> bool:
    return re.search(rf"<@{re.escape(us.user)}[|>]", str(message.get("text") or "")) is not None


def _deleted(event: Json, us: Self) -> Heard | None:
    before = event.get("previous_message") or {}
    if before and not _person(before, us):
        return None
    ts = str(event.get("deleted_ts") or before.get("ts") or "")
    message = {**before, "ts": ts, "text": ""}
    return _message("delete", message, str(event.get("channel", "")), event, us) if ts else None


def _reaction(event: Json, us: Self) -> Heard | None:
    item = event.get("item") or {}
    mine = event.get("user") == us.user
    if mine or event.get("reaction") not in STOPS or item.get("type") != "message":
        return None
    ts = str(item.get("ts", ""))
    channel, user, when = (
        str(item.get("channel", "")),
        str(event.get("user", "")),
        str(event.get("event_ts", "")),
    )
    return Heard("cancel", channel, ts, ts, user, when=when)


def plain(text: str, us: Self) -> str:
    """A message's text as its author saw it, without the mention that called us."""
    called = uncalled(text, rf"<@{re.escape(us.user)}(?:\|[^>]*)?>")
    return unescaped(_NOTATION.sub(_shown, called)).strip()


def _shown(match: re.Match[str]) -> str:
    target, label = match[1], match[2]
    if target[0] in "@#":
        return f"{target[0]}{label or target[1:]}"
    if target[0] == "!":
        return label or f"@{target[1:].partition('^')[0]}"
    address = target.removeprefix("mailto:")
    return address if label in {None, "", address, target} else f"{label} ({address})"
