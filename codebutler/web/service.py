"""Search and fetch as the rest of the daemon uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from codebutler.errors import ToolFailed
from codebutler.redact import Redactor
from codebutler.settings.web import Web as Settings
from codebutler.web import engines, guard
from codebutler.web.cache import Cache
from codebutler.web.client import Client
from codebutler.web.engines import Hit
from codebutler.web.guard import Resolve
from codebutler.web.pages import Bounds, Page, page_of
from codebutler.web.robots import Robots
from codebutler.web.urls import Target

QUERY = 400
HITS = 20
"""The most hits of one search."""
AT_ONCE = 8
"""Pages that are fetched at once, over all threads of the process."""
PARSERS = 2
"""Pages that are taken apart at once: each is a process with up to a gigabyte."""
OFF = "the web is off on this host (web.enabled)"


class Found(Struct, frozen=True):
    """What a search gave: by which engine, and what the ones before it said."""

    engine: str
    hits: Sequence[Hit]
    failed: Sequence[str] = ()


@dataclass
class Web:
    """The one way out. Everything raises ToolFailed with words for the model."""

    settings: Settings
    redactor: Redactor
    resolve: Resolve = guard.system_resolve
    _client: Client = field(init=False)
    _robots: Robots = field(init=False)
    _cache: Cache = field(init=False)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _parsers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARSERS))

    def __post_init__(self) -> None:
        """Nothing is asked of anybody yet."""
        self._client = Client(self.settings, self.redactor, self.resolve)
        self._robots = Robots(self._client)
        self._cache = Cache(
            seconds=self.settings.cache_minutes * 60, chars=self.settings.cache_mib * 1024 * 1024
        )

    async def search(self, query: str, count: int) -> Found:
        """The first engine's answer that has hits; each URL once."""
        self._need_on()
        words = " ".join(query.split())
        if not words or len(words) > QUERY:
            raise ToolFailed(f"a query has 1 to {QUERY} characters")
        self._client.refuse_secrets(words)
        failed: list[str] = []
        answered = ""
        for engine in engines.ready(self.settings):
            try:
                hits = await engines.ask(self.settings, engine, words, max(1, min(count, HITS)))
            except ToolFailed as error:
                failed.append(error.message)
                continue
            answered = engine
            if hits:
                return Found(engine, _once_each(hits), failed)
        if not answered:
            why = "; ".join(failed) or "none is set up"
            raise ToolFailed(f"no search engine could be asked: {why}")
        return Found(answered, (), failed)

    async def page(self, url: str) -> Page:
        """The page at ``url`` as text, from the cache if it is there."""
        self._need_on()
        target = self._client.read(url)
        kept = self._cache.get(target.url)
        if kept is None:
            kept = await self._fetched(target)
            self._cache.put(target.url, kept)
        return kept

    async def _fetched(self, target: Target) -> Page:
        async with self._places:
            if not self.settings.robots:
                response = await self._client.get(target.url)
            else:
                await self._robots.need(target)
                response = await self._client.get(target.url, may=self._robots.need)
        if response.status >= 400:
            raise ToolFailed(f"{response.url} answers {response.status}")
        async with self._parsers:
            return await page_of(response, Bounds.within(self.settings.seconds))

    def _need_on(self) -> None:
        if not self.settings.enabled:
            raise ToolFailed(OFF)


def _once_each(hits: Sequence[Hit]) -> list[Hit]:
    known: dict[str, Hit] = {}
    for hit in hits:
        known.setdefault(hit.url.partition("#")[0].rstrip("/"), hit)
    return list(known.values())
