"""One call to a model: always streamed, never retried here, cancelled by closing its connection."""

from __future__ import annotations

import asyncio
import importlib
import re
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from codebutler.errors import ConfigError, ModelError, ModelRefused, ModelUnavailable
from codebutler.models import faults, stream
from codebutler.models.assemble import MAX_CHARS, Assembler
from codebutler.models.bill import Bill, Expected, bounded, settled, summed
from codebutler.models.body import Bodies
from codebutler.models.endpoints import Endpoint
from codebutler.models.marks import marked
from codebutler.models.quirks import Manners
from codebutler.models.room import Room, read
from codebutler.models.routing import Route, Router
from codebutler.models.tokens import Meter, Sizes, estimate_text
from codebutler.models.unseen import Unseen
from codebutler.models.vocabulary import Vocabularies
from codebutler.types import Json, Message, ModelReply, Usage

_CALLING = frozenset({"stop", "function_call"})
"""Ends of a reply with calls, beside the usual one."""
_FEWER = 2
"""Times that one call is asked again for fewer tokens: the model's own bound, and its window's."""
ROLE_HEADER = "X-CodeButler-Role"


class Asked(Struct, frozen=True):
    """One call: ``types.ModelClient`` says what each of it is."""

    messages: Sequence[Message]
    tools: Sequence[Json]
    max_output: int
    role: str
    on_text: Callable[[str], Awaitable[None]] | None

    async def hear(self, text: str) -> None:
        """Pass on what the answer adds, if somebody listens; "" for thoughts and calls: something comes."""
        if self.on_text is not None:
            await self.on_text(text)


