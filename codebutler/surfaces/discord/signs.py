"""Small signs: eyes on what is in the log, a tick on what was answered, typing; threads put away."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from codebutler.store.store import Store
from codebutler.surfaces.discord.calls import DiscordAway, DiscordRefused
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.places import DM, FORUMS, Place, parent_of, placed, room
from codebutler.surfaces.discord.talks import Talks
from codebutler.surfaces.ticks import Ticks

if TYPE_CHECKING:
    from codebutler.surfaces.discord.link import Link

EYES, TICK = "👀", "✅"
TYPING = 8.0
"""Seconds for which one word of typing is shown, a little less than Discord's ten."""
KEPT = 2_000
QUIET = 0.5
"""Seconds between looks whether a closed thread's last words were delivered."""
LOOKS = 120
STOPPED = "cancelled"
"""The status of a thread that people have stopped: it need not stay in sight."""
AWAY = f"{SURFACE}:away:"
DAY = 86_400
SHUT = f"{SURFACE}:shut:"
MOST_TAGS = 5
OPEN_TAGS = frozenset({"open", "active", "in progress"})
"""Names of tags that a closed post loses."""
TAGS = frozenset({"closed", "done", "resolved"})
"""Names of a forum's tags that a closed post gets, if the forum has one."""


class Signs:
    """One repo's signs. None of them is worth a delay or a failure of anything else."""

    def __init__(self, link: Link, store: Store, talks: Talks) -> None:
        """Nothing was set yet."""
        self._link = link
        self._store = store
        self._talks = talks
        self._typed: dict[str, float] = {}
        self._ticks = Ticks(store, SURFACE, self.react, eyes=EYES, tick=TICK)

    async def see(self, conversation: str, channel: str, message: str) -> None:
        """Eyes on the message, and somebody types."""
        await self.react(channel, message, EYES)
        await self.type(conversation)

    async def type(self, conversation: str) -> None:
        """Show that somebody is at work."""
        channel, now = await self._talks.channel(conversation), time.monotonic()
        if now - self._typed.get(channel, -TYPING) < TYPING:
            return
        self._typed.pop(channel, None)
        self._typed[channel] = now
        while len(self._typed) > KEPT:
            del self._typed[next(iter(self._typed))]
        try:
            await self._link.calls.call("POST", "/channels/{channel_id}/typing", channel_id=channel)
        except (DiscordRefused, DiscordAway) as error:  # such as a thread that is not there yet
            self._link.log.debug("no typing in %s: %s", conversation, error)

    async def tick(self, thread: str) -> None:
        """A tick on what was answered; a thread that is closed is put away."""
        row = await self._store.thread(thread)
        for surface, conversation in await self._store.bindings(thread):
            if surface == SURFACE and row is not None:
                await self._ticks.tick(row, conversation, eyes=False)
                shut = row.status == STOPPED and await self._store.noted(f"{SHUT}{conversation}")
                if row.phase == "closed" or shut:
                    await self._put_away(thread, conversation)

    async def shut(self, conversation: str, *, on: bool = True) -> None:
        """Somebody wants the conversation put away once it is stopped, or speaks in it again."""
        if on or await self._store.noted(f"{SHUT}{conversation}"):
            await self._store.note(f"{SHUT}{conversation}", "1" if on else "")

    async def said(self, conversation: str) -> None:
        """A message was delivered there."""
        await self._ticks.said(conversation)

    async def mend(self) -> None:
        """Set what a crash kept from being set. Raises DiscordAway when it broke off."""
        await self._ticks.mend()
        for bound in await self._store.bound(SURFACE):
            if bound.changed < time.time() - DAY:
                break
            if bound.phase == "closed" and not await self._store.noted(f"{AWAY}{bound.external_id}"):
                await self._put_away(bound.thread, bound.external_id)

    async def wake(self, place: Place) -> None:
        """A thread was archived, by the clock as a rule: while its work is open it stays in sight."""
        conversation = f"{place.parent}:{place.id}"
        thread = await self._store.find(SURFACE, conversation)
        row = await self._store.thread(thread) if thread else None
        if row is not None and row.phase != "closed" and row.status != STOPPED and not place.locked:
            await self._link.calls.call(
                "PATCH", "/channels/{channel_id}", body={"archived": False}, channel_id=place.id
            )

    async def _put_away(self, thread: str, conversation: str) -> None:
        """Archive and tag a closed thread, once its last words were delivered: a post would wake it."""
        if conversation.startswith(DM) or not placed(conversation):
            return
        if await self._talks.state(conversation) == "open":
            return
        for _ in range(LOOKS):
            posts = await self._store.posts(thread)
            if not any(p.state == "pending" and p.conversation == conversation for p in posts):
                break
            await asyncio.sleep(QUIET)
        body: dict[str, object] = {"archived": True}
        channel = room(conversation)[0]
        if tags := await self._closed_tags(conversation, channel):
            body["applied_tags"] = tags
        try:
            await self._link.calls.call("PATCH", "/channels/{channel_id}", body=body, channel_id=channel)
        except DiscordRefused as error:  # archived by somebody already, gone, or a permission is missing
            self._link.log.info("%s is not put away: %s", conversation, error)
        await self._store.note(f"{AWAY}{conversation}", "1")

    async def _closed_tags(self, conversation: str, channel: str) -> list[str]:
        """The tags of a post with the one for closed, if the forum has one; those that it had stay."""
        parent = parent_of(conversation)
        if (await self._link.places.of(parent)).type not in FORUMS:
            return []
        forum = await self._link.calls.call("GET", "/channels/{channel_id}", channel_id=parent)
        known = forum.get("available_tags") or []
        closed = [str(tag["id"]) for tag in known if str(tag.get("name")).lower() in TAGS][:1]
        if not closed:
            return []
        post = await self._link.calls.call("GET", "/channels/{channel_id}", channel_id=channel)
        opened = {str(tag["id"]) for tag in known if str(tag.get("name")).lower() in OPEN_TAGS}
        had = [str(tag) for tag in post.get("applied_tags") or [] if str(tag) not in {*closed, *opened}]
        return [*closed, *had][:MOST_TAGS]

    async def react(self, channel: str, message: str, emoji: str) -> None:
        """Set one, if Discord lets it be set."""
        try:
            await self._link.calls.call(
                "PUT", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me",
                channel_id=channel, message_id=message, emoji=emoji,
            )  # fmt: skip
        except (
            DiscordRefused
        ) as error:  # the message is gone, the thread archived, or a permission is missing
            self._link.log.debug("no %s on %s:%s: %s", emoji, channel, message, error)
