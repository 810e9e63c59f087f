"""The guild's HTTP server: paths, tokens, rate limits, files, and faults on demand."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import BodyPartReader, web

from codebutler.testing.discord.gateway import Gateway
from codebutler.testing.discord.guild import GUILD, SHOP, TOKEN, Guild
from codebutler.testing.discord.hooks import Hooks
from codebutler.testing.discord.limits import Refused
from codebutler.testing.discord.methods import Files, Methods
from codebutler.testing.ending import end
from codebutler.testing.slack.faults import Fault, Faults
from codebutler.types import Json

C, M = "/channels/{channel}", "/channels/{channel}/messages/{message}"
W = "/webhooks/{application}/{token}"
BURST = 5
"""Calls that a bucket takes in a window."""
VIA = {"Via": "1.1 google"}
"""A 429 without it would be taken for a ban by whoever stands before Discord."""


class DiscordTwin:
    """``async with DiscordTwin() as twin``; ``twin.settings()`` is a configuration that knows it only."""

    def __init__(self, *, heartbeat: float = 41.25) -> None:
        """``heartbeat``: seconds between two of a client's."""
        self.faults = Faults()
        self.guild = Guild(lambda kind, data: self.gateway.emit(kind, data))  # noqa: PLW0108 - there is no gateway yet
        self.gateway = Gateway(self.guild, self.faults, heartbeat=heartbeat)
        self.methods = Methods(self.guild)
        self.hooks = Hooks(self.methods)
        self.window = 0.0
        """Seconds of a rate limit's window; 0 lets all through."""
        self.calls: list[str] = []
        """What was called, in order: ``post_message``, ``patch_channel`` …"""
        self.limited = 0
        self._used: dict[str, list[float]] = {}
        self._runner: web.AppRunner | None = None
        self._pump: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Listen on a free port of loopback."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/gateway", self.gateway.serve)
        app.router.add_get("/gateway/", self.gateway.serve)
        app.router.add_get("/cdn/{file}/{name}", self._file)
        for method, path, work in self._routes():
            app.router.add_route(method, f"/api/v10{path}", self._handler(work))
        app.router.add_route("*", "/{rest:.*}", _unknown)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.guild.url = f"http://127.0.0.1:{port}"
        self._pump = asyncio.create_task(self.gateway.pump())
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close all."""
        await self.gateway.close(1001)
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        if self._runner is not None:
            await end(self._runner)

    def settings(self, **more: object) -> Json:
        """The section ``discord`` of a configuration."""
        base = {"token": TOKEN, "baseUrl": f"{self.guild.url}/api/v10", "guildID": GUILD, "channelID": SHOP}
        return {**base, "editSeconds": 0.0, **more}

    def _routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        m, h = self.methods, self.hooks
        return [
            ("GET", "/users/@me", m.get_me), ("GET", "/users/@me/guilds", m.get_guilds),
            ("POST", "/users/@me/channels", m.post_direct), ("GET", "/oauth2/applications/@me", m.get_app),
            ("GET", "/applications/@me", m.get_app), ("GET", "/gateway/bot", m.get_gateway),
            ("GET", "/gateway", m.get_gateway), ("GET", "/guilds/{guild}", m.get_guild),
            ("GET", "/guilds/{guild}/channels", m.get_channels),
            ("GET", "/guilds/{guild}/members/{user}", m.get_member),
            ("GET", "/guilds/{guild}/threads/active", m.get_active),
            ("GET", C, m.get_channel), ("PATCH", C, m.patch_channel),
            ("GET", f"{C}/messages", m.get_messages), ("POST", f"{C}/messages", m.post_message),
            ("PUT", f"{C}/messages/pins/{{message}}", m.put_pin), ("PUT", f"{C}/pins/{{message}}", m.put_pin),
            ("GET", M, m.get_message), ("PATCH", M, m.patch_message), ("DELETE", M, m.delete_message),
            ("POST", f"{M}/threads", m.post_thread_from), ("POST", f"{C}/threads", m.post_thread),
            ("PUT", f"{C}/thread-members/{{user}}", m.put_thread_member),
            ("PUT", f"{M}/reactions/{{emoji}}/@me", m.put_reaction),
            ("DELETE", f"{M}/reactions/{{emoji}}/@me", m.delete_reaction),
            ("GET", f"{M}/reactions/{{emoji}}", m.get_reactions),
            ("POST", f"{C}/typing", m.post_typing),
            ("POST", "/interactions/{interaction}/{token}/callback", h.post_callback),
            ("POST", W, h.post_followup), ("GET", f"{W}/messages/@original", h.get_original),
            ("PATCH", f"{W}/messages/@original", h.patch_original),
            ("DELETE", f"{W}/messages/@original", h.delete_original),
            ("PUT", "/applications/{application}/guilds/{guild}/commands", h.put_commands),
            ("GET", "/applications/{application}/guilds/{guild}/commands", h.get_commands),
            ("PUT", "/applications/{application}/commands", h.put_commands),
            ("GET", "/applications/{application}/commands", h.get_commands),
        ]  # fmt: skip

    def _handler(self, work: Callable[..., Any]) -> Callable[[web.Request], Any]:
        name = work.__name__

        async def handle(request: web.Request) -> web.StreamResponse:
            self.calls.append(name)
            fault = self.faults.of_call(name)
            if fault is not None and fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
                fault = None
            if fault is not None and not fault.kind.startswith("done_"):
                return await self._broken(request, fault)
            answer = await self._answer(request, work, name)
            return answer if fault is None else await self._broken(request, fault)

        return handle

    async def _broken(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind.endswith("close"):
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=499)
        if fault.kind == "429":
            body = {"message": "You are being rate limited.", "retry_after": fault.seconds, "global": False}
            return _json(body, 429, {**VIA, "Retry-After": str(fault.seconds), "X-RateLimit-Scope": "shared"})
        if fault.kind == "error":
            code, _, message = fault.error.partition(" ")
            refused = Refused(int(code), message)
            return _json(refused.body, refused.status)
        return _json({"message": "500: Internal Server Error", "code": 0}, 503)

    async def _answer(self, request: web.Request, work: Callable[..., Any], name: str) -> web.Response:
        needs_token = not request.path.startswith(("/api/v10/webhooks/", "/api/v10/interactions/"))
        if needs_token and (request.headers.get("Authorization") != f"Bot {TOKEN}" or self.guild.revoked):
            return _json({"message": "401: Unauthorized", "code": 0}, 401)
        headers, wait = self._limit(name, request.match_info.get("channel", ""))
        if wait > 0:
            self.limited += 1
            body = {"message": "You are being rate limited.", "retry_after": wait, "global": False}
            return _json(body, 429, {**headers, **VIA, "Retry-After": str(wait), "X-RateLimit-Scope": "user"})
        body, files = await _read(request)
        try:
            given = work(**request.match_info, query=request.query, body=body, files=files)
        except Refused as refused:
            return _json(refused.body, refused.status, headers)
        return web.Response(status=204, headers=headers) if given is None else _json(given, 200, headers)

    def _limit(self, name: str, major: str) -> tuple[dict[str, str], float]:
        """The headers of a bucket, and how long to wait when it is used up."""
        if not self.window:
            return {}, 0.0
        now, bucket = time.monotonic(), f"{name}:{major}"
        used = [moment for moment in self._used.get(bucket, []) if moment > now - self.window]
        reset = (used[0] if used else now) + self.window - now
        full = len(used) >= BURST
        self._used[bucket] = used if full else [*used, now]
        headers = {
            "X-RateLimit-Limit": str(BURST), "X-RateLimit-Remaining": str(max(0, BURST - len(used) - 1)),
            "X-RateLimit-Reset": f"{time.time() + reset:.3f}", "X-RateLimit-Reset-After": f"{reset:.3f}",
            "X-RateLimit-Bucket": re.sub(r"\W", "", name),
        }  # fmt: skip
        return headers, reset if full else 0.0

    async def _file(self, request: web.Request) -> web.Response:
        found = self.guild.files.get(request.match_info["file"])
        return web.Response(status=404) if found is None else web.Response(body=found[1])


async def _read(request: web.Request) -> tuple[Any, Files]:
    if not request.can_read_body:
        return {}, {}
    if not request.content_type.startswith("multipart/"):
        text = await request.text()
        return (json.loads(text) if text else {}), {}
    body: Json = {}
    files: dict[str, tuple[str, bytes]] = {}
    reader = await request.multipart()
    while isinstance(part := await reader.next(), BodyPartReader):
        data = bytes(await part.read(decode=True))
        if part.name == "payload_json":
            body = json.loads(data)
        else:
            files[str(part.name)] = (part.filename or "file", data)
    return body, files


def _json(given: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """discord.py takes an answer for JSON only without a charset."""
    more = {**(headers or {}), "Content-Type": "application/json"}
    return web.Response(body=json.dumps(given).encode(), status=status, headers=more)


async def _unknown(_request: web.Request) -> web.Response:
    return _json({"message": "404: Not Found", "code": 0}, 404)
