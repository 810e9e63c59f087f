"""What a site's robots.txt lets robots read: asked once in a while for each origin."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codebutler.errors import ToolFailed
from codebutler.web.client import AGENT, Client
from codebutler.web.urls import Target

if TYPE_CHECKING:
    from protego import Protego

SECONDS = 3600.0
_BYTES = 500 * 1024
_KEPT = 500
"""Origins whose rules are kept."""


class Robots:
    """The rules of the origins that were asked."""

    def __init__(self, client: Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is known yet."""
        self._client, self._clock = client, clock
        self._known: dict[str, tuple[float, Protego]] = {}

    async def need(self, target: Target) -> None:
        """ToolFailed when the site does not want ``target`` to be read by robots."""
        rules = await self._rules(target.origin)
        if not await asyncio.to_thread(_let, rules, target):
            raise ToolFailed(f"{target.origin}/robots.txt asks robots not to read {target.url}")

    async def _rules(self, origin: str) -> Protego:
        known = self._known.get(origin)
        if known is not None and self._clock() - known[0] < SECONDS:
            return known[1]
        rules = await self._ask(origin)
        if len(self._known) >= _KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[origin] = (self._clock(), rules)
        return rules

    async def _ask(self, origin: str) -> Protego:
        """A site without the file allows all; one that fails to give it, nothing (RFC 9309)."""
        response = await self._client.get(f"{origin}/robots.txt", most=_BYTES)
        from protego import Protego

        if response.status >= 500:
            return Protego.parse("User-agent: *\nDisallow: /")
        text = response.data.decode("utf-8-sig", "replace") if response.status < 400 else ""
        return await asyncio.to_thread(Protego.parse, text)  # half a second, if they are many


def _let(rules: Protego, target: Target) -> bool:
    """Whether they let robots read it; not for the event loop, as rules may be many and slow."""
    path = urlsplit(target.url).path
    plain = target.url.replace(path, re.sub("/+", "/", path), 1)  # most servers give both the same page
    return bool(rules.can_fetch(target.url, AGENT) and rules.can_fetch(plain, AGENT))
