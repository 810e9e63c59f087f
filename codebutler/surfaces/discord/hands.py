"""Buttons, forms, commands: each verified for person, thread and staleness before it counts.

Discord wants a first answer within three seconds. What counts is in the store before it is given; where
that takes longer, the answer is put off, and edited later. A token that is over gives way to an ordinary
message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebutler.surfaces.discord import forms, looks
from codebutler.surfaces.discord.calls import (
    ACKNOWLEDGED,
    TOKEN_OVER,
    UNKNOWN_INTERACTION,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    DiscordRefused,
    Files,
)
from codebutler.surfaces.discord.hearing import NOT_YOU
from codebutler.surfaces.discord.inbound import SURFACE, name_of
from codebutler.surfaces.discord.places import DM, address, parent_of, placed, room
from codebutler.surfaces.wording import choices, decision, gone, load, not_theirs
from codebutler.thread.state import ThreadState
from codebutler.types import Choice, Inbound, Json, Outbound, Person

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing
    from codebutler.surfaces.discord.link import Link

COMMAND, COMPONENT, COMPLETE, SUBMIT = 2, 3, 4, 5
SAY, PUT_OFF, PUT_OFF_EDIT, EDIT, OFFER, ASK = 4, 5, 6, 7, 8, 9
"""Kinds of answers."""
ONLY_THEM = 64
"""The flag of a message that only one person sees."""
PATIENCE = 1.5
"""Seconds after which an answer is put off."""
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
        return await door.person(who, name, self.roles, self.guild, manages=self.manages)

    async def answer(self, kind: int, body: Json | None = None) -> None:
        """The first answer, or after it was put off the real one."""
        try:
            if self.answered:
                await self.edit(body or {})
                return
            self.answered = kind
            sent = {"type": kind, **({"data": body} if body is not None else {})}
            await self.link.calls.call(
                "POST", "/interactions/{interaction}/{webhook_token}/callback", body=sent,
                interaction=self.id, webhook_token=str(self.event.get("token")),
            )  # fmt: skip
        except DiscordRefused as error:
            if error.code not in {*OVER, ACKNOWLEDGED}:
                raise
            await self._plainly(body or {}, kind)

    async def edit(self, body: Json, files: Files = ()) -> None:
        """Change the first answer; who sees it is settled. Raises as ``Calls.call``."""
        body = {key: value for key, value in body.items() if key != "flags"}
        await self.link.calls.call(
            "PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original", body=body, files=files,
            webhook_id=await self.link.application(), webhook_token=str(self.event.get("token")),
        )  # fmt: skip

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

    async def _directly(self, body: Json, files: Files) -> None:
        """Files are for one person's eyes: where no answer can hold them, they go as a direct message."""
        who = {"recipient_id": str(self.user.get("id"))}
        made = await self.link.calls.call("POST", "/users/@me/channels", body=who)
        sent = {key: value for key, value in body.items() if key != "flags"}
        await self.link.calls.call(
            "POST", "/channels/{channel_id}/messages", body=sent, files=files, channel_id=str(made["id"])
        )

    async def _plainly(self, body: Json, kind: int) -> None:
        """The token is over: an ordinary message, or the edit of one, says the same."""
        message = self.event.get("message") or {}
        if kind in {EDIT, PUT_OFF_EDIT} and message.get("id") and body:
            await self.link.calls.call(
                "PATCH", "/channels/{channel_id}/messages/{message_id}", body=body, channel_id=self.channel,
                message_id=str(message["id"]),
            )  # fmt: skip
        elif kind == SAY and (body.get("content") or body.get("embeds")):
            words = f"<@{self.user.get('id')}> {body.get('content') or ''}"[: looks.CONTENT]
            sent = {"content": words, "embeds": body.get("embeds") or [], "allowed_mentions": looks.NOBODY}
            await self.link.calls.call(
                "POST", "/channels/{channel_id}/messages", body=sent, channel_id=self.channel
            )

    async def within(self, work: Awaitable[object], put_off: int, body: Json | None = None) -> None:
        """Do it; when it takes long, the answer is put off meanwhile."""
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait([task], timeout=PATIENCE)
        if not done:
            await self.answer(put_off, body)
        await task


