"""What is over is not kept for ever: once a day, by age. Open threads stay, whatever their age."""

from __future__ import annotations

import asyncio
import logging
import time

from codebutler.errors import CodeButlerError
from codebutler.thread import shelving
from codebutler.thread.host import Host
from codebutler.thread.houses import place_of

log = logging.getLogger("codebutler.retention")
DAY = 24 * 3600
MONEY_DAYS = 40
"""Days for which the counts of a day or an hour are kept."""
PATIENCE = 3600.0
"""Seconds for which bytes may lie in the store before anything names them."""


async def daily(host: Host) -> None:
    """Look now, and then every day, until cancelled. That the store fails is logged, and tried again."""
    while True:
        try:
            removed = await sweep(host)
            if removed:
                log.info("removed by age: %s", ", ".join(removed))
        except CodeButlerError as error:
            log.error("nothing could be removed by age: %s", error)  # noqa: TRY400 - it says all there is to say
        await asyncio.sleep(DAY)


async def sweep(host: Host, now: float | None = None) -> list[str]:
    """Remove what is too old at ``now``; says what that was.

    Age is counted to an earlier look of another day, so that one start with a wrong clock removes nothing.
    """
    moment, kept = await host.store.confirmed(now or time.time()), host.config.retention
    removed = []
    if kept.logs_days is not None:
        for thread in await host.store.closed_before(moment - kept.logs_days * DAY):
            await host.store.drop_thread(thread)
            removed.append(f"thread {thread}")
    if kept.workspaces_days is not None:
        await shelving.sweep(host, moment - kept.workspaces_days * DAY)
    for house in await host.houses.all():
        old = moment - house.logs_days * DAY if house.logs_days is not None else 0.0
        for thread in await host.store.closed_before(old):
            if await place_of(host.store, thread) == house.place:
                await host.store.drop_thread(thread)
                removed.append(f"thread {thread}")
    if kept.blobs_days is not None:
        count = await host.store.drop_blobs(moment - kept.blobs_days * DAY, PATIENCE)
        if count:
            removed.append(f"{count} files")
    before = time.strftime("%Y-%m-%d", time.gmtime(moment - MONEY_DAYS * DAY))
    await host.store.drop_money(before, held=False)
    await host.ledger.drop_money(before, held=True)
    if removed and host.copy is not None:
        await host.copy.renew()  # or what was removed would live on there
    return removed
