"""What a native event means, without asking anybody. A message's key is channel:id, however it comes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from codebutler.types import Json

SURFACE = "discord"
Kind: TypeAlias = Literal["message", "edit", "delete", "cancel"]
WORDS = frozenset({0, 19})
"""Types of messages that people write: plain, and replies."""
STOPS = frozenset({"❌", "🛑", "⛔", "🚫"})
"""Reactions that stand for cancel."""
_MEMBER = re.compile(r"<@!?(\d+)>")


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
    reply: str = ""
    """The message to which it is a reply."""

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


def message(event: Json, us: str, *, kind: Kind = "message") -> Heard | None:
    """A message as a person's doing; None when no person wrote it."""
    author, member = event.get("author") or {}, event.get("member")
    if author.get("bot") or event.get("webhook_id") or not author.get("id"):
        return None
    if int(event.get("type") or 0) not in WORDS:
        return None
    raw = str(event.get("content") or "")
    named = {str(each.get("id")) for each in event.get("mentions") or []}
    return Heard(
        kind=kind,
        channel=str(event.get("channel_id")),
        id=str(event.get("id")),
        user=str(author["id"]),
        name=name_of(author, member or {}),
        text=plain(raw, event, us),
        files=tuple(event.get("attachments") or ()),
        roles=None if member is None else [str(role) for role in member.get("roles") or []],
        guild=str(event.get("guild_id") or ""),
        mention=us in named or re.search(rf"<@!?{us}>", raw) is not None,
        when=str(event.get("edited_timestamp") or ""),
        reply=str((event.get("message_reference") or {}).get("message_id") or ""),
    )


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


def name_of(user: Json, member: Json) -> str:
    """How a person is called here."""
    names = (member.get("nick"), user.get("global_name"), user.get("username"))
    return next((str(name) for name in names if name), "")


def plain(text: str, event: Json, us: str) -> str:
    """A message's text as its author saw it, without the mention that called us."""
    names = {str(user.get("id")): name_of(user, {}) for user in event.get("mentions") or []}
    called = re.sub(rf"<@!?{re.escape(us)}>", "", text)
    return _MEMBER.sub(lambda found: f"@{names.get(found[1]) or found[1]}", called).strip()