async def interaction(link: Link, event: Json) -> None:
    """A person's doing that wants an answer."""
    from codebutler.surfaces.discord import slash

    doing, kind = Doing(link, event), int(event.get("type") or 0)
    if kind == COMPONENT:
        await press(doing)
    elif kind == SUBMIT:
        await submitted(doing)
    elif kind == COMPLETE:
        await slash.complete(doing)
    elif kind == COMMAND:
        await slash.command(doing)


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


async def press(doing: Doing) -> None:
    """A button was pressed: it counts, opens a form, or the person is told why not."""
    which = looks.pressed(str(doing.data.get("custom_id")))
    if which is None:
        return
    for door, conversation, thread in await conversations(doing):
        found = await _behind(door, conversation, thread, which)
        if found is not None:
            await _pressed(doing, door, (conversation, thread), *found)
            return
    await doing.tell("That is no button of a thread that I know.")


async def _behind(
    door: Hearing, conversation: str, thread: str, which: tuple[str, int]
) -> tuple[Choice, str] | None:
    """The choice behind a button, and its message's mark."""
    for post in await door.store.posts(thread):
        mark = f"{thread}:{post.key}"
        if post.conversation == conversation and looks.digest(mark) == which[0]:
            offered = choices(Outbound.model_validate_json(post.payload))
            return (offered[which[1]], mark) if which[1] < len(offered) else None
    return None


async def _pressed(doing: Doing, door: Hearing, where: tuple[str, str], choice: Choice, mark: str) -> None:
    conversation, thread = where
    state, message = await load(door.store, thread), doing.event.get("message") or {}
    person = await doing.person(door)
    if why := gone(state, choice.action, choice.value, mark):
        door.buttons.used(conversation, str(message.get("id")))
        await doing.answer(EDIT, looks.used(message, f"No longer open: {why}"))
        return
    if why := await refusal(doing, door, state, choice.action, person):
        await doing.tell(why)
        return
    if choice.action in {"refine", "pick"}:
        await doing.answer(
            ASK, forms.refine() if choice.action == "refine" else forms.pick(state.memory or [])
        )
        return
    said = Inbound(
        surface=SURFACE, external_id=conversation, key=f"press:{doing.id}", author=person,
        action=choice.action, value=choice.value,
    )  # fmt: skip
    await doing.within(door.receive(said), PUT_OFF_EDIT)
    door.buttons.used(conversation, str(message.get("id")))
    await doing.answer(EDIT, looks.used(message, looks.decided(choice.label, person.id)))


async def refusal(doing: Doing, door: Hearing, state: ThreadState, action: str, person: Person) -> str:
    """Why this person may not, or ""."""
    if not await doing.allowed(door):
        return NOT_YOU
    return not_theirs(door.access, state, action, person)


async def submitted(doing: Doing) -> None:
    """A form came back: it counts, or the person is told why not."""
    action = str(doing.data.get("custom_id")).removeprefix(looks.FORM)
    values = forms.values(doing.data)
    for door, conversation, thread in await conversations(doing):
        state = await load(door.store, thread)
        person = await doing.person(door)
        why = gone(state, action, "", "") or await refusal(doing, door, state, action, person)
        if why:
            await doing.tell(why)
            return
        base = Inbound(surface=SURFACE, external_id=conversation, key=f"form:{doing.id}", author=person)
        words = values.get(forms.FIELD, "").strip()
        if action == "refine":
            said = base.model_copy(update={"text": words})
        else:
            items = [item.text for item in state.memory or []]
            wish = words or decision(items, values, forms.INPUT)
            said = base.model_copy(update={"action": "memory", "value": wish})
        await doing.within(door.receive(said), PUT_OFF, {"flags": ONLY_THEM})
        await doing.tell("It is in the thread.")
        return
    await doing.tell("That thread is gone.")


async def linked(doing: Doing, door: Hearing, conversation: str) -> str:
    """A conversation as people can follow it."""
    if not placed(conversation):
        return "(not shown yet)"
    channel, first = room(conversation)
    base, parent = doing.link.settings.base_url, parent_of(conversation)
    if conversation.startswith(DM):
        return address(base, "", parent, first)
    if await door.talks.state(conversation) == "open":
        return address(base, (await doing.link.places.of(parent)).guild, parent, first)
    return f"<#{channel}>"
