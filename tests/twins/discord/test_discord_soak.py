"""Many threads at once under faults: everything arrives once, in order, and nothing piles up."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codebutler.testing.discord.guild import SHOP
from codebutler.thread import deliver
from codebutler.thread.log import ThreadLog
from codebutler.types import Inbound, Outbound


@pytest.mark.timeout(1_800)
async def test_all_is_heard_once_and_delivered_once_in_order(
    desks: Callable[..., Any], *, full: bool
) -> None:
    """``--full``: 1,000 threads and 10,000 messages."""
    threads, each = (1_000, 10) if full else (20, 4)
    desk = await desks()
    delivery = deliver.Delivery(desk.store, [desk.door])
    opened: dict[str, str] = {}

    async def work(inbound: Inbound) -> str:
        """Answer each request with so many messages."""
        thread = str(await desk._receive(inbound))
        if thread not in opened:
            opened[thread] = inbound.external_id
            log = await ThreadLog.claim(desk.store, thread, str)
            for n in range(each):
                await log.post(Outbound(text=f"line {n}"), key=f"p{n}")
            delivery.wake()
        return thread

    desk.door.hearing.receive = work
    desk.twin.faults.rate = 0.01 if full else 0.05
    running = asyncio.create_task(delivery.run())
    roots = []
    for number in range(threads):
        roots.append(desk.human.say(f"request {number}"))
        if number % 20 == 0:
            await asyncio.sleep(0.01)
    before = 0
    async with asyncio.timeout(1_500 if full else 90):
        while len(opened) < threads or await desk.store.pending_posts("discord", limit=1):
            before = before or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if desk.twin.gateway.connected and len(opened) < threads:
                desk.link.hello.set()  # what the gateway dropped is found by a look
            await asyncio.sleep(0.2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for root in roots:
        assert [m["content"] for m in desk.human.told(root)] == [f"line {n}" for n in range(each)]
        assert len(await desk.heard(f"{SHOP}:{root}")) == 1
    assert desk.twin.faults.happened
    if full:
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 200_000, f"{grown} KiB"  # the twin itself keeps all 10,000 messages
        assert len(list(Path("/proc/self/fd").iterdir())) < 200
