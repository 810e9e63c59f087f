"""One interaction: who does what where, how it is answered in time, and which conversation it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebutler.surfaces.discord import looks
from codebutler.surfaces.discord.calls import (
    ACKNOWLEDGED,
    NO_DIRECT,
    TOKEN_OVER,
    UNKNOWN_INTERACTION,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    DiscordAway,
    DiscordRefused,
    Files,
)
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.places import DM, address, parent_of, placed, room
from codebutler.surfaces.discord.saying import name_of
from codebutler.types import Json, Person

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing
    from codebutler.surfaces.discord.link import Link

SAY, PUT_OFF, PUT_OFF_EDIT, EDIT, OFFER, ASK = 4, 5, 6, 7, 8, 9
"""Kinds of answers."""
ONLY_THEM = 64
"""The flag of a message that only one person sees."""
PATIENCE = 1.5
"""Seconds after which an answer is put off."""
AGAIN = (0.5, 5.0, 30.0)
"""Seconds before an answer that was put off is sent again: its person sees that we think."""
FORGOTTEN = (
    "My answer did not reach you: Discord has forgotten what you pressed or typed, and you take no direct"
    " messages from me. Look where things stand before you do it again."
)
OVER = frozenset({UNKNOWN_INTERACTION, UNKNOWN_WEBHOOK, UNKNOWN_MESSAGE, TOKEN_OVER})
MANAGES = 0x20 | 0x8
"""The permissions to manage the guild, and to do anything."""


@dataclass
class Doing:
    """An interaction: who, where, and its token."""

    link: Link
    event: Json
    answered: int = 0

    @property
    def data(self) -> Json:
        """What was pressed, filled in or typed."""
        return self.event.get("data") or {}

    @property
    def id(self) -> str:
        """Discord's id: the same however often it comes."""
        return str(self.event.get("id"))

    @property
    def channel(self) -> str:
        """Where."""
        return str(self.event.get("channel_id") or (self.event.get("channel") or {}).get("id"))

    @property
    def guild(self) -> str:
        """The guild, "" in direct messages."""
        return str(self.event.get("guild_id") or "")

    @property
    def user(self) -> Json:
        """Who."""
        return self.event.get("user") or (self.event.get("member") or {}).get("user") or {}

    @property
    def roles(self) -> list[str]:
        """Their roles."""
        return [str(role) for role in (self.event.get("member") or {}).get("roles") or []]

    @property
    def manages(self) -> bool:
        """Whether they manage the guild."""
        return bool(int((self.event.get("member") or {}).get("permissions") or 0) & MANAGES)

    async def allowed(self, door: Hearing) -> bool:
        """Whether they may use the door."""
        who = str(self.user.get("id"))
        return await door.allows(who, self.roles, self.guild, manages=self.manages)

    async def person(self, door: Hearing) -> Person:
        """Who it is."""
        who, name = str(self.user.get("id")), name_of(self.user, self.event.get("member") or {})
        return await door.people.person(who, name, self.roles, self.guild, manages=self.manages)

    async def answer(self, kind: int, body: Json | None = None) -> None:
        """The first answer, or after it was put off the real one."""
        try:
            if self.answered:
                await self.edit(body or {})
                return
            self.answered = kind
            await self._first({"type": kind, **({"data": body} if body is not None else {})})
        except DiscordRefused as error:
            if error.code not in {*OVER, ACKNOWLEDGED}:
                raise
            await self._plainly(body or {}, kind)

    async def _first(self, sent: Json) -> None:
        """The answer to the interaction itself; sent again where nobody knows whether it came through."""
        for last in (False, True):
            try:
                await self.link.calls.call(
                    "POST", "/interactions/{interaction}/{webhook_token}/callback", body=sent,
                    interaction=self.id, webhook_token=str(self.event.get("token")),
                )  # fmt: skip
            except DiscordAway:
                if last:
                    raise
            except DiscordRefused as error:
                if not last or error.code != ACKNOWLEDGED:
                    raise
                return  # the first one did
            else:
                return

    async def edit(self, body: Json, files: Files = ()) -> None:
        """Change the first answer; who sees it is settled. Raises as ``Calls.call``."""
        body = {key: value for key, value in body.items() if key != "flags"}
        if files:  # those of an attempt that broke off are not kept beside them
            body["attachments"] = [{"id": n, "filename": name} for n, (name, _) in enumerate(files)]
        path = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
        for pause in (*AGAIN, 0.0):
            try:
                await self.link.calls.call(
                    "PATCH", path, body=body, files=files, webhook_id=await self.link.application(),
                    webhook_token=str(self.event.get("token")),
                )  # fmt: skip
            except DiscordAway:
                if not pause:
                    raise
                await asyncio.sleep(pause)
            else:
                return

    async def say(self, words: str) -> None:
        """Say it to all who are there."""
        await self.answer(SAY, {**looks.told(words), "allowed_mentions": looks.NOBODY})

    async def tell(self, words: str, files: Files = ()) -> None:
        """Tell the person, and nobody else."""
        body: Json = {**looks.told(words), "flags": ONLY_THEM, "allowed_mentions": looks.NOBODY}
        if not files:
            await self.answer(SAY, body)
            return
        try:
            await self.edit(body, files)
        except DiscordRefused as error:
            if error.code not in OVER:
                raise
            await self._directly(body, files)

    async def _directly(self, body: Json, files: Files = ()) -> None:
        """What is for one person's eyes goes to them where no answer can hold it, and to nobody else."""
        sent = {key: value for key, value in body.items() if key != "flags"}
        who, path = {"recipient_id": str(self.user.get("id"))}, "/channels/{channel_id}/messages"
        try:
            channel = self.channel
            if self.guild:
                made = await self.link.calls.call("POST", "/users/@me/channels", body=who)
                channel = str(made["id"])
            await self.link.calls.call("POST", path, body=sent, files=files, channel_id=channel)
        except DiscordRefused as error:
            if not self.guild or error.code != NO_DIRECT:
                raise
            words = f"<@{self.user.get('id')}> {FORGOTTEN}"
            plain = {"content": words, "allowed_mentions": looks.NOBODY}
            await self.link.calls.call("POST", path, body=plain, channel_id=self.channel)

    async def _plainly(self, body: Json, kind: int) -> None:
        """The token is over: an ordinary message, or the edit of one, says the same."""
        message = self.event.get("message") or {}
        if kind in {EDIT, PUT_OFF_EDIT} and message.get("id") and body:
            await self.link.calls.call(
                "PATCH", "/channels/{channel_id}/messages/{message_id}", body=body, channel_id=self.channel,
                message_id=str(message["id"]),
            )  # fmt: skip
        elif kind == SAY and (body.get("content") or body.get("embeds")):
            if int(body.get("flags") or 0) & ONLY_THEM:
                await self._directly(body)
                return
            await self.link.calls.call(
                "POST", "/channels/{channel_id}/messages", body=body, channel_id=self.channel
            )

    async def within(self, work: Awaitable[object], put_off: int, body: Json | None = None) -> None:
        """Do it; when it takes long, the answer is put off meanwhile."""
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait([task], timeout=PATIENCE)
        try:
            if not done:
                await self.answer(put_off, body)
        finally:  # what was begun counts, whatever Discord says to it
            await task


