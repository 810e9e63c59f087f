"""Talk in channels that are not the repo's: answered where it was asked, a thread once there is work.

The PM's own tool call tells the two apart: a plan, a question or a report needs a thread, an answer does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from codebutler.events import MessageReceived, parse
from codebutler.store.store import Store
from codebutler.surfaces.discord.inbound import SURFACE, Heard
from codebutler.surfaces.discord.places import Place, parent_of, room
from codebutler.surfaces.wording import load, not_theirs
from codebutler.types import Outbound, Person

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing

State: TypeAlias = Literal["", "open", "thread"]
"""No talk; one that is held in the channel; one that has become a thread."""
WORK = frozenset({"plan", "question", "choices", "report"})
"""Kinds of messages that open the thread."""


class Talks:
    """One repo's talks."""

    def __init__(self, store: Store) -> None:
        """What is a talk is kept in ``store``."""
        self._store = store

    async def state(self, conversation: str) -> State:
        """What has become of it."""
        noted = await self._store.noted(_key(conversation))
        return "open" if noted == "open" else "thread" if noted else ""

    async def begin(self, conversation: str) -> None:
        """It is held in the channel."""
        if not await self.state(conversation):
            await self._store.note(_key(conversation), "open")

    async def becomes_thread(self, conversation: str, told: str = "thread") -> None:
        """It goes on in the thread of its first message; ``told``: the channel's message that says it."""
        await self._store.note(_key(conversation), told)

    async def messages(self, conversation: str) -> list[str]:
        """What people have said in it, by the ids of their messages."""
        thread, found = await self._store.find(SURFACE, conversation), [room(conversation)[1]]
        for row in await self._store.events(thread) if thread else []:
            said = parse(row.body) if row.kind == "message_received" else None
            if isinstance(said, MessageReceived) and said.external_id == conversation:
                name = said.key.partition(":")[2]
                found += [name] if name.isdigit() else []
        return found

    async def channel(self, conversation: str) -> str:
        """Where it is held."""
        talk = await self.state(conversation) == "open"
        return parent_of(conversation) if talk else room(conversation)[0]

    async def replied(self, channel: str, message: str) -> str:
        """What was or is a talk in a channel, to which a reply to ``message`` belongs, or ""."""
        for bound in await self._store.bound(SURFACE):
            there = bound.external_id
            noted = await self._store.noted(_key(there)) if there.startswith(f"{channel}:") else ""
            if not noted:
                continue
            posted = {post.external_id for post in await self._store.posts(bound.thread)}
            if message in {*posted, room(there)[1], noted}:
                return there
        return ""


async def goes_on(door: Hearing, heard: Heard, place: Place) -> str:
    """The talk that a message in a channel carries on, or "".

    Once it has become a thread, that is for who steers it; what others reply is said among people. A closed
    one is not called again: a mention begins another talk.
    """
    about = heard.id if heard.kind == "cancel" else heard.reply
    there = await door.talks.replied(place.id, about) if about else ""
    thread = await door.store.find(SURFACE, there) if there else None
    if thread is None or await door.talks.state(there) == "open":
        return there
    if await door.store.heard(thread, f"{SURFACE}:{heard.key}"):
        return there
    row = await door.store.thread(thread)
    over = row is None or row.phase == "closed"
    who = await door.people.person(heard.user, heard.name, heard.roles, heard.guild or place.guild)
    return "" if (over and heard.mention) or await keeps_out(door, who, there, thread) else there


async def under(store: Store, heard: Heard, place: Place) -> str:
    """The thread that was opened from the message to which this one, in its channel, replies; "" for none.

    A closed one is not called again, but by what it has heard already.
    """
    first, own = f"{place.id}:{heard.reply}", f"{place.id}:{heard.id}"
    thread = await store.find(SURFACE, first) if heard.reply else None
    if thread is None or await store.find(SURFACE, own) is not None:
        return ""
    if await store.heard(thread, f"{SURFACE}:{heard.key}"):
        return first
    row = await store.thread(thread)
    return "" if row is None or row.phase == "closed" else first


async def keeps_out(door: Hearing, who: Person, conversation: str, thread: str) -> str:
    """Why this person steers nothing: in what has become work from a talk, who asked does, and who approves.

    "" if they may, as everybody in any other conversation as far as this goes.
    """
    if await door.talks.state(conversation) != "thread":
        return ""
    return not_theirs(door.access, await load(door.store, thread), "approve", who)


def opens_thread(message: Outbound) -> bool:
    """Whether there is something to decide."""
    return message.kind in WORK and not message.slot


def _key(conversation: str) -> str:
    return f"{SURFACE}:talk:{conversation}"


async def spoken(store: Store, conversation: str, about: str) -> MessageReceived | None:
    """A message as it is in the log; ``about`` is channel:id."""
    said = await store.said(SURFACE, conversation, f"{SURFACE}:{about}")
    event = parse(said.body) if said is not None else None
    return event if isinstance(event, MessageReceived) else None
