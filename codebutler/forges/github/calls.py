"""Calls of GitHub's API: at its pace, obeying its limits, with errors that say what happens next."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from codebutler.forges.github.access import Access
from codebutler.forges.github.refusals import GitHubAway, GitHubRefused, words_of
from codebutler.types import Json

if TYPE_CHECKING:
    from githubkit import Response

    from codebutler.forges.github.access import Kit

TRIES = 4
"""Times that a question which went unanswered is asked."""
PAUSE = 0.5
"""Seconds before it is asked again; doubled each time."""
SECONDARY = 60.0
"""Seconds to wait when GitHub limits us and does not say how long."""
PAGES = 100
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


class Fresh(Struct, frozen=True):
    """What a question was answered with, and the tag to ask again with. ``same``: nothing has changed."""

    body: Any = None
    etag: str = ""
    same: bool = False
    next: str = ""
    """Path and query of the next page, or ""."""


class Calls:
    """The API for one set of credentials. Writes go one after the other, ``gap`` seconds apart."""

    def __init__(self, access: Access, *, gap: float = 1.0, patience: float = 90.0) -> None:
        """``patience`` is how many seconds a limit may make a call wait."""
        self.access = access
        self._gap = gap
        self._patience = patience
        self._writing = asyncio.Lock()
        self._wrote = 0.0
        self._blocked = 0.0

    async def get(self, path: str, *, accept: str = "", **query: object) -> Any:  # noqa: ANN401 - JSON
        """What is at ``path``; the text for an ``accept`` that is no JSON."""
        answer = await self._call("GET", path, query, headers={"Accept": accept} if accept else {})
        return answer.text if accept else _json(path, answer)

    async def fresh(self, path: str, *, etag: str = "", query: Mapping[str, object] | None = None) -> Fresh:
        """As ``get``, if it has changed since it had this tag; what has not changed costs nothing."""
        answer = await self._call("GET", path, query or {}, headers={"If-None-Match": etag} if etag else {})
        if answer.status_code == 304:
            return Fresh(etag=etag, same=True)
        match = _NEXT.search(answer.headers.get("Link", ""))
        parts = urlsplit(match[1]) if match is not None else None
        following = f"{parts.path}?{parts.query}" if parts is not None else ""
        return Fresh(_json(path, answer), answer.headers.get("ETag", ""), next=following)

    async def pages(self, path: str, *, key: str = "", most: int = PAGES, **query: object) -> list[Any]:
        """All of a list, over its pages; ``key`` names it where it stands in an object."""
        found: list[Any] = []
        for page in range(1, most + 1):
            got = await self.fresh(path, query={**query, "per_page": 100, "page": page})
            found += got.body[key] if key else got.body
            if not got.next:
                break
        return found

    async def send(self, method: str, path: str, body: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        """A call that changes something. GitHubAway: whether it did is not known."""
        async with self._writing:
            await asyncio.sleep(max(0.0, self._wrote + self._gap - time.monotonic()))
            try:
                answer = await self._call(method, path, {}, body=body or {})
            finally:
                self._wrote = time.monotonic()
        return _json(path, answer) if answer.content else None

    async def graphql(self, query: str, *, write: bool = False, **variables: object) -> Json:
        """The ``data`` of a GraphQL document. GitHubRefused for its ``errors``."""
        if write:
            said = await self.send(
                "POST", await self._graphql_url(), {"query": query, "variables": variables}
            )
        else:
            asked = {"query": query, "variables": variables}
            answer = await self._call("POST", await self._graphql_url(), {}, body=asked, again=True)
            said = _json("a GraphQL call", answer)
        if errors := said.get("errors"):
            words = "; ".join(str(each.get("message", each)) for each in errors)
            raise GitHubRefused("a GraphQL call", 200, words[:500])
        data: Json = said.get("data") or {}
        return data

    async def _graphql_url(self) -> str:
        base = str((await self.access.kit()).config.base_url)
        return re.sub(r"/api/v3/?$", "/api/graphql", base) if "/api/v3" in base else "/graphql"

    async def _call(
        self, method: str, path: str, query: Mapping[str, object], *, body: Json | None = None,
        headers: Mapping[str, str] | None = None, again: bool = False,
    ) -> Response[Any]:  # fmt: skip
        """One call; a limit is waited for, and a question is asked again when nothing came back."""
        what, asks = f"{method} {path.partition('?')[0]}", method == "GET" or again
        waited, tries, renewed = 0.0, 0, False
        while True:
            await asyncio.sleep(max(0.0, self._blocked - time.monotonic()))
            kit = await self.access.kit()
            try:
                return await self._once(kit, what, method, path, query, body, headers)
            except GitHubRefused as error:
                if error.status != 401 or renewed or not self.access.renew(kit):
                    raise
                renewed = True
            except _Limited as limit:
                waited += limit.seconds
                if waited > self._patience:
                    words = f"GitHub's limit holds {what} up for {limit.seconds:.0f} s: {limit.said}"
                    raise GitHubAway(words, after=limit.seconds) from None
                self._blocked = time.monotonic() + limit.seconds
            except GitHubAway:
                tries += 1
                if not asks or tries == TRIES:
                    raise
                await asyncio.sleep(PAUSE * 2 ** (tries - 1))

    async def _once(  # noqa: PLR0917 - one place calls it
        self, kit: Kit, what: str, method: str, path: str, query: Mapping[str, object], body: Json | None,
        headers: Mapping[str, str] | None,
    ) -> Response[Any]:  # fmt: skip
        from githubkit.exception import GitHubException, RateLimitExceeded, RequestFailed

        params = {key: str(value) for key, value in query.items() if value != ""}
        try:
            return await kit.arequest(method, path, params=params, json=body, headers=dict(headers or {}))
        except RateLimitExceeded as error:
            raise _Limited(max(1.0, error.retry_after.total_seconds()), _said(error.response)) from None
        except RequestFailed as error:
            response = error.response
            if response.status_code == 304:
                return response
            raise _refused(what, response) from None
        except GitHubException as error:
            inner = getattr(error, "exc", error)
            words = str(inner) or type(inner).__name__
            raise GitHubAway(f"GitHub cannot be reached for {what}: {words}") from error


class _Limited(Exception):
    """GitHub wants us to wait."""

    def __init__(self, seconds: float, said: str) -> None:
        super().__init__(said)
        self.seconds = seconds
        self.said = said


def _json(what: str, response: Response[Any]) -> Any:  # noqa: ANN401 - JSON
    try:
        return response.json()
    except ValueError:  # the page of a proxy, or of a login
        raise GitHubAway(f"GitHub's answer to {what} is no JSON (HTTP {response.status_code})") from None


def _said(response: Response[Any]) -> str:
    try:
        return words_of(response.json())
    except ValueError:
        return "no reason given"


def _refused(what: str, response: Response[Any]) -> Exception:
    status, said = response.status_code, _said(response)
    if status in (403, 429) and "rate limit" in said.lower():
        return _Limited(SECONDARY, said)
    if status >= 500:
        return GitHubAway(f"GitHub answered {what} with HTTP {status}")
    return GitHubRefused(what, status, said)
