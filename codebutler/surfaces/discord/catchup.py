"""What was said while nobody listened: read from the channels' own history, and heard like anything else.

A door's cursor says that everything up to it was heard. It moves when a look at all places is complete; what
is read twice is heard once, by its key.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from codebutler.surfaces import turned
from codebutler.surfaces.discord import inbound, opening
from codebutler.surfaces.discord.calls import DiscordRefused
from codebutler.surfaces.discord.changes import missed_changes
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.places import FORUMS, HEARD, Place, described, parent_of
from codebutler.surfaces.discord.troubles import fix_of, key_of
from codebutler.surfaces.linking import AGAIN, PATROL, Looks
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing
    from codebutler.surfaces.discord.link import Link

MARGIN = 60.0
"""Seconds by which clocks may differ, and by which events may be late."""
BEHIND = f"{SURFACE}:behind:"
"""Where it stands from where a channel that could not be read is to be read."""
PAGE, PAGES = 100, 100
DAYS = 30
"""Threads that changed within so many days are looked at."""
_EPOCH = 1_420_070_400_000


def snowflake(moment: float) -> int:
    """The smallest id of a moment, in seconds since the epoch."""
    return max(0, int(moment * 1000) - _EPOCH) << 22


async def _behind(door: Hearing) -> dict[str, int]:
    """Channels that a look could not read, and from where."""
    kept = (noted.partition(":") for noted in await door.store.notes(BEHIND))
    return {channel: int(cursor) for channel, _, cursor in kept}


class CatchUp(Looks["Hearing"]):
    """Looks after every new connection, and now and then."""

    def __init__(self, link: Link, *, patrol: float = PATROL, again: float = AGAIN) -> None:
        """For all doors of ``link``."""
        super().__init__(link, patrol=patrol, again=again)
        self._link = link

    async def whole(self, door: Hearing) -> None:
        """Hear all that one repo may have missed. Raises DiscordAway when it broke off."""
        await self.look(door)
        await missed_changes(self._link, door)
        await opening.mend(self._link, door)
        await door.signs.mend()

    async def look(self, door: Hearing) -> None:
        """Hear what is new in the door's channels and threads. Raises DiscordAway when it broke off."""
        key = f"{SURFACE}:cursor"
        begun = snowflake(time.time() - MARGIN)
        noted = await door.store.noted(key)
        if noted:
            cursor, behind = int(noted), await _behind(door)
            for place in await self._places(door, cursor, behind):
                await self._read(door, place, min(cursor, behind.get(place.id, cursor)))
        else:
            for channel in sorted(door.channels):
                await self._visit(door, channel, begun)
        await door.store.note(key, str(begun))
        oldest = min([begun, *(await _behind(door)).values()])
        await turned.forget(door.store, SURFACE, oldest)

    async def _visit(self, door: Hearing, channel: str, cursor: int) -> None:
        """Whether a channel can be what it is to be: in a wrong one, people would be met by silence."""
        try:
            place = await self._link.places.of(channel)
        except DiscordRefused as error:
            await self._shut(door, channel, error, cursor)
            return
        if place.type not in HEARD:
            words = f"Discord opens no threads in {channel}, which is no text channel and no forum."
            fix = (
                "Put the id of one into discord.channelID or discord.channels; codebutler init discord helps."
            )
            await self._link.troubles.hit(f"kind {channel}", f"{words} {fix}")

    async def _places(self, door: Hearing, cursor: int, behind: Mapping[str, int]) -> list[Place]:
        """Where something may be new."""
        found = {channel: Place(channel, -1) for channel in door.channels}
        for row in await self._all():
            place = described(row)
            home = place.parent if place.thread else place.id
            if home in door.channels or door.elsewhere(home):
                self._link.places.note(row)
                found.pop(place.id, None)
                new = place.last > cursor or place.id in behind
                if new and (place.thread or place.type in HEARD - FORUMS):
                    found[place.id] = place
        for bound in await door.store.bound(SURFACE):
            if bound.changed > time.time() - DAYS * 86_400:
                for channel in (await door.talks.channel(bound.external_id), parent_of(bound.external_id)):
                    found.setdefault(channel, Place(channel, -1))
        return list(found.values())

    async def _all(self) -> list[Json]:
        """Channels and open threads of all guilds, as far as Discord tells of them."""
        rows: list[Json] = []
        try:
            guilds = await self._link.guilds()
        except DiscordRefused as error:
            return self._unlisted(error)
        for guild in guilds:
            try:
                channels = await self._link.calls.call("GET", "/guilds/{guild_id}/channels", guild_id=guild)
                active = await self._link.calls.call(
                    "GET", "/guilds/{guild_id}/threads/active", guild_id=guild
                )
            except DiscordRefused as error:
                rows += self._unlisted(error)
                continue
            rows += [{"guild_id": guild, **row} for row in (*channels, *(active.get("threads") or []))]
        return rows

    def _unlisted(self, error: DiscordRefused) -> list[Json]:
        """Nothing is known of the channels then; without a token nothing goes at all."""
        if error.status == 401:
            raise error
        self._link.log.info("channels cannot be listed: %s", error)
        return []

    async def _read(self, door: Hearing, place: Place, cursor: int) -> None:
        us = await self._link.us()
        try:
            async for found in self._since(place.id, cursor):
                row = self._link.spelling.spelt(found, us)
                heard = inbound.message({"guild_id": place.guild, **row}, us)
                if heard is not None:
                    await door.hear(heard)
                    if heard.when:
                        changed = inbound.message({"guild_id": place.guild, **row}, us, kind="edit")
                        await door.hear(changed or heard)
        except DiscordRefused as error:
            await self._shut(door, place.id, error, cursor)
        else:
            self._link.troubles.mended(f"read {place.id}")
            await door.store.note(f"{BEHIND}{place.id}", "")

    async def _shut(self, door: Hearing, channel: str, error: DiscordRefused, cursor: int) -> None:
        """A place cannot be read: it is read from there once it can, and who can mend it hears of it."""
        self._link.log.info("%s cannot be read: %s", channel, error)
        if error.status == 401:
            raise error
        if channel not in door.channels:
            return
        await door.store.note(f"{BEHIND}{channel}", f"{channel}:{cursor}")
        if fix := fix_of(error, configured=True):
            words = f"Discord does not let {channel} be read: {error}. {fix}"
            await self._link.troubles.hit(key_of(error, channel), words, about=f"read {channel}")

    async def _since(self, channel: str, cursor: int) -> AsyncIterator[Json]:
        """Messages after the cursor, oldest first."""
        for _ in range(PAGES):
            page = await self._link.calls.call(
                "GET", "/channels/{channel_id}/messages", query={"after": cursor, "limit": PAGE},
                channel_id=channel,
            )  # fmt: skip
            for row in sorted(page, key=lambda each: int(each["id"])):
                cursor = int(row["id"])
                yield row
            if len(page) < PAGE:
                return
