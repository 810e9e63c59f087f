"""One call to a model: always streamed, never retried here, cancelled by closing its connection."""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from codebutler.errors import ConfigError, ModelRefused
from codebutler.models import faults, stream
from codebutler.models.assemble import MAX_CHARS, Assembler
from codebutler.models.routing import Endpoint, Route, Router
from codebutler.models.tokens import Meter, estimate, estimate_text
from codebutler.types import Json, Message, ModelReply, Usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI

ROLE_HEADER = "X-CodeButler-Role"
_LIMITS = ("max_tokens", "max_completion_tokens")
"""The same thing: servers differ in which of the two they take."""
_UNWANTED = re.compile(r"not supported|unsupported|unrecogni|unknown|not permitted|extra|instead|unexpected")


class OpenAIClient:
    """A ``types.ModelClient`` over the openai package, which is loaded by the first call."""

    def __init__(self, router: Router, *, timeouts: stream.Timeouts | None = None) -> None:
        """``router`` says where each model id goes."""
        self._router = router
        self._timeouts = timeouts or stream.Timeouts()
        self._clients: dict[Endpoint, AsyncOpenAI] = {}
        self._quirks: dict[str, set[str]] = {}
        self._meters: dict[str, Meter] = {}

    def estimate(self, model: str, messages: Sequence[Message], tools: Sequence[Json] = ()) -> int:
        """Input tokens of a call, corrected by what earlier calls of this model really took."""
        meter = self._meters.get(model)
        guess = estimate(messages, tools)
        return meter.correct(guess) if meter else guess

    def window(self, model: str) -> int | None:
        """Tokens: what the server says of the model, else our own table."""
        return self._router.window(model)

    async def complete(
        self,
        *,
        model: str,
        messages: Sequence[Message],
        tools: Sequence[Json],
        max_output: int,
        role: str,
        on_text: Callable[[str], Awaitable[None]] | None = None,
    ) -> ModelReply:
        """See ``types.ModelClient``."""
        await load()
        route = await self._route(model)
        body = _body(route, messages, tools, max_output)
        while True:
            told = Assembler()
            try:
                await self._converse(route, self._quirky(route, body), role, told, on_text)
            except ModelRefused as refused:
                if not self._learn_quirk(route, refused):
                    raise
            else:
                return self._reply(route, messages, tools, told)

    async def close(self) -> None:
        """Close connections."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.close()

    async def _route(self, model: str) -> Route:
        try:
            if self._router.needs_learning(model):
                await self._router.learn()
            return self._router.route(model)
        except ConfigError as error:
            raise ModelRefused(error.message, fix=error.fix) from error

    async def _converse(
        self,
        route: Route,
        body: Json,
        role: str,
        told: Assembler,
        on_text: Callable[[str], Awaitable[None]] | None,
    ) -> None:
        """Send the request and read the stream to its end."""
        client = self._client(route.endpoint)
        header = {ROLE_HEADER: re.sub(r"[^\w.-]", "-", role, flags=re.ASCII)[:64] or "none"}
        with stream.translated(route):
            async with aclosing(stream.chunks(client, body, header, self._timeouts)) as chunks:
                async for chunk in chunks:
                    stream.raise_inner_error(chunk, route)
                    text = told.feed(chunk)
                    if text and on_text is not None:
                        await on_text(text)
                    if told.size > MAX_CHARS:
                        raise faults.too_much(route, MAX_CHARS)
        if not told.finish or told.finish == "error":
            started = told.text or told.calls()
            raise faults.broken(
                route, "broke off in the middle of its answer" if started else "gave no answer"
            )

    def _client(self, endpoint: Endpoint) -> AsyncOpenAI:
        """The connection pool of a server, made once."""
        if endpoint not in self._clients:
            self._clients[endpoint] = stream.connect(endpoint, self._timeouts)
        return self._clients[endpoint]

    def _quirky(self, route: Route, body: Json) -> Json:
        """The body as this server wants it, by what it has refused so far."""
        known = self._quirks.get(route.endpoint.base_url, set())
        wire = dict(body)
        if "stream_options" in known:
            wire.pop("stream_options", None)
        if "max_tokens" in known:
            old, new = _LIMITS if _LIMITS[0] in wire else _LIMITS[::-1]
            wire[new] = wire.pop(old)
        return wire

    def _learn_quirk(self, route: Route, refused: ModelRefused) -> bool:
        """Whether the refusal names a parameter to leave out or rename, for the first time."""
        known = self._quirks.setdefault(route.endpoint.base_url, set())
        said = refused.message.lower()
        names = {"max_tokens" if n in _LIMITS else n for n in ("stream_options", *_LIMITS) if n in said}
        new = names - known if _UNWANTED.search(said) else set()
        known |= new
        return bool(new)

    def _reply(
        self, route: Route, messages: Sequence[Message], tools: Sequence[Json], told: Assembler
    ) -> ModelReply:
        calls = told.calls(_ids(messages))
        guess = estimate(messages, tools)
        usage = told.usage
        if usage is None or not usage.input:  # caps must hold for servers that do not count, too
            written = estimate_text(told.text) + sum(estimate_text(c.arguments) for c in calls)
            usage = Usage(input=guess, output=written)
        else:
            self._meters.setdefault(route.id, Meter()).observe(guess, usage.input)
        return ModelReply(
            content=told.text,
            tool_calls=calls,
            usage=usage,
            usd=told.usd if told.usd is not None else self._router.cost(route.id, usage),
            model=route.id,
            finish="tool_calls" if calls and told.finish == "stop" else told.finish,
            reasoning=told.reasoning,
        )


async def load() -> None:
    """Load the openai package beside the event loop; a caller may do so ahead of the first call."""
    await asyncio.to_thread(importlib.import_module, "openai")


def _body(route: Route, messages: Sequence[Message], tools: Sequence[Json], max_output: int) -> Json:
    """The request, with tools and messages in a fixed place so that equal calls are equal bytes."""
    body: Json = {"model": route.model}
    if tools:
        body["tools"] = list(tools)
    body["messages"] = list(messages)
    limit = "max_completion_tokens" if route.endpoint.kind == "openai" else "max_tokens"
    body |= {limit: max_output, "stream": True, "stream_options": {"include_usage": True}}
    if route.endpoint.kind == "openrouter":
        body["usage"] = {"include": True}
    return body


def _ids(messages: Sequence[Message]) -> set[str]:
    """Every tool call id in a transcript."""
    return {c["id"] for m in messages for c in m.get("tool_calls") or ()}