async def conversations(doing: Doing) -> list[tuple[Hearing, str, str]]:
    """The doors, conversations and threads of the channel in which it was done, the last changed first."""
    place = await doing.link.places.of(doing.channel)
    found: list[tuple[Hearing, str, str]] = []
    for door in doing.link.doors:
        if place.direct:
            bound = await door.store.bound(SURFACE)
            theirs = [b for b in bound if b.external_id.startswith(f"{DM}{place.id}:")]
            found += [(door, b.external_id, b.thread) for b in theirs]
        elif place.thread:
            conversation = f"{place.parent}:{place.id}"
            thread = await door.store.find(SURFACE, conversation)
            found += [(door, conversation, thread)] if thread else []
        else:
            bound = [b for b in await door.store.bound(SURFACE) if parent_of(b.external_id) == place.id]
            talks = [b for b in bound if await door.talks.state(b.external_id) == "open"]
            found += [(door, b.external_id, b.thread) for b in talks]
    return found


async def linked(link: Link, door: Hearing, conversation: str) -> str:
    """A conversation as people can follow it."""
    if not placed(conversation):
        return "(not shown yet)"
    channel, first = room(conversation)
    base, parent = link.settings.base_url, parent_of(conversation)
    if conversation.startswith(DM):
        return address(base, "", parent, first)
    if await door.talks.state(conversation) == "open":
        return address(base, (await link.places.of(parent)).guild, parent, first)
    return f"<#{channel}>"
