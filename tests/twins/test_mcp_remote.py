"""MCP servers at a URL that mean no good, on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from codebutler.errors import ToolFailed
from codebutler.servers import guarded
from codebutler.servers.connection import Connection
from codebutler.servers.ways import LIST

if TYPE_CHECKING:
    from tests.twins.conftest import Far

Answer = Callable[[web.Request, int], Awaitable[web.StreamResponse]]
"""What it does on a call, given the request's id."""


class Hostile:
    """It starts and lists like any other."""

    def __init__(
        self, on_call: Answer, *, first: Answer | None = None, on_list: Answer | None = None
    ) -> None:
        self.on_call, self.first, self.on_list = on_call, first, on_list
        self.gets: list[str] = []
        self.sessions = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            self.gets.append(request.headers.get("last-event-id", ""))
            return await self.on_call(request, 0)
        if request.method == "DELETE":
            return web.Response()
        said = await request.json()
        match said["method"]:
            case "initialize":
                if self.first is not None:
                    return await self.first(request, said["id"])
                self.sessions += 1
                return reply(said["id"], WELCOME, {"mcp-session-id": f"s{self.sessions}"})
            case "tools/list" if self.on_list is not None:
                return await self.on_list(request, said["id"])
            case "tools/call":
                return await self.on_call(request, said["id"])
        return web.Response(status=202)


WELCOME = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "x", "version": "1"}}


def reply(number: int, result: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": number, "result": result}, headers=headers)


Serve = Callable[[Hostile], AbstractAsyncContextManager[Connection]]


@pytest.fixture
def serving(far_at: Far) -> Serve:
    return partial(served, far_at)


@asynccontextmanager
async def served(far_at: Far, hostile: Hostile) -> AsyncIterator[Connection]:
    app = web.Application()
    app.router.add_route("*", "/mcp{slash:/?}", hostile.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with far_at(f"http://127.0.0.1:{runner.addresses[0][1]}/mcp") as far:
            yield far
    finally:
        await runner.cleanup()


def status(code: int, **more: Any) -> Answer:
    async def answer(_request: web.Request, _number: int) -> web.StreamResponse:
        return web.Response(status=code, **more)

    return answer


def body(data: bytes, kind: str = "application/json", **headers: str) -> Answer:
    async def answer(request: web.Request, _number: int) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": kind, **headers})
        await response.prepare(request)
        await response.write(data)
        return response

    return answer


async def cut_off(request: web.Request, _number: int) -> web.StreamResponse:
    """The connection breaks in the middle of the answer."""
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "1000"})
    await response.prepare(request)
    await response.write(b'{"jsonrpc"')
    if request.transport is not None:
        request.transport.abort()
    return response


async def trouble(_request: web.Request, number: int) -> web.StreamResponse:
    """With the code that the package gives a closed connection, and servers any trouble of theirs."""
    error = {"code": -32000, "message": "out of seats"}
    return web.json_response({"jsonrpc": "2.0", "id": number, "error": error})


async def silent(_request: web.Request, _number: int) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


REFUSAL = json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "no\u202e seat\n left"}})
EVENTS = "text/event-stream"
BOMB = gzip.compress(b" " * 50_000_000)
INNER = "http://169.254.169.254/latest/meta-data"


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (status(401), r"far did not start: HTTP 401 \(Unauthorized\)"),
        (status(403, text=REFUSAL), r"far did not start: HTTP 403 \(Forbidden\): no seat left"),
        (status(307, headers={"location": INNER}), r"Redirect to \S+ not followed"),
        (status(200, text="<html>", content_type="text/html"), "Unexpected content type: text/html"),
        (body(b"{" * 100_000), "far did not start"),
        (cut_off, "far did not start"),
    ],
)
async def test_a_server_that_does_not_let_us_in(serving: Serve, first: Answer, words: str) -> None:
    async with serving(Hostile(silent, first=first)) as far:
        with pytest.raises(ToolFailed, match=words):
            await far.start()
        assert not far.alive


@pytest.mark.parametrize(
    ("on_call", "words", "stays"),
    [
        (status(500), r"far refused: HTTP 500 \(Internal Server Error\)", True),
        (status(302, headers={"location": INNER}), "far refused: Redirect to", True),
        (trouble, "far refused: out of seats", True),
        (status(202), "far refused: server answered a request with 202", True),
        (body(BOMB, **{"content-encoding": "gzip"}), "far went away: the server sent what is packed", False),
        (body(b" " * (guarded.BYTES + 1)), "far went away: the server sent more than is taken", False),
        (body(b"data: {}\n", EVENTS), "far went away: SSE stream ended without a response", False),
        (cut_off, "far went away: ", False),
        (status(404), r"far went away: HTTP 404 \(Not Found\)", False),
    ],
)
async def test_what_a_bad_answer_gives(serving: Serve, on_call: Answer, words: str, stays: bool) -> None:
    hostile = Hostile(on_call)
    async with serving(hostile) as far:
        await far.start()
        with pytest.raises(ToolFailed, match=words):
            await far.call("x", {})
        assert far.alive == stays
        assert hostile.gets == []


