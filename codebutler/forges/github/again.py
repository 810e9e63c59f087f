"""Git's calls of GitHub, made again where GitHub stumbled: none of ours does harm when it comes twice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from codebutler.errors import RepoError

T = TypeVar("T")
TRIES = 3
PAUSE = 0.5
"""Seconds before the second try; doubled before the next."""
_STUMBLED = re.compile(
    r"returned error: (?:429|5\d\d)|HTTP 5\d\d|[Ee]mpty reply|Connection reset|unexpected disconnect"
    r"|early EOF|hung up unexpectedly|closed (?:the )?connection|RPC failed"
)


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """What ``work`` returns. RepoError when it is a real refusal, or no luck after three tries."""
    tried = 0
    while True:
        try:
            return await work()
        except RepoError as error:
            tried += 1
            if tried == TRIES or _STUMBLED.search(error.message) is None:
                raise
        await asyncio.sleep(PAUSE * 2 ** (tried - 1))
