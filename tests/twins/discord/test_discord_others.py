"""Servers that do what Discord does in another way: they are read, and their oddities end nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from codebutler.settings.discord import Discord
from codebutler.surfaces.discord.calls import Calls, DiscordAway
from codebutler.surfaces.discord.link import Link

ME = {"id": "1", "username": "codebutler", "bot": True, "discriminator": "0", "avatar": None}


class Odd:
    """A server whose JSON names its charset, and whose gateway says what nobody expects."""

    def __init__(self) -> None:
        self.connections = 0
        self.url = ""

    async def me(self, request: web.Request) -> web.Response:
        return web.json_response(ME if request.path.endswith("@me") else {"url": f"{self.url}/gateway"})

    async def broken(self, _request: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="application/json")

    async def gateway(self, request: web.Request) -> web.WebSocketResponse:
        self.connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 40_000}})
        await socket.send_json({"op": 0, "t": "READY", "s": 1, "d": {"session_id": "1"}})
        async for _ in socket:
            pass
        return socket


@pytest.fixture
async def odd() -> AsyncIterator[Odd]:
    server, app = Odd(), web.Application()
    app.router.add_get("/api/v10/users/@me", server.me)
    app.router.add_get("/api/v10/gateway/bot", server.me)
    app.router.add_get("/api/v10/channels/1", server.broken)
    app.router.add_get("/gateway/", server.gateway)
    app.router.add_get("/gateway", server.gateway)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


async def test_json_with_a_charset_is_json_and_what_is_none_is_no_answer(odd: Odd) -> None:
    calls = Calls(f"{odd.url}/api/v10", "token")
    assert (await calls.call("GET", "/users/@me"))["id"] == "1"
    with pytest.raises(DiscordAway):
        await calls.call("GET", "/channels/{channel_id}", channel_id="1")
    await calls.close()


async def test_what_the_gateway_says_ends_no_service(odd: Odd, caplog: pytest.LogCaptureFixture) -> None:
    settings = Discord.model_validate({"token": "t", "baseUrl": f"{odd.url}/api/v10"})
    link = Link(settings, pauses=(0.01,))
    running = asyncio.create_task(link.run())
    async with asyncio.timeout(30):
        while odd.connections < 2 and not running.done():  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
    assert not running.done()
    assert "cannot be read" in caplog.text
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await link.close()
