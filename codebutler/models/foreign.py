"""Providers that speak no OpenAI protocol, through the litellm package: ids ``litellm/<provider>/<model>``.

The package is 200 MB and takes seconds to load, so it is an extra, loaded by the first such call, on a
thread. It is kept from what it would do by itself: read a ``.env`` of the folder that we stand in, fetch
price lists, retry, print, keep what was said.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import re
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import cache
from typing import Any

from codebutler.errors import ContextTooLong, ModelError, ModelRefused
from codebutler.models import faults, fixedroute
from codebutler.models.assemble import MAX_CHARS, Assembler
from codebutler.models.client import OpenAIClient
from codebutler.models.marks import marked
from codebutler.models.prices import MILLION, Price
from codebutler.models.routing import LITELLM, Route
from codebutler.models.stream import first_wait
from codebutler.settings.borrowed import keys_of
from codebutler.types import Json, Message, ModelReply

EXTRA = "pip install 'codebutler[litellm]'"
QUIET = {
    "LITELLM_MODE": "PRODUCTION",  # else it reads .env files, and we stand in somebody's repo
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOG": "CRITICAL",
}
"""Its settings, which it reads from the environment only."""
_LATER = 5.0
"""Seconds after our own time limits, which have better words, before the package's."""
_WRAPPING = re.compile(r"^(?:litellm\.\w+: (?:\w+ - )?)+")
_ADVICE = re.compile(r"\s*Handle with `litellm\.\w+`\.?\s*$")


class Client(OpenAIClient):
    """A ``types.ModelClient`` for every route: litellm's here, all others as its base does."""

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
        if not model.startswith(LITELLM):
            return await super().complete(
                model=model, messages=messages, tools=tools, max_output=max_output, role=role, on_text=on_text
            )
        route = await self._route(model)
        if route.endpoint.key is None:  # it sends what it finds in the environment, blanks and all
            os.environ.update(keys_of(_provider_of(model), os.environ))
        litellm = await load(model)
        if self._router.price(model) is None:
            self._router.know(model, _price(litellm, route))
        told = Thoughtful()
        request: Json = {
            "model": route.model,
            "messages": marked(route, messages),
            "max_tokens": max_output,
            "stream": True,
            "stream_options": {"include_usage": True},
            "num_retries": 0,
            "max_retries": 0,
            "timeout": self._timeouts.first + _LATER,
            "drop_params": True,
        }
        if tools:
            request["tools"] = list(tools)
        if route.endpoint.key is not None:
            request["api_key"] = route.endpoint.key.get_secret_value()
        if route.endpoint.base_url:
            request["api_base"] = route.endpoint.base_url
        try:
            await self._listen(litellm, route, request, told, on_text)
        except ModelError as error:
            error.spent = self._spent(route, messages, tools, told, max_output)
            raise
        return self._reply(route, messages, tools, told, max_output)

    async def _listen(
        self,
        litellm: Any,  # noqa: ANN401 - a module
        route: Route,
        request: Json,
        told: Assembler,
        on_text: Callable[[str], Awaitable[None]] | None,
    ) -> None:
        async with aclosing(self._stream(litellm, route, request)) as pieces:
            async for piece in pieces:
                text = told.feed(piece)
                if text and on_text is not None:
                    await on_text(text)
                if told.size > MAX_CHARS:
                    raise faults.too_much(route, MAX_CHARS)

    async def close(self) -> None:
        """Close connections."""
        await super().close()
        litellm = sys.modules.get("litellm")
        if litellm is not None:
            await fixedroute.close(litellm)

    async def _stream(self, litellm: Any, route: Route, request: Json) -> AsyncGenerator[Json]:  # noqa: ANN401 - a module
        """The pieces of the answer, in OpenAI's form."""
        import openai

        wait, what = first_wait(self._timeouts), "sent nothing"
        try:
            async with asyncio.timeout(wait):
                answer = await litellm.acompletion(**request)
            pieces = aiter(answer)
            while True:
                async with asyncio.timeout(wait):
                    piece = await anext(pieces)
                yield piece.model_dump(exclude_none=True)
                wait, what = self._timeouts.silence, "fell silent in the middle of its answer"
        except StopAsyncIteration:
            if answer.received_finish_reason is None:  # it then makes one up
                raise faults.broken(route, "broke off in the middle of its answer") from None
        except TimeoutError as error:
            raise faults.silent(route, f"{what} for {wait:g} s", sent=True) from error
        except openai.OpenAIError as error:
            raise translated(error, route) from error


