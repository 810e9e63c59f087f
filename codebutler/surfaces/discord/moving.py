"""Where a thread that branched off in words is held: beside the first, else in the repo's channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from codebutler.errors import DoorClosed
from codebutler.settings.discord import Discord as Settings
from codebutler.store.store import Store
from codebutler.surfaces import moving
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.partner import Partner
from codebutler.surfaces.discord.places import parent_of, placed

if TYPE_CHECKING:
    from codebutler.surfaces.discord.link import Link


async def moved(link: Link, store: Store, settings: Settings, name: str, mark: str) -> str:
    """See ``surfaces.moving``. Raises as ``Calls.call``, and DoorClosed where no channel is known."""

    async def begin(beside: Sequence[str], text: str) -> str:
        home = next((parent_of(there) for there in beside if placed(there)), settings.channel_id)
        if not home:
            raise DoorClosed(f"there is no channel for {name}", fix="Set discord.channelID.")
        return await Partner(link, home).begin(text, mark=name)

    return await moving.moved(store, SURFACE, name, mark, begin)
