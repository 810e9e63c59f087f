"""A twin of Anthropic's messages API on loopback: streamed thoughts, text and tool calls, and errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from codebutler.testing.ending import end
from codebutler.types import Json

USAGE: Json = {"input_tokens": 20, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 40}


class Anthropic:
    """Answers every request with ``blocks``, or with ``error``; what was asked is kept."""

    def __init__(self) -> None:
        """Use ``run``."""
        self.blocks: Sequence[Json] = (text("ok"),)
        self.stop = "end_turn"
        self.error: tuple[int, str, str] | None = None
        """(status, type, message)."""
        self.usage: Json | None = {"output_tokens": 30}
        """What the end says of tokens."""
        self.error_headers: Mapping[str, str] = {}
        self.kept: int | None = None
        """Bytes of the stream after which it breaks off."""
        self.hold = 0.0
        """Seconds of silence before it ends."""
        self.bodies: list[Json] = []
        self.headers: list[Mapping[str, str]] = []
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def run(cls) -> AsyncIterator[Anthropic]:
        """A server that listens while the block runs."""
        twin = cls()
        app = web.Application()
        app.router.add_post("/v1/messages", twin._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        twin.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield twin
        finally:
            await end(runner)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        self.headers.append(request.headers.copy())
        if self.error is not None:
            status, kind, message = self.error
            body = {"type": "error", "error": {"type": kind, "message": message}}
            return web.json_response(body, status=status, headers=self.error_headers)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in self.stream:
            await response.write(event)
        await asyncio.sleep(self.hold)
        return response

    @property
    def stream(self) -> list[bytes]:
        """The events as they go out."""
        sent, left = list[bytes](), self.kept
        for name, data in self._events():
            event = f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
            sent.append(event if left is None else event[:left])
            left = None if left is None else max(0, left - len(event))
        return [event for event in sent if event]

    def _events(self) -> list[tuple[str, Json]]:
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "twin", "content": []}
        events: list[tuple[str, Json]] = [
            ("message_start", {"message": {**message, "usage": {**USAGE, "output_tokens": 1}}})
        ]
        for index, block in enumerate(self.blocks):
            events.append(("content_block_start", {"index": index, "content_block": block["start"]}))
            events += [("content_block_delta", {"index": index, "delta": d}) for d in block["deltas"]]
            events.append(("content_block_stop", {"index": index}))
        delta = {"delta": {"stop_reason": self.stop}, "usage": self.usage}
        return [*events, ("message_delta", delta), ("message_stop", {})]


def text(words: str) -> Json:
    """A block of text, letter by letter."""
    deltas = [{"type": "text_delta", "text": letter} for letter in words]
    return {"start": {"type": "text", "text": ""}, "deltas": deltas}


def thought(words: str, signature: str) -> Json:
    """A signed block of thought."""
    deltas: list[Json] = [{"type": "thinking_delta", "thinking": word} for word in words.split(" ")]
    deltas.append({"type": "signature_delta", "signature": signature})
    return {"start": {"type": "thinking", "thinking": "", "signature": ""}, "deltas": deltas}


def use(name: str, identity: str, arguments: str) -> Json:
    """A tool call, its arguments character by character."""
    deltas = [{"type": "input_json_delta", "partial_json": letter} for letter in arguments]
    return {"start": {"type": "tool_use", "id": identity, "name": name, "input": {}}, "deltas": deltas}
