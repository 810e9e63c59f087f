"""A provider on loopback that a test steers piece by piece: broken streams, odd JSON, any status.

For whole conversations there is ``scripted``; this one knows no script.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from codebutler.testing.ending import end
from codebutler.types import Json

_LARGEST = 64 * 1024 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Provider:
    """A provider on loopback. ``handler`` answers; what was asked is kept."""

    def __init__(self) -> None:
        """Use ``run``."""
        self.handler: Handler = self.say("ok")
        self.bodies: list[Json] = []
        self.headers: list[Mapping[str, str]] = []
        self.models: Json | None = None
        """What GET /models says; None: the provider has no such list."""
        self.url = ""
        self.gone = asyncio.Event()
        """Set when a client went away before its answer was complete."""

    @classmethod
    @asynccontextmanager
    async def run(cls) -> AsyncIterator[Provider]:
        """A provider that listens while the block runs."""
        provider = cls()
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post("/v1/chat/completions", provider._complete)
        app.router.add_get("/v1/models", provider._list)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        try:
            yield provider
        finally:
            await end(runner)

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response(self.models) if self.models else web.Response(status=404)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        self.headers.append(request.headers.copy())
        try:
            return await self.handler(request)
        except asyncio.CancelledError:
            self.gone.set()
            raise

    @staticmethod
    def events(*chunks: Json | str, done: bool = True, pause: float = 0.0, hold: float = 0.0) -> Handler:
        """Stream ``chunks``, seconds of ``pause`` apart; strings go out as they are."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for chunk in chunks:
                text = chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk)}\n\n"
                await response.write(text.encode())
                await asyncio.sleep(pause)
            await asyncio.sleep(hold)
            if done:
                await response.write(b"data: [DONE]\n\n")
            return response

        return answer

    @classmethod
    def say(cls, text: str, *, pause: float = 0.0) -> Handler:
        """Stream ``text`` letter by letter, then what it took."""
        return cls.events(*(piece(content=c) for c in text), piece(finish="stop"), usage(10, 2), pause=pause)

    @staticmethod
    async def silence(_request: web.Request) -> web.StreamResponse:
        """A handler that never answers."""
        await asyncio.Event().wait()
        return web.Response(status=500)

    @staticmethod
    def status(code: int, body: Any, headers: Mapping[str, str] | None = None) -> Handler:  # noqa: ANN401
        """Answer at once; ``body`` is JSON, or text as it is."""

        async def answer(_request: web.Request) -> web.StreamResponse:
            text = body if isinstance(body, str) else json.dumps(body)
            return web.Response(status=code, text=text, headers=headers, content_type="application/json")

        return answer


def piece(*, finish: str | None = None, **delta: Any) -> Json:  # noqa: ANN401 - a delta holds any JSON
    """One chunk of a stream."""
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def usage(prompt: int, completion: int, **more: Any) -> Json:  # noqa: ANN401 - as providers have it
    """The chunk that says what the call took."""
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion, **more}}
