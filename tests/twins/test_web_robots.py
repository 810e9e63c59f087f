"""robots.txt: asked before each request, read as RFC 9309 has it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from codebutler.errors import ToolFailed
from codebutler.redact import Redactor
from codebutler.settings.web import Web as Settings
from codebutler.testing.webtwin import Site, WebTwin
from codebutler.web.service import Web


@pytest.fixture
async def twin() -> AsyncIterator[WebTwin]:
    async with WebTwin() as server:
        yield server


def web(twin: WebTwin, *, robots: bool = True) -> Web:
    """The service as configured for the twin."""
    return Web(Settings.model_validate({**twin.settings(), "robots": robots}), Redactor())


async def test_robots_are_asked_once_and_respected(twin: WebTwin) -> None:
    twin.pages["/robots.txt"] = Site("User-agent: *\nDisallow: /private\n", "text/plain")
    twin.pages["/public"] = twin.pages["/private/x"] = Site("hello", "text/plain")
    twin.pages["/sly"] = Site("", status=302, headers={"Location": "/private/x"})
    service = web(twin)
    assert (await service.page(f"{twin.url}/public")).text == "hello"
    for path in ("/private/x", "/sly"):
        with pytest.raises(ToolFailed, match=r"robots\.txt asks robots not to read"):
            await service.page(f"{twin.url}{path}")
    assert twin.asked.count("GET /robots.txt") == 1
    assert "GET /private/x" not in twin.asked
    assert (
        await web(twin, robots=False).page(f"{twin.url}/private/x")
    ).text == "hello"  # the host turned it off


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        ("User-agent: *\nDisallow: /private", "/pub/../private/x"),
        ("User-agent: *\nDisallow: /private", "/pub/%2E%2e/private/x"),
        ("User-agent: *\nDisallow: /private", "//private/x"),
        ("User-agent: *\nDisallow: /*.pdf$", "/a.pdf"),
        ("User-agent: *\nAllow: /\nDisallow: /secret/", "/secret/a"),
        ("\ufeffUser-agent: *\n\nDisallow: /a", "/a"),
        ("User-agent: codebutler\nDisallow: /", "/a"),
    ],
)
async def test_robots_rules_are_read_as_their_standard_has_it(twin: WebTwin, rules: str, path: str) -> None:
    twin.pages["/robots.txt"] = Site(rules, "text/plain")
    with pytest.raises(ToolFailed, match=r"robots\.txt asks robots not to read"):
        await web(twin).page(f"{twin.url}{path}")
    assert twin.asked == ["GET /robots.txt"]


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (503, False)])
async def test_what_a_missing_or_failing_robots_file_means(
    twin: WebTwin, status: int, *, allowed: bool
) -> None:
    twin.pages["/robots.txt"] = Site("x", "text/plain", status)
    twin.pages["/a"] = Site("hello", "text/plain")
    if allowed:
        assert (await web(twin).page(f"{twin.url}/a")).text == "hello"
    else:
        with pytest.raises(ToolFailed, match="robots"):
            await web(twin).page(f"{twin.url}/a")
