"""discord.py's client of the gateway: it only hands on what comes over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from codebutler.surfaces.discord.calls import quiet

if TYPE_CHECKING:
    import discord


def ears(told: Callable[[str], None], gone: Callable[[], None]) -> discord.Client:
    """A client that is not connected yet. ``told`` gets each frame's text; ``gone``: the connection broke."""
    import discord

    class Ears(discord.Client):
        """Its own close may be cut short by a cancel, and leaves its connections open then."""

        async def on_socket_raw_receive(self, raw: str) -> None:
            told(raw)

        async def on_disconnect(self) -> None:
            gone()

        async def close(self) -> None:
            await _whole(super().close())

    quiet()
    intents = discord.Intents(
        guilds=True, guild_messages=True, dm_messages=True, message_content=True, guild_reactions=True,
        dm_reactions=True,
    )  # fmt: skip
    client = Ears(
        intents=intents, enable_debug_events=True, max_messages=None, chunk_guilds_at_startup=False,
        member_cache_flags=discord.MemberCacheFlags.none(),
    )  # fmt: skip
    client._connection.parsers.clear()  # noqa: SLF001 - its models of guilds are not used, and one odd event would end it
    return client


async def _whole(work: Coroutine[object, object, None]) -> None:
    """Work that ends in bounded time (10 s) is done to its end; a cancel meanwhile counts after it."""
    doing, cancelled = asyncio.create_task(work), None
    while not doing.done():
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    await doing
