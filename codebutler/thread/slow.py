"""A tool or a model that does not come back must not look like a crash: the status card names it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

MOST = 1_000
"""Lines that one call may bring: each takes the place of the one before."""


@asynccontextmanager
async def watched(
    what: str, every: float, show: Callable[[str], Awaitable[None]], others: Callable[[], int]
) -> AsyncIterator[None]:
    """While it is open, ``show`` is called every so many seconds, and with "" at the end if it was at all.

    ``others`` counts all that is shown. What the tool shows itself, such as a role that waits for its model,
    says more, and is left to stand.
    """
    shown = asyncio.Event()
    telling = asyncio.create_task(_tell(what, every, show, others, shown))
    try:
        yield
    finally:
        telling.cancel()
    if shown.is_set():
        await show("")


@asynccontextmanager
async def unanswered(model: str, every: float, show: Callable[[str], Awaitable[None]]) -> AsyncIterator[None]:
    """While it is open, ``show`` is told every so many seconds that ``model`` has not answered."""
    telling = asyncio.create_task(_tell_silence(model, every, show))
    try:
        yield
    finally:
        telling.cancel()


async def _tell_silence(model: str, every: float, show: Callable[[str], Awaitable[None]]) -> None:
    for times in range(1, MOST):
        await asyncio.sleep(every)
        await show(f"no answer from {model} for {times * every:.0f} s")


async def _tell(
    what: str,
    every: float,
    show: Callable[[str], Awaitable[None]],
    others: Callable[[], int],
    shown: asyncio.Event,
) -> None:
    since = time.strftime("%H:%M:%S UTC", time.gmtime())
    for times in range(1, MOST):
        seen = others()
        await asyncio.sleep(every)
        if others() == seen:
            shown.set()
            await show(f"{what} runs since {since} ({times * every:.0f} s)")