class OpenAIClient:
    """A ``types.ModelClient`` that speaks OpenAI's protocol. aiohttp is loaded by the first call."""

    def __init__(self, router: Router, *, timeouts: stream.Timeouts | None = None) -> None:
        """``router`` says where each model id goes."""
        self._router = router
        self._timeouts = timeouts or stream.Timeouts()
        self._wires: dict[Endpoint, stream.Wire] = {}
        self._manners: dict[Endpoint, Manners] = {}
        self._rooms: dict[str, Room] = {}
        self._unseen = Unseen()
        self._bodies = Bodies()
        self._sizes = Sizes()
        self._vocabularies = Vocabularies()
        self._meters: dict[tuple[str, bool], Meter] = {}
        """By model, and by whether its tokens are counted or estimated."""

    def estimate(self, model: str, messages: Sequence[Message], tools: Sequence[Json] = ()) -> int:
        """Input tokens of a call, corrected by what earlier calls of this model really took."""
        guess, meter = self._guess(model, messages, tools)
        return meter.correct(guess)

    def _guess(self, model: str, messages: Sequence[Message], tools: Sequence[Json]) -> tuple[int, Meter]:
        """Input tokens by the model's own vocabulary, else by size; and what corrects such a figure."""
        count = self._vocabularies.count(model)
        meter = self._meters.setdefault((model, count is not None), Meter())
        return self._sizes.estimate(messages, tools, count or estimate_text), meter

    def window(self, model: str) -> int | None:
        """Tokens: what a refusal said of the model, else the server's list, else our own table."""
        known = self._rooms.get(model)
        return (known.window if known else 0) or self._router.window(model)

    async def prepare(self, model: str) -> None:
        """See ``types.ModelClient``: lists of prices are asked for elsewhere (``Router.learn``)."""

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
        route, unseen = await self._route(model), self._unseen
        asked = Asked(unseen.without(route.id, messages), tools, max_output, role, on_text)
        manners = self._manners.setdefault(route.endpoint, Manners(route.endpoint))
        refused: list[Bill] = []  # tries with words that the server does not take
        most, fewer = self._most(route, asked), _FEWER
        await self._load(route)
        while True:
            told, started, drops = self._assembler(route), time.monotonic(), manners.drops
            try:
                await self._converse(route, manners, replace(asked, max_output=most), told)
                if not told.finish or told.finish == "error":
                    raise faults.broken(route, _unfinished(told, route))
            except ModelError as error:
                refused += self._begun(route, asked, told)
                lost = summed(refused)
                error.spent, error.used = lost.usd or 0.0, lost.usage
                known = bool(refused) or self._router.price(route.id) is not None
                error.priced = known and lost.usd is not None
                seconds = time.monotonic() - started
                error.paid |= error.cut and not told.size and seconds >= self._timeouts.thought
                sent = {name for m in messages for name in m} - drops
                if unseen.learn(route.id, asked.messages, error):
                    asked = replace(asked, messages=unseen.without(route.id, asked.messages))
                    continue
                if not isinstance(error, ModelRefused):
                    raise
                if manners.learn(error.message, sent):
                    continue
                less = self._less(route, asked, error.message, most)
                if not less or not fewer:
                    raise
                most, fewer = less, fewer - 1
            else:
                took = summed([*refused, self._bill(route, asked, told)])
                return self._reply(route, asked, told, took)

    async def close(self) -> None:
        """Close connections."""
        wires, self._wires = list(self._wires.values()), {}
        for wire in wires:
            await wire.close()

    async def _route(self, model: str) -> Route:
        try:
            if self._router.needs_learning(model):
                await self._router.learn()
            route = self._router.route(model)
        except ConfigError as error:
            raise ModelRefused(error.message, fix=error.fix) from error
        await self._vocabularies.load(route.id)
        return route

    def _most(self, route: Route, asked: Asked) -> int:
        """Tokens to ask for: no server takes more than the model can write, or than its window leaves."""
        guess, meter = self._guess(route.id, asked.messages, asked.tools)
        window, listed = self._router.window(route.id) or 0, self._router.longest(route.id)
        room = self._rooms.setdefault(route.id, Room())
        return room.bound(asked.max_output, meter.correct(guess), window=window, listed=listed)

    def _less(self, route: Route, asked: Asked, said: str, sent: int) -> int:
        """Tokens to ask for after a refusal of ``sent``, if it tells a bound; else 0."""
        guess, meter = self._guess(route.id, asked.messages, asked.tools)
        told = read(said, sent)
        if told.prompt:
            meter.observe(guess, told.prompt)
        return self._rooms[route.id].learn(told, sent, meter.correct(guess))

    async def _load(self, route: Route) -> None:
        """Load the package that speaks to it: that takes seconds, in which no model thinks."""
        await load()

    def _assembler(self, route: Route) -> Assembler:
        return Assembler()

    async def _converse(self, route: Route, manners: Manners, asked: Asked, told: Assembler) -> None:
        """Send the request and read the stream to its end."""
        options, drops = manners.options(asked.max_output), manners.drops
        body = self._bodies.body(route.model, marked(route, asked.messages), asked.tools, options, drops)
        wire = self._wires.setdefault(route.endpoint, stream.Wire(route.endpoint, self._timeouts))
        header = {ROLE_HEADER: re.sub(r"[^\w.-]", "-", asked.role, flags=re.ASCII)[:64] or "none"}
        async with aclosing(wire.pieces(body, header, route, told.count)) as pieces:
            async for piece in _until_late(pieces, told, self._timeouts.late):
                await asked.hear(told.end() if piece is stream.END else told.feed(piece))
                if told.size > MAX_CHARS:
                    raise faults.too_much(route, MAX_CHARS)

    def _reply(self, route: Route, asked: Asked, told: Assembler, bill: Bill) -> ModelReply:
        calls = told.calls(_ids(asked.messages))
        return ModelReply(
            content=told.text,
            tool_calls=calls,
            usage=bill.usage,
            usd=bill.usd,
            model=route.id,
            finish="tool_calls" if calls and told.finish in _CALLING else told.finish,
            reasoning=told.reasoning,
            impossible=bill.impossible,
        )

    def _bill(self, route: Route, asked: Asked, told: Assembler) -> Bill:
        """What a call took: the provider's count, else ours, for caps must hold then, too."""
        guess, meter = self._guess(route.id, asked.messages, asked.tools)
        texts = [told.text, *(c.arguments for c in told.calls()), told.thoughts]
        price, window = self._router.price(route.id), self._router.window(route.id)
        written = bounded(sum(map(estimate_text, texts)), asked.max_output, price)
        ours = Usage(input=guess, output=written)
        bill = settled(told.told, Expected(ours, asked.max_output, price, window))
        if bill.counted:
            meter.observe(guess, bill.usage.input)
        return bill

    def _begun(self, route: Route, asked: Asked, told: Assembler) -> list[Bill]:
        """The bill of an answer that did not come to its end: providers want it paid all the same."""
        return [self._bill(route, asked, told)] if told.begun or told.told else []


async def load() -> None:
    """Load aiohttp beside the event loop; a caller may do so ahead of the first call."""
    if "aiohttp" not in sys.modules:
        await asyncio.to_thread(importlib.import_module, "aiohttp")


async def _until_late(pieces: AsyncGenerator[Any], told: Assembler, late: float) -> AsyncIterator[Any]:
    """``pieces`` to their end. A reply that says that it is finished has ``late`` seconds to end, too.

    Some servers leave out the mark of the end and keep the connection: the reply is whole all the same.
    """
    while True:
        finished = told.finish not in {"", "error"}
        try:
            async with asyncio.timeout(late if finished else None):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except (TimeoutError, ModelUnavailable):
            if not finished:
                raise
            return
        yield piece


def _unfinished(told: Assembler, route: Route) -> str:
    """What is wrong with a stream that ends without a word of that."""
    if told.text or told.calls():
        return "broke off in the middle of its answer"
    return "gave no answer" + (f", but this: {faults.odd(told.odd, route)}" if told.odd else "")


def _ids(messages: Sequence[Message]) -> set[str]:
    """Every tool call id in a transcript."""
    return {c["id"] for m in messages for c in m.get("tool_calls") or ()}
