"""web_search against the engines' twins, ddgs with its real package: order, limits, faults, duplicates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from codebutler.config import load_config
from codebutler.errors import ToolFailed
from codebutler.redact import Redactor
from codebutler.settings.web import Web as Settings
from codebutler.testing.webtwin import WebTwin
from codebutler.web.engines import ready
from codebutler.web.service import Web

HITS = [
    {"title": "One", "url": "https://example.org/1", "text": "The first & best."},
    {"title": "One again", "url": "https://example.org/1#top", "text": "The same."},
    {"title": "Script", "url": "javascript:alert(1)", "text": "No page."},
    {"title": "Two", "url": "https://example.org/2", "text": "The second. " * 200},
]


@pytest.fixture
async def twin() -> AsyncIterator[WebTwin]:
    async with WebTwin() as server:
        server.hits = list(HITS)
        yield server


def web(twin: WebTwin, *engines: str, **more: Any) -> Web:
    return Web(Settings.model_validate({**twin.settings(*engines), **more}), Redactor())


@pytest.mark.parametrize("engine", ["brave", "tavily", "searxng", "ddgs"])
async def test_an_engines_answer_is_read(twin: WebTwin, engine: str) -> None:
    found = await web(twin, engine).search("  rate \n limits ", 3)
    assert found.engine == engine
    assert [(h.title, h.url) for h in found.hits] == [
        ("One", "https://example.org/1"),
        ("Two", "https://example.org/2"),
    ]
    assert found.hits[0].snippet == "The first & best."
    assert len(found.hits[1].snippet) <= 500
    sent = twin.sent[0]
    assert "rate limits" in f"{sent['query']} {sent['body']}".replace("+", " ")


async def test_keys_go_into_one_header_and_nowhere_else(twin: WebTwin) -> None:
    await web(twin, "brave").search("a", 1)
    await web(twin, "tavily").search("a", 1)
    brave, tavily = twin.sent
    assert brave["headers"]["X-Subscription-Token"] == "brave-key-0123456789"
    assert tavily["headers"]["Authorization"] == "Bearer tavily-key-0123456789"
    assert "key-0123456789" not in str([(s["query"], s["body"]) for s in twin.sent])


async def test_the_next_engine_is_asked_when_one_fails_and_the_answer_says_so(twin: WebTwin) -> None:
    twin.faults = {"brave": 429, "tavily": 401, "searxng": 500}
    found = await web(twin, "brave", "tavily", "searxng", "ddgs").search("a", 4)
    assert found.engine == "ddgs"
    assert list(found.failed) == [
        "brave: its rate limit (HTTP 429)",
        "tavily: its key was refused (HTTP 401)",
        "searxng: it failed (HTTP 500)",
    ]
    twin.faults["ddgs"] = 403
    with pytest.raises(ToolFailed, match=r"no search engine could be asked: .*ddgs: it is blocked"):
        await web(twin, "brave", "ddgs").search("a", 4)


async def test_an_engine_without_hits_hands_over_and_none_at_all_is_said(twin: WebTwin) -> None:
    twin.hits = []
    found = await web(twin, "brave", "searxng").search("a", 4)
    assert (found.engine, list(found.hits), list(found.failed)) == ("searxng", [], [])
    assert [a.split("/")[1] for a in twin.asked] == ["brave", "searxng"]


async def test_an_engine_that_cannot_be_reached_is_passed_over(twin: WebTwin) -> None:
    found = await web(twin, "searxng", "ddgs", searxng={"baseUrl": "http://127.0.0.1:9"}).search("a", 2)
    assert found.engine == "ddgs"
    assert "searxng: it cannot be reached" in found.failed[0]


@pytest.mark.parametrize("query", ["", "   ", "x" * 401])
async def test_a_query_has_a_length(twin: WebTwin, query: str) -> None:
    with pytest.raises(ToolFailed, match="a query has"):
        await web(twin).search(query, 3)


def test_engines_without_key_or_url_are_passed_over() -> None:
    assert ready(Settings()) == ["ddgs"]
    assert ready(Settings.model_validate({"order": ["brave"]})) == []


def test_the_environment_sets_keys_and_url_up(tmp_path: Any) -> None:
    env = {"BRAVE_API_KEY": "b-123456", "TAVILY_API_KEY": "t-123456", "SEARXNG_URL": "http://s.example:8888/"}
    config = load_config(None, home=tmp_path, env=env)
    assert ready(config.web) == ["brave", "tavily", "searxng", "ddgs"]
    assert config.web.searxng.base_url == "http://s.example:8888"
    assert {"b-123456", "t-123456"} <= set(config.secrets())
