"""Search engines: each a question over HTTP and the reading of its answer. None knows of the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from msgspec import Struct

from codebutler.errors import ToolFailed
from codebutler.settings.web import EngineName, Web

_BYTES = 2 * 1024 * 1024
_WORDS = {401: "its key was refused", 402: "its credit is used up", 403: "it refused", 429: "its rate limit"}
_TITLE, _SNIPPET = 200, 500


class Hit(Struct, frozen=True):
    """One result of a search, as the engine tells it."""

    title: str
    url: str
    snippet: str = ""
    date: str = ""


class Question(Struct, frozen=True):
    """What an engine is asked over HTTP, and where the results stand in its JSON."""

    url: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None
    rows: tuple[str, ...]
    names: tuple[str, str, str, str]
    """The keys of title, URL, snippet and date in a row."""


Ask: TypeAlias = Callable[[Web, str, int], Question]


def _brave(web: Web, query: str, count: int) -> Question:
    key = web.brave.api_key
    return Question(
        url=f"{web.brave.base_url}/res/v1/web/search",
        params={"q": query, "count": str(min(count, 20)), "text_decorations": "false"},
        headers={"X-Subscription-Token": key.get_secret_value() if key else "", "Accept": "application/json"},
        body=None,
        rows=("web", "results"),
        names=("title", "url", "description", "page_age"),
    )


def _tavily(web: Web, query: str, count: int) -> Question:
    key = web.tavily.api_key
    return Question(
        url=f"{web.tavily.base_url}/search",
        params={},
        headers={"Authorization": f"Bearer {key.get_secret_value() if key else ''}"},
        body={"query": query, "max_results": min(count, 20)},
        rows=("results",),
        names=("title", "url", "content", "published_date"),
    )


def _searxng(web: Web, query: str, _count: int) -> Question:
    return Question(
        url=f"{web.searxng.base_url}/search",
        params={"q": query, "format": "json"},
        headers={"Accept": "application/json"},
        body=None,
        rows=("results",),
        names=("title", "url", "content", "publishedDate"),
    )


_ASK: Mapping[EngineName, Ask] = {"brave": _brave, "tavily": _tavily, "searxng": _searxng}


def ready(web: Web) -> list[EngineName]:
    """The engines that can be asked, in the order of the configuration."""
    has: Mapping[EngineName, bool] = {
        "brave": web.brave.api_key is not None,
        "tavily": web.tavily.api_key is not None,
        "searxng": web.searxng.base_url is not None,
        "ddgs": True,
    }
    return [name for name in dict.fromkeys(web.order) if has[name]]


async def ask(web: Web, engine: EngineName, query: str, count: int) -> list[Hit]:
    """At most ``count`` hits. Raises ToolFailed: time, limit, key, nonsense."""
    try:
        async with asyncio.timeout(web.seconds):
            if engine == "ddgs":
                rows = await asyncio.to_thread(_scrape, web, query, count)
                return _hits(rows, ("title", "href", "body", "date"), count)
            question = _ASK[engine](web, query, count)
            return _hits(_rows(await _posed(question), question.rows), question.names, count)
    except TimeoutError as error:
        raise ToolFailed(f"{engine}: no answer in {web.seconds:g} s") from error
    except ToolFailed as error:
        raise ToolFailed(f"{engine}: {error.message}") from error


async def _posed(question: Question) -> object:
    """The engine's JSON."""
    import aiohttp

    method = "GET" if question.body is None else "POST"
    try:
        async with (
            aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                method,
                question.url,
                params=question.params,
                headers=question.headers,
                json=question.body,
                allow_redirects=False,
            ) as response,
        ):
            if response.status != 200:
                why = _WORDS.get(response.status, "it failed")
                raise ToolFailed(f"{why} (HTTP {response.status})")
            data = await response.content.read(_BYTES)
            while len(data) < _BYTES and (more := await response.content.read(_BYTES - len(data))):
                data += more
            return json.loads(data)
    except (aiohttp.ClientError, OSError) as error:
        raise ToolFailed(f"it cannot be reached ({type(error).__name__})") from error
    except (ValueError, RecursionError) as error:
        raise ToolFailed("its answer is no JSON") from error


def _rows(answer: object, path: tuple[str, ...]) -> list[object]:
    for key in path:
        answer = answer.get(key) if isinstance(answer, dict) else None
    return answer if isinstance(answer, list) else []


def _scrape(web: Web, query: str, count: int) -> list[object]:
    """By the package ddgs, in a thread: it asks several public engines, and bounds its own time."""
    from ddgs import DDGS
    from ddgs.exceptions import DDGSException

    seconds = max(1, int(web.seconds / 2))
    try:
        if web.ddgs.base_url is None:
            return list(DDGS(timeout=seconds).text(query, max_results=count))
        return _one_server(web.ddgs.base_url, query, seconds)
    except DDGSException as error:
        if "No results" in str(error):
            return []
        raise ToolFailed(_said(str(error))) from error


def _one_server(base: str, query: str, seconds: int) -> list[object]:
    from ddgs.engines.duckduckgo import Duckduckgo

    engine = Duckduckgo(timeout=seconds)
    engine.search_url = f"{base}/html/"
    found = engine.search(query)
    if found is None:
        raise ToolFailed("it is blocked or failed")
    return [vars(each) for each in found]


def _said(text: str) -> str:
    """The package's error, in words that a person can use."""
    low = text.lower()
    if "timed out" in low or "timeout" in low:
        return "it timed out"
    if "ratelimit" in low or "429" in low or "202" in low:
        return "it is rate-limited"
    return "it is blocked or cannot be reached"


def _hits(rows: list[object], names: tuple[str, str, str, str], count: int) -> list[Hit]:
    made = (partial(_text, row) for row in rows if isinstance(row, dict))
    hits = [
        Hit(text(names[0], _TITLE), text(names[1], 2_000), text(names[2], _SNIPPET), text(names[3], 40))
        for text in made
    ]
    return [hit for hit in hits if hit.url.startswith(("http://", "https://"))][:count]


def _text(row: Mapping[str, object], key: str, chars: int) -> str:
    value = row.get(key)
    return " ".join(value.split())[:chars] if isinstance(value, str) else ""
