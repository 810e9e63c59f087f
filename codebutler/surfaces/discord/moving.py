"""Where a thread that branched off in words is held: beside the first, else in the repo's channel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from codebutler.errors import DoorClosed
from codebutler.settings.discord import Discord as Settings
from codebutler.store.store import Store
from codebutler.surfaces import moving
from codebutler.surfaces.discord.calls import DiscordRefused
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.partner import Partner
from codebutler.surfaces.discord.places import DM, parent_of, placed, room
from codebutler.surfaces.wording import load
from codebutler.thread.aside import set_aside

if TYPE_CHECKING:
    from codebutler.surfaces.discord.link import Link


class Moving:
    """One repo's threads on their way to a place of their own."""

    def __init__(self, link: Link, store: Store, settings: Settings) -> None:
        """Nothing is on its way yet."""
        self._link = link
        self._store = store
        self._settings = settings
        self._one = asyncio.Lock()

    async def moved(self, name: str, thread: str) -> str:
        """See ``surfaces.moving``. Raises as ``Calls.call``, and DoorClosed where no channel is known."""

        async def begin(beside: Sequence[str], text: str) -> str:
            home = next((parent_of(there) for there in beside if placed(there)), self._settings.channel_id)
            if not home:
                raise DoorClosed(f"there is no channel for {name}", fix="Set discord.channelID.")
            partner = Partner(self._link, home)
            conversation = await partner.begin(text, mark=name)
            if home not in {self._settings.channel_id, *self._settings.channels}:
                await set_aside(self._store, SURFACE, conversation)
            opened = (await load(self._store, thread)).opened
            if opened is not None and opened.owner.surface == SURFACE:
                self._link.later(partner.join(conversation, opened.owner.id))
            return conversation

        async with self._one:  # its first message, and the one that points to it, come at once
            return await moving.moved(self._store, SURFACE, name, f"{thread}:", begin)

    async def pointed(self, text: str) -> str:
        """See ``surfaces.moving``."""
        return await moving.pointed(self._store, SURFACE, text, self._link_to)

    async def _link_to(self, thread: str, there: str) -> str:
        """Where people can follow it, or ""."""
        try:
            where = there if placed(there) else await self.moved(there, thread)
        except (DiscordRefused, DoorClosed) as error:
            self._link.log.info("%s has no place yet: %s", thread, error)
            return ""
        return "" if where.startswith(DM) else f"<#{room(where)[0]}>"