class Mounted(Hostile):
    """At its path with a slash; without one it sends on, as servers do that are mounted there."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/"):
            return web.Response(status=307, headers={"location": f"{request.path}/"})
        return await super().handle(request)


async def test_a_redirect_on_the_servers_own_host_is_followed(serving: Serve) -> None:
    async def told(_request: web.Request, number: int) -> web.StreamResponse:
        return reply(number, {"content": [{"type": "text", "text": "well"}]})

    async def no_tools(_request: web.Request, number: int) -> web.StreamResponse:
        return reply(number, {"tools": []})

    async with serving(Mounted(told, on_list=no_tools)) as far:
        await far.start()
        assert "well" in str(await far.call("x", {}))


async def test_an_answer_is_taken_up_again_a_few_times_only(serving: Serve) -> None:
    hostile = Hostile(body(b"retry: 0\nid: 7\ndata:\n\n", EVENTS))
    async with serving(hostile) as far:
        await far.start()
        with pytest.raises(ToolFailed, match="far went away"):
            await far.call("x", {})
        assert hostile.gets == ["7"] * (guarded.RESUMES - 1)  # one was our own wish for a stream


async def test_a_flood_of_events_is_cut(serving: Serve) -> None:
    sent = 0

    async def flood(request: web.Request, _number: int) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"content-type": EVENTS})
        await response.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await response.write(b": x\n\n" * 1000)
            sent += 1000
        return response

    async with serving(Hostile(flood)) as far:
        await far.start()
        with pytest.raises(ToolFailed, match="far went away"):
            await far.call("x", {})
        assert guarded.LINES / 2 < sent < guarded.BYTES / 5 / 2


async def test_lists_without_end_are_cut(serving: Serve) -> None:
    async def many(_request: web.Request, number: int) -> web.StreamResponse:
        return reply(number, {"content": [{"type": "text", "text": "t"}] * 100_000})

    async with serving(Hostile(many)) as far:
        await far.start()
        assert len((await far.call("x", {}))["content"]) == 1_000


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("application/json", "the server sent a list of tools past 1024 KiB"),
        (EVENTS, "SSE stream ended without a response"),
    ],
)
async def test_a_list_that_would_take_long_to_read_is_not_read(serving: Serve, kind: str, why: str) -> None:
    vast = body(b" " * (LIST + 1), kind)
    async with serving(Hostile(vast, on_list=vast)) as far:
        await far.start()
        with pytest.raises(ToolFailed, match=f"far went away: {why}"):
            await far.tools()


async def test_a_call_that_is_given_up_leaves_nothing_behind(serving: Serve) -> None:
    async with serving(Hostile(silent)) as far:
        await far.start()
        call = asyncio.create_task(far.call("x", {}))
        await asyncio.sleep(0.05)
        call.cancel()
        began = time.monotonic()
        await far.close()
        assert time.monotonic() - began < 5
        with pytest.raises(asyncio.CancelledError):
            await call


class Heard(logging.Handler):
    """What reaches the root of all loggers, and so the person's terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.names.append(record.name)


async def test_a_server_writes_nothing_to_the_terminal(serving: Serve) -> None:
    heard = Heard()
    logging.getLogger().addHandler(heard)
    try:
        async with serving(Hostile(status(302, headers={"location": INNER}))) as far:
            await far.start()
            with pytest.raises(ToolFailed):
                await far.call("x", {})
    finally:
        logging.getLogger().removeHandler(heard)
    assert [name for name in heard.names if name.startswith(("mcp", "http"))] == []


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
async def test_an_answer_of_something_else_is_one_line(serving: Serve, kind: str) -> None:
    """As of a model server, whose address was written in place of the MCP server's."""

    async def first(_request: web.Request, _number: int) -> web.StreamResponse:
        text = json.dumps({"id": "x", "object": "chat.completion", "choices": []})
        return web.Response(
            text=f"data: {text}\n\n" if "event" in kind else text, content_type=kind, charset="utf-8"
        )

    async with serving(Hostile(status(500), first=first)) as far:
        with pytest.raises(ToolFailed, match="its answer is no MCP message: look whether") as caught:
            await far.start()
    assert "pydantic" not in str(caught.value)
