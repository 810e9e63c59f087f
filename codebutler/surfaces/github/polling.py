"""News without a public address: lists since the last look, asked with tags: silence costs nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeAlias

from codebutler.errors import CodeButlerError
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.surfaces.github import inbound
from codebutler.surfaces.github.closed import tell_closed
from codebutler.surfaces.github.hearing import Hearing
from codebutler.surfaces.github.inbound import Heard
from codebutler.types import Json

log = logging.getLogger("codebutler.github")
MARGIN = 60.0
"""Seconds by which rows may show up late."""
PAGES = 20
MANY = 50
"""Rows that are read again and again before the time to ask from moves on."""
FULL = 100
"""Rows of a page. What comes after a full one does not change it: its tag says nothing of the list."""
LONGEST = 600.0
"""Seconds between looks while GitHub cannot be reached."""
Read: TypeAlias = Callable[[Json], Heard | None]


class Polling:
    """Looks every so often, and when it is nudged."""

    def __init__(
        self, hearing: Hearing, *, seconds: float, after: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """For one repository's ears; ``after`` each look something else is done."""
        self._after = after
        self._hearing = hearing
        self._seconds = seconds
        self._tags: dict[str, tuple[str, str]] = {}
        """List → (since, tag) of the last look that found all of it."""
        self._nudged = asyncio.Event()
        self._absent: set[str] = set()
        self.looked = 0
        """Complete looks so far."""

    def nudge(self) -> None:
        """Look now."""
        self._nudged.set()

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            self._nudged.clear()
            try:
                await self.look()
                if self._after is not None:
                    await self._after()
                failures = 0
            except CodeButlerError as error:
                failures += 1
                log.warning("%s cannot be looked at: %s", self._hearing.full_name, error)
            except Exception:  # a row that is not as GitHub's are must not make us deaf
                failures += 1
                log.exception("%s cannot be looked at", self._hearing.full_name)
            try:
                async with asyncio.timeout(min(self._seconds * 2**failures, max(LONGEST, self._seconds))):
                    await self._nudged.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Hear what is new. Raises RepoError when it broke off: nothing is lost."""
        base = f"/repos/{self._hearing.full_name}"
        await self._part("issues", self._since(f"{base}/issues", self._opened, state="open"))
        await self._since(f"{base}/issues/comments", inbound.of_comment)
        await self._part("comments on lines", self._since(f"{base}/pulls/comments", inbound.of_line))
        await self._part("assignments and labels", self._events(f"{base}/issues/events"))
        await self._part("reviews", self._reviews(base))
        self.looked += 1

    async def _part(self, what: str, looking: Coroutine[Any, Any, None]) -> None:
        """One list. A server or a token that does not offer it takes nothing from the others; said once."""
        try:
            await looking
        except GitHubRefused as error:
            if error.status not in (403, 404, 405, 410, 501):
                raise
            if what not in self._absent:
                self._absent.add(what)
                log.warning("%s of %s cannot be looked at: %s", what, self._hearing.full_name, error)

    def _opened(self, row: Json) -> Heard | None:
        return inbound.of_issue(row, pull="pull_request" in row)

    async def _since(self, path: str, read: Read, **query: str) -> None:
        """The rows of a list that were made or changed since; only those made since are heard."""
        store, calls, key = self._hearing.store, self._hearing.calls, f"github:since:{path}"
        since = await store.noted(key)
        if not since:  # what was said before we came is not for us
            await store.note(key, _stamp(time.time() - MARGIN))
            since = await store.noted(key)
        known, tag = self._tags.get(path, ("", ""))
        asked = {"since": since, "sort": "updated", "direction": "asc", "per_page": FULL, **query}
        latest, first, rows = since, "", 0
        for page in range(1, PAGES + 1):
            etag = tag if known == since and page == 1 else ""
            got = await calls.fresh(path, etag=etag, query={**asked, "page": page})
            if got.same:
                return
            first, rows = first or got.etag, rows + len(got.body)
            for row in got.body:
                if str(row["created_at"]) >= since and (heard := read(row)) is not None:
                    await self._hearing.hear(heard)
                latest = max(latest, str(row["updated_at"]))
            if not got.next:
                break
        held = min(latest, _stamp(time.time() - MARGIN))
        if held > since and rows > MANY:  # while it stays, so does the tag
            await store.note(key, held)
        else:
            self._tags[path] = (since, first if rows < FULL else "")

    async def _events(self, path: str) -> None:
        """Assignments and labels: the newest come first."""
        store, calls, key = self._hearing.store, self._hearing.calls, f"github:since:{path}"
        noted = await store.noted(key)
        last = int(noted) if noted.isdigit() else -1
        fresh: list[Json] = []
        tag, top = self._tags.get(path, ("", ""))[1], ""
        for page in range(1, PAGES + 1):
            got = await calls.fresh(
                path, etag=tag if page == 1 else "", query={"per_page": 100, "page": page}
            )
            if got.same:
                return
            top = top or got.etag
            rows = [row for row in got.body if int(row["id"]) > last]
            fresh += rows
            if last < 0 or len(rows) < len(got.body) or not got.next:
                break
        newest = max([last, *(int(row["id"]) for row in fresh)])
        for row in sorted(fresh, key=lambda r: int(r["id"])) if last >= 0 else []:
            if (heard := inbound.of_event(row)) is not None:
                await self._hearing.hear(heard)
            await tell_closed(self._hearing, row)
        await store.note(key, str(max(newest, 0)))
        self._tags[path] = ("", top)

    async def _reviews(self, base: str) -> None:
        """Reviews have no list of their own: those of pull requests that changed since."""
        store, calls, key = self._hearing.store, self._hearing.calls, f"github:since:{base}/reviews"
        since = await store.noted(key) or _stamp(time.time() - MARGIN)
        query = {"state": "open", "sort": "updated", "direction": "desc", "per_page": 50}
        got = await calls.fresh(f"{base}/pulls", etag=self._tags.get(key, ("", ""))[1], query=query)
        if got.same:
            return
        latest = since
        for pull in got.body:
            if str(pull["updated_at"]) < since:
                break
            latest = max(latest, str(pull["updated_at"]))
            for row in await calls.pages(f"{base}/pulls/{pull['number']}/reviews"):
                heard = inbound.of_review(row, int(pull["number"]))
                if heard is not None and heard.at >= since:
                    await self._hearing.hear(heard)
        await store.note(key, max(since, min(latest, _stamp(time.time() - MARGIN))))
        self._tags[key] = ("", got.etag)


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
