"""The wire: one streamed request with the openai package, its waits bounded, its errors translated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebutler.errors import ModelError
from codebutler.models import faults
from codebutler.models.routing import Endpoint, Route
from codebutler.types import Json

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_NO_KEY = "none"
"""Servers without keys ignore it; the openai package insists on one."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, until the first piece of the answer, between two pieces."""

    connect: float = 10.0
    first: float = 180.0
    silence: float = 90.0


def connect(endpoint: Endpoint, timeouts: Timeouts) -> AsyncOpenAI:
    """A connection pool for a server. It never retries."""
    import openai

    longest = max(timeouts.first, timeouts.silence) + 30
    client = openai.AsyncOpenAI(
        api_key=endpoint.key.get_secret_value() if endpoint.key else _NO_KEY,
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=openai.Timeout(longest, connect=timeouts.connect),
    )
    client.admin_api_key = None  # the package takes it from the environment; no call here is an admin's
    if endpoint.kind != "openai":  # the person's OpenAI account is no business of another server
        client.organization = client.project = None
    return client


async def chunks(
    client: AsyncOpenAI, body: Json, headers: Mapping[str, str], timeouts: Timeouts
) -> AsyncGenerator[Any]:
    """The pieces of the answer as plain JSON; TimeoutError says which wait was too long.

    A server that does not stream sends one whole completion. Comments that only keep a connection alive
    are no pieces, so they do not prolong a wait.
    """
    from openai import AsyncStream

    options: Any = {"headers": dict(headers)}
    async with _limit(timeouts.first, "sent nothing"):
        answer = await client.post(
            "/chat/completions",
            cast_to=object,
            body=body,
            options=options,
            stream=True,
            stream_cls=AsyncStream[object],
        )
    async with answer:
        if "json" in answer.response.headers.get("content-type", ""):
            async with _limit(timeouts.first, "sent nothing"):
                yield json.loads(await answer.response.aread())
            return
        wait, what = timeouts.first, "sent nothing"
        pieces = aiter(answer)
        while True:
            try:
                async with _limit(wait, what):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            yield piece
            wait, what = timeouts.silence, "fell silent in the middle of its answer"


@asynccontextmanager
async def _limit(seconds: float, what: str) -> AsyncIterator[None]:
    """Bound a wait; its TimeoutError says what did not come."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise TimeoutError(f"{what} for {seconds:g} s") from error


@contextmanager
def translated(route: Route) -> Iterator[None]:
    """Turn the openai package's errors into ours, and those of the HTTP client below that it lets through."""
    import httpx
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        headers = error.response.headers
        raise faults.from_status(error.status_code, error.body, headers, route) from error
    except (openai.APIConnectionError, httpx.TransportError) as error:
        raise faults.unreachable(route, str(error.__cause__ or error)) from error
    except openai.APIError as error:
        raise _inner_error(error.body or error.message, route) from error
    except TimeoutError as error:
        raise faults.broken(route, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise faults.broken(route, "sent something that is not JSON") from error


def raise_inner_error(chunk: Any, route: Route) -> None:  # noqa: ANN401 - whatever JSON came in
    """Raise the error that stands inside an answer of status 200, if one does."""
    if isinstance(chunk, dict) and chunk.get("error"):
        raise _inner_error(chunk["error"], route)


def _inner_error(body: Any, route: Route) -> ModelError:  # noqa: ANN401 - whatever JSON came in
    code = body.get("code") if isinstance(body, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    return faults.from_status(status, body, {}, route)
