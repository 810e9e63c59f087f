"""Sites and search engines on loopback: pages as a test sets them, and the JSON or HTML of each engine.

async with WebTwin() as twin:
    twin.pages["/a"] = Site("<html>…</html>")
    twin.hits.append({"title": "A", "url": f"{twin.url}/a", "text": "…"})
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

from codebutler.testing.ending import end
from codebutler.types import Json


@dataclass(frozen=True, slots=True)
class Site:
    """One page. ``wait`` is seconds before the answer."""

    body: str | bytes = ""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0


class WebTwin:
    """The server. ``asked`` is every request as METHOD and path; ``sent`` its headers and query."""

    def __init__(self) -> None:
        """Nothing is served but empty searches."""
        self.pages: dict[str, Site] = {}
        self.hits: list[dict[str, str]] = []
        self.faults: dict[str, int] = {}
        """HTTP status by engine (brave, tavily, searxng, ddgs), in place of its answer."""
        self.asked: list[str] = []
        self.sent: list[Json] = []
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, *engines: str) -> Json:
        """A ``web`` section that knows this server only; ``engines`` in order, ddgs if none are named."""
        return {
            "order": list(engines or ("ddgs",)),
            "private": [f"127.0.0.1:{self.port}"],
            "brave": {"baseUrl": f"{self.url}/brave", "apiKey": "brave-key-0123456789"},
            "tavily": {"baseUrl": f"{self.url}/tavily", "apiKey": "tavily-key-0123456789"},
            "searxng": {"baseUrl": f"{self.url}/searxng"},
            "ddgs": {"baseUrl": f"{self.url}/ddgs"},
        }

    async def __aenter__(self) -> Self:
        """Serve on a free port."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        if self._runner is not None:
            await end(self._runner)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        body = await request.text()
        self.sent.append({"headers": dict(request.headers), "query": dict(request.query), "body": body})
        engine = request.path.split("/")[1]
        if engine in _ANSWERS:
            if engine in self.faults:
                return web.Response(status=self.faults[engine], text="no")
            return _ANSWERS[engine](self.hits)
        page = self.pages.get(request.path, Site("not here", "text/plain", 404))
        await asyncio.sleep(page.wait)
        data = page.body.encode() if isinstance(page.body, str) else page.body
        headers = {"Content-Type": page.kind, **page.headers}
        return web.Response(status=page.status, body=data, headers=headers)


def _brave(hits: list[dict[str, str]]) -> web.Response:
    rows = [{"title": h["title"], "url": h["url"], "description": h["text"]} for h in hits]
    return web.json_response({"type": "search", "web": {"results": rows}})


def _tavily(hits: list[dict[str, str]]) -> web.Response:
    rows = [{"title": h["title"], "url": h["url"], "content": h["text"], "score": 0.9} for h in hits]
    return web.json_response({"results": rows, "response_time": 0.1})


def _searxng(hits: list[dict[str, str]]) -> web.Response:
    rows = [{"title": h["title"], "url": h["url"], "content": h["text"], "engine": "x"} for h in hits]
    return web.json_response({"results": rows, "answers": []})


def _ddgs(hits: list[dict[str, str]]) -> web.Response:
    rows = "".join(
        f'<div class="links_main result__body"><h2 class="result__title"><a href="{html.escape(h["url"])}">'
        f'{html.escape(h["title"])}</a></h2><a class="result__snippet" href="{html.escape(h["url"])}">'
        f"{html.escape(h['text'])}</a></div>"
        for h in hits
    )
    return web.Response(text=f"<html><body>{rows}</body></html>", content_type="text/html")


_ANSWERS: Mapping[str, Callable[[list[dict[str, str]]], web.Response]] = {
    "brave": _brave,
    "tavily": _tavily,
    "searxng": _searxng,
    "ddgs": _ddgs,
}
