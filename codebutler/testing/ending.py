"""How a twin's server ends: with nothing left open, however the machine is busy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

_ROUNDS = 5
"""Rounds of the loop: what was accepted becomes a connection, what was cut lets go of its socket."""


async def end(runner: web.AppRunner) -> None:
    """Stop ``runner``. asyncio leaks a connection accepted in the very round in which its server closes
    (before 3.12), so that nothing is accepted any more first.
    """
    loop = asyncio.get_running_loop()
    for site in runner.sites:
        server = site._server  # noqa: SLF001 - aiohttp shows its listening sockets nowhere else
        for listening in getattr(server, "sockets", ()):
            loop.remove_reader(listening.fileno())
    await _rounds()
    await runner.cleanup()
    await _rounds()


async def _rounds() -> None:
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)
