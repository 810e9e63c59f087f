"""Waiting for whichever comes first, or for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


async def first_of(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """Tasks that end together: with the first that fails the others are ended, and its error comes as it is.

    ``asyncio.gather`` would leave them: a loop that is closed over a process that is just being started
    waits for ever.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        first = failed.exceptions[0]
        raise first from first.__cause__


async def whole(beginning: Coroutine[Any, Any, T], undo: Callable[[T], Awaitable[None]]) -> T:
    """What it brings. Called off, it comes to its end all the same, and what it brought is undone.

    For what would leave descriptors and processes if it ended in its middle.
    """
    begun = asyncio.create_task(beginning)
    try:
        return await asyncio.shield(begun)
    except asyncio.CancelledError:
        await asyncio.wait([begun])
        if begun.exception() is None:
            await undo(begun.result())
        raise
