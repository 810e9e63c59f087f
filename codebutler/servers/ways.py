"""What every way to a server gives: two streams, and word of its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from msgspec import Struct

LISTING = "tools/list"
LIST = 1024 * 1024
"""Bytes of a page of tools. To take a larger one apart holds up all threads; no honest one has a third."""
TOO_MUCH, TOO_LONG_A_LIST = "more than is taken", f"a list of tools past {LIST // 1024} KiB"


class Ended:
    """Whether the other side has gone, and what is known of why."""

    def __init__(self, tail: Callable[[], str] = lambda: "") -> None:
        """``tail``: the last of what it said on its error channel."""
        self._tail = tail
        self._why = ""
        self.event = asyncio.Event()

    def because(self, why: str) -> None:
        """It has gone; the first word counts."""
        self._why = self._why or why
        self.event.set()

    def __str__(self) -> str:
        """In words, with the tail."""
        tail = self._tail()
        return f"{self._why or 'it ended'}{f'. It last said: {tail}' if tail else ''}"


class Way(Struct, frozen=True):
    """Streams as ``mcp.ClientSession`` takes them, which are too generic to name here."""

    incoming: Any
    outgoing: Any
    ended: Ended
