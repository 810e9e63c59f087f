"""The end of a connection: nothing is left open, however it ends."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientSession

from codebutler.surfaces.discord.calls import Calls, DiscordAway


def left_open() -> list[ClientSession]:
    """Connections of this process that nobody closed, whoever forgot them."""
    return [thing for thing in gc.get_objects() if isinstance(thing, ClientSession) and not thing.closed]


@pytest.mark.parametrize("turns", range(1, 12, 2))
async def test_a_connection_that_is_cancelled_while_it_closes_is_closed(
    desks: Callable[..., Any], turns: int
) -> None:
    desk = await desks()
    for task in desk._running:
        task.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    await desk.close()
    assert left_open() == []


async def test_a_login_that_ends_after_the_close_is_closed(desk: Any) -> None:
    calls = Calls(desk.link.settings.base_url, desk.link.token)
    asking = asyncio.create_task(calls.call("GET", "/users/@me"))
    await asyncio.sleep(0)
    await calls.close()
    with pytest.raises(DiscordAway, match="closed"):
        await asking
    await desk.close()
    assert left_open() == []


@pytest.mark.parametrize("what", ["token", "intent"])
async def test_what_discord_takes_away_later_ends_nothing_else(
    desk: Any, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """From the first connection on: other doors and repos live in the same process."""
    desk.guild.revoked = what == "token"
    desk.guild.content_intent = what != "intent"
    await desk.twin.gateway.close(4000, forget=True)
    running = desk._running[0]
    await desk.until(lambda: running.done() or "gateway" in desk.link.troubles._broken)
    assert not running.done()
    words = "token. Put a working" if what == "token" else "messages. Turn on"
    await desk.until(lambda: words in caplog.text)
    desk.human.say("are you there?")
    desk.guild.revoked, desk.guild.content_intent = False, True
    await desk.until(lambda: [each.text for each in desk.received] == ["are you there?"])
