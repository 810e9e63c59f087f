"""Many threads at once under faults: everything arrives once, in order, and nothing piles up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from codebutler.testing.discord.guild import SHOP
from tests.twins.soaking import Soak


@pytest.mark.timeout(1_800)
async def test_all_is_heard_once_and_delivered_once_in_order(
    desks: Callable[..., Any], *, full: bool
) -> None:
    """``--full``: 1,000 threads and 10,000 messages."""
    threads, each = (1_000, 10) if full else (20, 4)
    desk = await desks()
    soak = Soak(desk, threads=threads, each=each)
    desk.twin.faults.rate = 0.01 if full else 0.05
    roots = await soak.begin()
    async with asyncio.timeout(1_500 if full else 90):
        while await soak.goes_on():
            if desk.twin.gateway.connected and not soak.all_opened:
                desk.link.hello.set()  # what the gateway dropped is found by a look
            await asyncio.sleep(0.2)
    await soak.end()
    for root in roots:
        assert [m["content"] for m in desk.human.told(root)] == soak.answers
        assert len(await desk.heard(f"{SHOP}:{root}")) == 1
    assert desk.twin.faults.happened
    if full:
        soak.left_nothing_behind()
