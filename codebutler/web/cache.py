"""Pages that were fetched: for a while, and in a bounded space."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from codebutler.web.pages import Page


class Cache:
    """The newest pages, by the URL that was asked for. Lives as long as its process."""

    def __init__(self, *, seconds: float, chars: int, clock: Callable[[], float] = time.monotonic) -> None:
        """A page is kept for ``seconds``, all of them together in ``chars`` characters."""
        self._seconds, self._chars, self._clock = seconds, chars, clock
        self._pages: OrderedDict[str, tuple[float, Page]] = OrderedDict()
        self.size = 0

    def get(self, url: str) -> Page | None:
        """The page, unless it is unknown or too old."""
        kept = self._pages.get(url)
        if kept is None:
            return None
        if self._clock() - kept[0] >= self._seconds:
            self._drop(url)
            return None
        self._pages.move_to_end(url)
        return kept[1]

    def put(self, url: str, page: Page) -> None:
        """Keep it, unless it is too large; what nobody asked for the longest goes first."""
        if url in self._pages:
            self._drop(url)
        if len(page.text) > self._chars:
            return
        self._pages[url] = (self._clock(), page)
        self.size += len(page.text)
        while self.size > self._chars:
            self._drop(next(iter(self._pages)))

    def _drop(self, url: str) -> None:
        self.size -= len(self._pages.pop(url)[1].text)
