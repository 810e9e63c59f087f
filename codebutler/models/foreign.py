"""Providers that speak no OpenAI protocol, through the litellm package: ids ``litellm/<provider>/<model>``.

The package is 200 MB and takes seconds to load, so it is an extra, loaded by the first such call, on a
thread. It is kept from what it would do by itself: read a ``.env`` of the folder that we stand in, fetch
price lists, retry, print, keep what was said.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import cache
from typing import Any

from codebutler.errors import ConfigError, ModelError, ModelRefused
from codebutler.models import faults, fixedroute
from codebutler.models.assemble import MAX_CHARS, Assembler
from codebutler.models.client import Asked, OpenAIClient
from codebutler.models.foreignfaults import instead, translated
from codebutler.models.foreignids import LITELLM, key_for
from codebutler.models.marks import marked
from codebutler.models.overheard import Overheard, listening
from codebutler.models.prices import MILLION, Price
from codebutler.models.quirks import REASONING, SIGNED, Manners
from codebutler.models.routing import Route
from codebutler.models.stream import END, first_wait
from codebutler.settings.borrowed import keys_of
from codebutler.types import Json

EXTRA = "pip install 'codebutler[litellm]'"
QUIET = {
    "LITELLM_MODE": "PRODUCTION",  # else it reads .env files, and we stand in somebody's repo
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOG": "CRITICAL",
}
"""Its settings, which it reads from the environment only."""
_STRICT = frozenset({"openai", "azure"})
"""Providers whose servers refuse fields of messages that they do not know."""
_SAID = ("type", "thinking", "signature", "data")
"""What a block of thought says, in text."""
_LATER = 5.0
"""Seconds after our own time limits, which have better words, before the package's."""


class Client(OpenAIClient):
    """A ``types.ModelClient`` for every route: litellm's here, all others as its base does."""

    async def prepare(self, model: str) -> None:
        """Load the package and read its list, if a call will need it: reservations are made by that."""
        if not model.startswith(LITELLM) or self._router.price(model) is not None:
            return
        try:
            route = self._router.route(model)
            self._router.know(model, _price(await load(model), route))
        except (ConfigError, ModelRefused):
            return  # the call itself says so

    async def _load(self, route: Route) -> None:
        """The package is loaded before the call's seconds are counted."""
        await (load(route.id) if route.endpoint.kind == "litellm" else super()._load(route))

    def _assembler(self, route: Route) -> Assembler:
        return Thoughtful() if route.endpoint.kind == "litellm" else super()._assembler(route)

    async def _converse(self, route: Route, manners: Manners, asked: Asked, told: Assembler) -> None:
        """Send the request and read the stream to its end, through the package if its id says so."""
        if route.endpoint.kind != "litellm":
            await super()._converse(route, manners, asked, told)
            return
        own: dict[str, str] = {}
        if route.endpoint.key is None:  # it sends what it finds in the environment, blanks and all
            own = keys_of(_provider_of(route.id), os.environ)
            os.environ.update(own)
        litellm = await load(route.id)
        with listening() as heard:
            try:
                request = self._request(route, manners, asked, own)
                async with aclosing(self._pieces(litellm, route, request, heard)) as pieces:
                    async for piece in pieces:
                        await asked.hear(told.end() if piece is END else told.feed(piece))
                        if told.size > MAX_CHARS:
                            raise faults.too_much(route, MAX_CHARS)
            finally:
                told.told = heard.told(told.told)

    def _request(self, route: Route, manners: Manners, asked: Asked, own: Mapping[str, str]) -> Json:
        endpoint, drops = route.endpoint, manners.drops | _unknown_to(route)
        request: Json = {
            "model": route.model,
            "messages": [
                {name: value for name, value in message.items() if name not in drops}
                for message in marked(route, asked.messages)
            ],
            **manners.options(asked.max_output),
            "num_retries": 0,
            "max_retries": 0,
            "timeout": self._timeouts.first + _LATER,
            "drop_params": True,
        }
        if asked.tools:
            request["tools"] = list(asked.tools)
        if (key := _key(route, own)) is not None:
            request["api_key"] = key
        if endpoint.base_url:
            request["api_base"] = endpoint.base_url
        return request

    async def close(self) -> None:
        """Close connections."""
        await super().close()
        litellm = sys.modules.get("litellm")
        if litellm is not None:
            await fixedroute.close(litellm)

    async def _pieces(
        self,
        litellm: Any,  # noqa: ANN401 - a module
        route: Route,
        request: Json,
        heard: Overheard,
    ) -> AsyncGenerator[Any]:
        """The pieces of the answer, in OpenAI's form, without the package's own price."""
        wait, what = first_wait(self._timeouts), "sent nothing"
        try:
            async with asyncio.timeout(wait):
                answer = await litellm.acompletion(**request)
            pieces = aiter(answer)
            while True:
                async with asyncio.timeout(wait):
                    piece = await anext(pieces)
                if _has_ended(answer, heard) or not _ends(piece):
                    yield piece.model_dump(exclude_none=True)
                wait, what = self._timeouts.silence, "fell silent in the middle of its answer"
        except StopAsyncIteration:
            for found in instead(heard, route):
                yield found
        except TimeoutError as error:
            raise faults.silent(route, f"{what} for {wait:g} s", sent=heard.sent) from error
        except ModelError:
            raise
        except Exception as error:  # the package raises whatever its providers do
            raise translated(error, route, heard) from error


def _has_ended(answer: Any, heard: Overheard) -> bool:  # noqa: ANN401 - the package's own
    """Whether the server has said how its answer ended: else the package makes an end up."""
    if heard.ended is None and heard.deaf:
        return bool(answer.received_finish_reason)  # nobody heard whether the other one is made up
    said = heard.ended if heard.ended is not None else answer.intermittent_finish_reason
    return bool(answer.received_finish_reason or said)


def _ends(piece: Any) -> bool:  # noqa: ANN401 - the package's own
    """Whether it says that the answer is over."""
    return any(choice.finish_reason for choice in piece.choices)


def _key(route: Route, own: Mapping[str, str]) -> str | None:
    """The host's key, one of the provider's ``own``, or what stands for none: else another goes out."""
    if route.endpoint.key is not None:
        return route.endpoint.key.get_secret_value()
    provider = _provider_of(route.id)
    base = f"{provider.upper()}_API_BASE"
    placed = bool(route.endpoint.base_url or os.environ.get(base))
    return key_for(provider, own, placed=placed)


def _unknown_to(route: Route) -> frozenset[str]:
    """Fields of messages that the package would pass on to a server that refuses them."""
    strict = _provider_of(route.id) in _STRICT
    return frozenset(REASONING) if strict else frozenset() if "claude" in route.model else frozenset({SIGNED})


class Thoughtful(Assembler):
    """Also keeps signed blocks of thought, which Anthropic wants back as they were."""

    def __init__(self) -> None:
        """Empty."""
        super().__init__()
        self._blocks: list[Json] = []

    @property
    def reasoning(self) -> Json | None:
        """What the provider wants back with this message, in its own fields."""
        told = dict(super().reasoning or {})
        if self._blocks:
            told["thinking_blocks"] = self._blocks
        return told or None

    def _reason(self, piece: Json) -> None:
        super()._reason(piece)
        blocks = piece.get("thinking_blocks")
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, dict) and all(isinstance(block.get(name), str | None) for name in _SAID):
                self._block(block)

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
    litellm.disable_hf_tokenizer_download = True  # to count what Llama wrote it would ask a hub on the net
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    fixedroute.hold(litellm)
    return litellm


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
