"""Many threads at once under faults: everything arrives once, in order, and nothing piles up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.twins.soaking import Soak

CHANNEL = "CSHOP0001"


@pytest.mark.timeout(1_200)
async def test_all_is_heard_once_and_delivered_once_in_order(
    desks: Callable[..., Any], *, full: bool
) -> None:
    """``--full``: 1,000 threads and 10,000 messages."""
    threads, each = (1_000, 10) if full else (50, 8)
    desk = await desks()
    desk.slack.keep, desk.slack.sockets.keep = False, False
    desk.slack.sockets.ack_seconds = 5.0
    soak = Soak(desk, threads=threads, each=each)
    desk.slack.faults.rate = 0.01
    roots = await soak.begin()
    async with asyncio.timeout(1_000 if full else 60):
        await desk.slack.sockets.settle()
        while await soak.goes_on():  # noqa: ASYNC110 - the store has no event for everything
            await asyncio.sleep(0.05)
    await soak.end()
    for ts in roots:
        assert [m["text"] for m in desk.human.thread(ts)] == soak.answers
        assert len(await desk.heard(f"{CHANNEL}:{ts}")) == 1
    assert desk.slack.faults.happened
    if full:
        soak.left_nothing_behind()