class Thoughtful(Assembler):
    """Also keeps signed blocks of thought, which Anthropic wants back as they were."""

    def __init__(self) -> None:
        """Empty."""
        super().__init__()
        self._blocks: list[Json] = []

    def feed(self, chunk: Any) -> str:  # noqa: ANN401 - whatever JSON came in
        """Take in one chunk; returns the text that it adds for people."""
        choices = chunk.get("choices") or [{}]
        for block in (choices[0].get("delta") or {}).get("thinking_blocks") or ():
            self._block(block)
        return super().feed(chunk)

    @property
    def reasoning(self) -> Json | None:
        """What the provider wants back with this message, in its own fields."""
        told = dict(super().reasoning or {})
        if self._blocks:
            told["thinking_blocks"] = self._blocks
        return told or None

    def _block(self, piece: Json) -> None:
        """A block's text comes in pieces, its signature last."""
        last = self._blocks[-1] if self._blocks else {}
        if piece.get("type") == last.get("type") == "thinking" and not last.get("signature"):
            last["thinking"] = f"{last.get('thinking') or ''}{piece.get('thinking') or ''}"
            last["signature"] = piece.get("signature") or ""
        else:
            self._blocks.append(dict(piece))


async def load(model: str) -> Any:  # noqa: ANN401 - a module
    """The package, loaded beside the event loop. ModelRefused with the command where it is missing."""
    provider = _provider_of(model)
    if provider in fixedroute.UNSAFE:
        raise ModelRefused(
            f"litellm's {provider} follows redirects, which would take the key along",
            fix="Name the server under providers in config.json instead",
        )
    try:
        return await asyncio.to_thread(_ready)
    except ModuleNotFoundError as error:
        if error.name != "litellm":
            raise
        raise ModelRefused(f"{model} needs the litellm package, which is not installed", fix=EXTRA) from error


def _provider_of(model: str) -> str:
    return model.removeprefix(LITELLM).partition("/")[0]


def _ready() -> Any:  # noqa: ANN401 - a module
    litellm = _load()
    fixedroute.lend(litellm)
    return litellm


@cache
def _load() -> Any:  # noqa: ANN401 - a module
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.disable_streaming_logging = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    fixedroute.hold(litellm)
    return litellm


def translated(error: Exception, route: Route) -> ModelError:
    """Our error for one of the package's, which derive from the openai package's."""
    elsewhere = fixedroute.redirect(error)
    if elsewhere is not None:
        return faults.from_answer(elsewhere[0], b"", elsewhere[1], route)
    said = _ADVICE.sub("", _WRAPPING.sub("", str(getattr(error, "message", "") or error)))
    kind, provider = type(error).__name__, route.model.partition("/")[0]
    status = getattr(error, "status_code", None)
    body = _json_in(said)
    if kind == "ContextWindowExceededError" or "request_too_large" in said:
        return ContextTooLong(
            f"the conversation is too long for {route.id}",
            fix="Choose a model with a larger context window, or start a new thread",
        )
    if "LLM Provider NOT provided" in said:
        return ModelRefused(
            f"litellm knows no provider {provider}",
            fix="Mend the id: litellm/<provider>/<model>, with a provider of litellm's list",
        )
    if status == 401:
        what = "does not accept the API key" if body is not None else "has no API key"
        keys = f"litellm.{provider}.apiKey in config.json, or into the variable that litellm names"
        return ModelRefused(
            f"{route.endpoint.label} {what}", fix=f"Put a valid one into {keys} for {provider}"
        )
    headers = getattr(error, "litellm_response_headers", None) or {}
    return faults.from_status(status if isinstance(status, int) else 500, body or said, headers, route)


def _json_in(said: str) -> Any:  # noqa: ANN401 - whatever JSON there is
    """The provider's own body, which the package quotes within its words."""
    start, end = said.find("{"), said.rfind("}")
    try:
        return json.loads(said[start : end + 1]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        return None


def _price(litellm: Any, route: Route) -> Price | None:  # noqa: ANN401 - a module
    """What the package's own list says of the model; None if it has none."""
    row = litellm.model_cost.get(route.model) or litellm.model_cost.get(route.model.partition("/")[2])
    if not isinstance(row, dict) or "input_cost_per_token" not in row:
        return None
    fresh = float(row["input_cost_per_token"] or 0.0)
    kept, written = row.get("cache_read_input_token_cost"), row.get("cache_creation_input_token_cost")
    return Price(
        input=fresh * MILLION,
        cached=(fresh if kept is None else float(kept)) * MILLION,
        output=float(row.get("output_cost_per_token") or 0.0) * MILLION,
        context=int(row.get("max_input_tokens") or 0),
        max_output=int(row.get("max_output_tokens") or 0),
        sees=bool(row.get("supports_vision")),
        written=None if written is None else float(written) * MILLION,
    )
