"""What a native event means, without asking anybody. A message's key is channel:id, however it comes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from codebutler.surfaces.discord.saying import forwarded_files, name_of, words
from codebutler.text import fit
from codebutler.types import Json

SURFACE = "discord"
Kind: TypeAlias = Literal["message", "edit", "delete", "cancel"]
WORDS = frozenset({0, 19})
"""Types of messages that people write: plain, and replies."""
STOPS = frozenset({"❌", "🛑", "⛔", "🚫"})
"""Reactions that stand for cancel."""
_TO_SOMEBODY = re.compile(r"\s*<@!?\d+>")
QUOTED = 2_000
"""Characters of a message that is answered."""


class Heard(Struct, frozen=True):
    """A person's doing, about the message ``id`` of ``channel``. ``roles`` is None where it is not known."""

    kind: Kind
    channel: str
    id: str
    user: str
    name: str = ""
    text: str = ""
    files: Sequence[Json] = ()
    roles: Sequence[str] | None = None
    guild: str = ""
    mention: bool = False
    when: str = ""
    aside: bool = False
    """Whether it begins with the mention of somebody else, and does not mention us."""
    reply: str = ""
    """The message to which it is a reply."""
    quote: str = ""
    """That message if a person wrote it, marked as such: a "go" in it is nobody's approval."""

    @property
    def key(self) -> str:
        """The event's key; the same however often and by whatever way it comes."""
        about = f"{self.channel}:{self.id}"
        return about if self.kind == "message" else f"{about}:{self.kind}:{self.user}:{self.when}"


def read(kind: str, event: Json, us: str) -> Heard | None:
    """A gateway event as a person's doing; None if it is nobody's, or our own."""
    if kind == "MESSAGE_CREATE":
        return message(event, us)
    if kind == "MESSAGE_UPDATE" and event.get("edited_timestamp") and "content" in event:
        return message(event, us, kind="edit")
    if kind == "MESSAGE_DELETE":
        channel, name = str(event.get("channel_id")), str(event.get("id"))
        return Heard("delete", channel, name, "", guild=str(event.get("guild_id") or ""))
    if kind == "MESSAGE_REACTION_ADD":
        return _reaction(event, us)
    return None


def message(event: Json, us: str, *, kind: Kind = "message", handed: bool = False) -> Heard | None:
    """A message as a person's doing; None when no person wrote it, unless a person has ``handed`` it over."""
    author, member = event.get("author") or {}, event.get("member")
    if not handed and (author.get("bot") or event.get("webhook_id") or not author.get("id")):
        return None
    if not handed and int(event.get("type") or 0) not in WORDS:
        return None
    raw, text = str(event.get("content") or ""), words(event, us)
    files = [*(event.get("attachments") or ()), *forwarded_files(event)]
    if kind == "message" and not (raw or files or text):
        return None  # a sticker and the like: it says nothing, and asks for nothing
    named = {str(each.get("id")) for each in event.get("mentions") or []}
    called = us in named or re.search(rf"<@!?{us}>", raw) is not None
    return Heard(
        kind=kind,
        channel=str(event.get("channel_id")),
        id=str(event.get("id")),
        user=str(author.get("id") or ""),
        name=name_of(author, member or {}),
        text=text,
        files=tuple(files),
        roles=None if member is None else [str(role) for role in member.get("roles") or []],
        guild=str(event.get("guild_id") or ""),
        mention=called,
        aside=not called and _TO_SOMEBODY.match(raw) is not None,
        when=str(event.get("edited_timestamp") or ""),
        reply=str((event.get("message_reference") or {}).get("message_id") or ""),
        quote=_quote(event.get("referenced_message") or {}, us),
    )


def _quote(event: Json, us: str) -> str:
    """A message that is answered, by its author's name; "" for our own, which is in a log, or none."""
    author = event.get("author") or {}
    said = [words(event, us), *(f"(file: {file.get('filename')})" for file in event.get("attachments") or [])]
    text = fit("\n".join(filter(None, said)), QUOTED)
    if not text or author.get("id") == us:
        return ""
    head = f"In reply to {name_of(author, {}) or 'somebody'}:"
    return "\n".join([head, *(f"> {line}" for line in text.splitlines())])


def came_along(text: str, *marks: str) -> str:
    """What was put below a message when it was heard: a change of the message leaves it there."""
    found = [at for mark in marks if mark and (at := text.find(f"\n\n{mark}")) >= 0]
    return text[min(found) :] if found else ""


def _reaction(event: Json, us: str) -> Heard | None:
    user, emoji = str(event.get("user_id")), str((event.get("emoji") or {}).get("name"))
    if user == us or emoji not in STOPS:
        return None
    member = event.get("member") or {}
    return Heard(
        "cancel", str(event.get("channel_id")), str(event.get("message_id")), user,
        name=name_of(member.get("user") or {}, member), guild=str(event.get("guild_id") or ""),
        roles=[str(role) for role in member.get("roles") or []] if member else None,
    )  # fmt: skip
