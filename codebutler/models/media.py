"""Pictures and speech over OpenAI's own package: which server, one bounded call, and what a failure means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct

from codebutler.config import Config
from codebutler.errors import ConfigError, ModelError, ModelRefused, ModelUnavailable
from codebutler.models import faults
from codebutler.models.endpoints import OPENAI_URL, Endpoint, openai_endpoint
from codebutler.models.reach import proxy_for, trust
from codebutler.models.routing import Route
from codebutler.types import Json

if TYPE_CHECKING:
    import httpx
    import openai
    from openai import AsyncOpenAI

What: TypeAlias = Literal["images", "speech"]
PAUSES = (1.0, 4.0)
"""Seconds before another try, where the service has surely done nothing yet."""
CONNECT = 10.0
_LONGEST_WISH = 30.0
"""Seconds of a service's Retry-After that are waited for."""
_NOT_BEGUN = frozenset({429, 503})
"""Statuses of a service that turns a request away before it works on it."""
_MAYBE = "It may have been paid for all the same, so it is not asked again by itself"
_USE = {"images": "pictures can be drawn", "speech": "voice messages can be transcribed"}


class Service(Struct, frozen=True):
    """A server, the model to ask it for, and the most seconds that one call may take."""

    endpoint: Endpoint
    model: str
    seconds: float

    @property
    def route(self) -> Route:
        """As the messages about failures want it."""
        return Route(self.endpoint, self.model, self.model)


class _Again(Exception):
    """A failure after which the call may be made anew without paying twice."""

    def __init__(self, error: ModelUnavailable) -> None:
        super().__init__(str(error))
        self.error = error


def service(config: Config, what: What) -> Service:
    """The service for ``images`` or ``speech``. ConfigError, with the fix, when none is set up.

    A key goes only to the server that it was given for.
    """
    section = getattr(config, what)
    origin = config.origin(f"{what}.apiKey") if section.api_key else ""
    endpoint: Endpoint | None
    if section.base_url:
        label = f"the server at {section.base_url}"
        endpoint = Endpoint("compatible", label, section.base_url, section.api_key, origin)
    elif section.api_key:
        endpoint = Endpoint("openai", "OpenAI", OPENAI_URL, section.api_key, origin)
    else:
        endpoint = openai_endpoint(config)
    if endpoint is None:
        raise ConfigError(
            f"no service is set up by which {_USE[what]}",
            fix=f"Set OPENAI_API_KEY, or {what}.apiKey or {what}.baseUrl in the host's config.json.",
        )
    return Service(endpoint, section.model, section.seconds)


async def ask(
    use: Service,
    send: Callable[[AsyncOpenAI], AbstractAsyncContextManager[Any]],
    *,
    limit: int,
    pauses: Sequence[float] = PAUSES,
    words: str = "",
) -> Json:
    """The answer's JSON object, of ``limit`` bytes at most. ``send`` makes a streamed call of the package's.

    An answer in plain text, if ``words`` names a field, is an object with that field.
    Raises ModelUnavailable or ModelRefused. A call that may have been paid for is not made again.
    """
    waits = list(pauses)
    while True:
        try:
            async with asyncio.timeout(use.seconds):
                return await _once(use, send, limit, words)
        except TimeoutError as error:
            why = f"gave no answer within {use.seconds:g} s"
            raise paid(faults.broken(use.route, why, fix=f"{_MAYBE}: ask for less")) from error
        except _Again as again:
            if not waits:
                raise again.error from again
            await asyncio.sleep(max(waits.pop(0), min(again.error.retry_after or 0.0, _LONGEST_WISH)))


async def _once(
    use: Service, send: Callable[[AsyncOpenAI], AbstractAsyncContextManager[Any]], limit: int, words: str
) -> Json:
    http = await asyncio.to_thread(_connection, use)
    import httpx
    import openai

    key = use.endpoint.key.get_secret_value() if use.endpoint.key else "none"
    async with openai.AsyncOpenAI(
        api_key=key, base_url=use.endpoint.base_url, max_retries=0, http_client=http
    ) as client:
        try:
            async with send(client) as response:
                plain = str(response.headers.get("content-type", "")).lower().startswith("text/plain")
                said = await _bounded(response, use, limit)
                return _object(said, use, words if plain else "")
        except openai.APIStatusError as error:
            raise _status(error.response, use) from error
        except openai.APIConnectionError as error:  # a time limit that has passed is one, too
            raise _lost(error, use) from error
        except httpx.HTTPError as error:
            raise paid(faults.broken(use.route, f"broke off in the middle of its answer: {error}")) from error


def _connection(use: Service) -> httpx.AsyncClient:
    """As for chat: the same proxies and certificates, and no redirect, as the key would go along.

    Runs in a thread: to load the packages takes longer than a turn of the event loop may.
    """
    import httpx
    import openai  # noqa: F401 - loaded here so that it is there when the loop needs it

    return httpx.AsyncClient(
        proxy=proxy_for(use.endpoint.base_url),
        verify=trust(),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(use.seconds, connect=min(CONNECT, use.seconds)),
    )


def _status(response: httpx.Response, use: Service) -> ModelError | _Again:
    """A service that is asked too often, or is too busy, has not begun; after another fault of its own,
    it may have done the work."""
    error = faults.from_answer(response.status_code, response.content, response.headers, use.route)
    return _of_its_own(error, response.status_code) if isinstance(error, ModelUnavailable) else error


def _of_its_own(error: ModelUnavailable, status: int) -> ModelError | _Again:
    """A fault of the service's, by HTTP status or in its answer."""
    return _Again(error) if status in _NOT_BEGUN else paid(ModelUnavailable(error.message, fix=_MAYBE))


def _lost(error: openai.APIConnectionError, use: Service) -> ModelError | _Again:
    """A connection that was never made has sent nothing; one that broke may have sent all."""
    import httpx

    cause = error.__cause__
    unsent = httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
    if isinstance(cause, unsent | httpx.UnsupportedProtocol):
        return _Again(faults.unreachable(use.route, str(cause) or "no connection could be made in time"))
    return paid(
        faults.broken(use.route, f"broke the connection before it answered ({cause or error})", fix=_MAYBE)
    )


async def _bounded(response: Any, use: Service, limit: int) -> bytes:  # noqa: ANN401 - the package's own
    found = bytearray()
    async for piece in response.iter_bytes():
        found += piece
        if len(found) > limit:
            raise paid(faults.too_much(use.route, limit))
    return bytes(found)


def _object(said: bytes, use: Service, words: str) -> Json:
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError) as error:
        if said.lstrip().startswith(b"<"):
            raise faults.no_api(use.route, said[:10_000]) from error
        if not words:
            raise nonsense(use, "no JSON") from error
        answer = None
    if words and not isinstance(answer, dict):
        return {words: said.decode("utf-8", "replace")}
    if not isinstance(answer, dict):
        raise nonsense(use, "no JSON object")
    try:
        faults.raise_inner(answer, use.route)
    except ModelUnavailable as error:
        raise _of_its_own(error, faults.status_in(answer.get("error"))) from None
    return answer


def nonsense(use: Service, what: str) -> ModelError:
    """The service answered something that cannot be used."""
    fix = f"Check that it offers this API, and has {use.model}"
    return paid(ModelRefused(f"{use.endpoint.label} answered {what}", fix=fix))


def paid(error: ModelError) -> ModelError:
    """``error`` of a call that was received: what it asked for may have been made, and billed."""
    error.paid = True
    return error
