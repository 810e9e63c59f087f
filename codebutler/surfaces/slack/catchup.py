"""What was said while nobody listened: read from the channels' own history, and heard like anything else.

The cursor of a channel says that everything up to it was heard, replies among it. It moves when a look at the
channel is complete; what is read twice is heard once, by its key.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from codebutler.surfaces import turned
from codebutler.surfaces.linking import AGAIN, PATROL, Looks
from codebutler.surfaces.slack import inbound
from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.changes import missed_changes
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.pages import listed, replies
from codebutler.surfaces.slack.troubles import SHUT, key_of, keys, of_token
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing
    from codebutler.surfaces.slack.link import Link

MARGIN = 60.0
"""Seconds by which clocks may differ, and by which events may be late."""
BEHIND = 7_200.0
"""Seconds by which the platform's clock may be behind ours where a channel is new to us."""
DAYS = 30
"""Threads of ours that changed within so many days are looked at, however old their first message is."""
LOOKED = f"{SURFACE}:looked"
"""Where it stands when the last complete look began."""
PEOPLES = 7
"""Days of a channel's messages under which a mention is looked for: in threads of people among themselves."""


class CatchUp(Looks["Hearing"]):
    """Looks after every new connection, and now and then."""

    def __init__(self, link: Link, *, patrol: float = PATROL, again: float = AGAIN) -> None:
        """For all doors of ``link``."""
        super().__init__(link, patrol=patrol, again=again)
        self._link = link

    async def whole(self, door: Hearing) -> None:
        """Hear all that one repo may have missed. Raises SlackAway when it broke off."""
        await self.look(door)
        await missed_changes(self._link, door)
        await door.asked.mend(door)
        await door.signs.mend()

    async def look(self, door: Hearing) -> None:
        """Hear what is new in the door's channels and threads. Raises SlackAway when it broke off."""
        living: dict[str, list[str]] = {}
        begun, whole, newest = time.time() - MARGIN, True, 0.0
        for bound in await door.store.bound(SURFACE):
            channel, _, root = bound.external_id.partition(":")
            if bound.changed > time.time() - DAYS * 86_400:
                living.setdefault(channel, []).append(root)
        for channel in {**dict.fromkeys(door.channels), **living, **dict.fromkeys(await self._others(door))}:
            try:
                newest = max(newest, await self._channel(door, channel, living.get(channel, [])))
                self._link.troubles.mended(*keys(channel, reading=True))
            except SlackRefused as error:
                self._link.log.info("%s cannot be read: %s", channel, error)
                whole = whole and not of_token(error)
                if channel in door.channels and error.error in SHUT:
                    words = f"Slack does not let {channel} be read: {error.error}. {SHUT[error.error]}"
                    await self._link.troubles.tell(key_of(error, channel, reading=True), words)
        if whole:
            await turned.forget(door.store, SURFACE, begun - DAYS * 86_400)
            looked = min(begun, max(newest, begun - BEHIND)) if newest else begun
            await door.store.note(LOOKED, f"{looked:.6f}")

    async def _others(self, door: Hearing) -> list[str]:
        """The other channels in which somebody may have called us."""
        if not door.settings.elsewhere or door.rank:
            return []
        rooms = "public_channel,private_channel"
        for kinds in (f"{rooms},im,mpim", f"{rooms},im", rooms):
            try:
                mine = listed(
                    self._link.calls, "users.conversations", "channels", types=kinds, exclude_archived=True
                )
                return [str(channel["id"]) async for channel in mine]
            except SlackRefused as error:  # without the scopes for it, what is said there is heard live only
                self._link.log.info("conversations (%s) are not listed: %s", kinds, error)
        return []

    async def _channel(self, door: Hearing, channel: str, living: Sequence[str]) -> float:
        """Hear what is new, and return the newest message's ts, 0 if there is none.

        ``living``: the first messages of our threads there. Those too old for the list are asked for singly.
        """
        key = f"{SURFACE}:{channel}"
        noted = await door.store.noted(key)
        begun = time.time() - MARGIN
        cursor = float(noted) if noted else await self._first(door, channel, begun)
        latest, start = cursor, min(cursor, begun - PEOPLES * 86_400)
        calls = self._link.calls
        top = listed(calls, "conversations.history", "messages", channel=channel, oldest=f"{start:.6f}")
        messages = sorted([m async for m in top], key=_ts)
        for message in messages:
            said, root = [message] if _ts(message) > cursor else [], str(message["ts"])
            if _last_reply(message, ours=root in living) > cursor:
                said += await self._under(channel, root, cursor)
            latest = max(latest, await self._heard(door, channel, said))
        for root in living:
            if float(root) < start:
                said = await self._under(channel, root, cursor)
                latest = max(latest, await self._heard(door, channel, said))
        await door.store.note(key, f"{max(cursor, min(latest, begun)):.6f}")
        return _ts(messages[-1]) if messages else 0.0

    async def _under(self, channel: str, root: str, cursor: float) -> list[Json]:
        """New replies in a thread; none of one that cannot be read: others are heard all the same."""
        try:
            under = replies(self._link.calls, f"{channel}:{root}", oldest=f"{cursor:.6f}")
            return [m async for m in under if str(m["ts"]) != root]
        except SlackRefused as error:
            if of_token(error):
                raise
            self._link.log.info("the thread %s:%s cannot be read: %s", channel, root, error)
            return []

    async def _heard(self, door: Hearing, channel: str, said: Sequence[Json]) -> float:
        """Hear messages in their order; returns the last one's ts."""
        us = await self._link.us()
        for each in sorted(said, key=_ts):
            heard = inbound.read({**each, "type": "message", "channel": channel}, us)
            if heard is not None:
                await door.hear(heard)
        return max(map(_ts, said), default=0.0)

    async def _first(self, door: Hearing, channel: str, begun: float) -> float:
        """Where to begin in a channel that was never looked at: what was said before is not for us.

        One that is not the repo's own, and that was not there at the last look, has nothing from before that.
        """
        looked = await door.store.noted(LOOKED)
        if looked and channel not in door.channels:
            return float(looked)
        given = await self._link.calls.call("conversations.history", channel=channel, limit=1)
        newest = [_ts(m) for m in given.get("messages") or []]
        return min([*newest, begun]) if newest else 0.0


def _ts(message: Json) -> float:
    return float(message["ts"])


def _last_reply(message: Json, *, ours: bool) -> float:
    """When somebody replied last; where the server does not say, ``ours`` may have a reply of any time."""
    if message.get("latest_reply"):
        return float(message["latest_reply"])
    replied = message.get("reply_count")
    if replied is None:
        replied = ours or message.get("thread_ts") == message["ts"]
    return 1e18 if replied else 0.0
