"""The wire: one streamed request over aiohttp, its waits and sizes bounded, its errors translated."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from codebutler.errors import ConfigError, ModelRefused
from codebutler.models import faults, quirks, reach, sayings
from codebutler.models.breaks import translated
from codebutler.models.endpoints import Endpoint
from codebutler.models.lenient import loads
from codebutler.models.routing import Route
from codebutler.models.sse import Events, EventTooLarge

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, StreamReader, TraceConfig

MAX_BYTES = 48 * 1024 * 1024
"""Of one event, or of an answer that is not streamed."""
_MAX_FAULT = 64 * 1024
_GRACE = 0.2
"""Seconds for the end of a stream that is complete, so that its connection can be used again."""
_NO_KEY = "none"
"""Servers without keys ignore it, and some insist on one."""
_DONE = b"[DONE]"
END = object()
"""The piece that stands for the server's word that its stream is whole."""
_FIELDS = (b"data", b"event", b"id", b"retry", b":")
_MARK = b"\xef\xbb\xbf"


class Timeouts(Struct, frozen=True):
    """Seconds: to connect, until the first piece of the answer, between two pieces; how long a finished
    answer waits for its count of tokens and the end of its stream; and after how long a request that is cut
    off without an answer may have been worked on."""

    connect: float = 10.0
    first: float = 180.0
    silence: float = 90.0
    late: float = 10.0
    thought: float = 2.0


_hurry: ContextVar[float] = ContextVar("hurry", default=math.inf)


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """Within this block no call waits longer for its first piece: somebody else is ready to answer."""
    token = _hurry.set(seconds)
    try:
        yield
    finally:
        _hurry.reset(token)


def first_wait(timeouts: Timeouts) -> float:
    """Seconds until the first piece of an answer must be there."""
    return min(timeouts.first, _hurry.get())


class Wire:
    """The connections to one server: made by the first call, kept for the next. It never retries."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts) -> None:
        """Nothing is opened yet."""
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._session: ClientSession | None = None
        self._opening = asyncio.Lock()
        self._proxy: str | None = None

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @property
    def _first(self) -> float:
        return first_wait(self._timeouts)

    async def pieces(
        self, body: bytes, headers: Mapping[str, str], route: Route, count: Callable[[Any], None]
    ) -> AsyncGenerator[Any]:
        """The pieces of the answer as JSON. Raises ModelError for all that can go wrong on the way.

        ``count`` sees each of them, also one that is an error: it may say what the call has cost.

        A server that does not stream sends one whole completion. Comments that only keep a connection alive
        are no pieces, so they do not prolong a wait.
        """
        await self._open(route)  # it finds the proxy as well, which errors name
        sent = asyncio.Event()
        with translated(route, self._timeouts.connect, self._proxy, sent):
            async with (
                self._asked(body, headers, route, sent, count) as answer,
                aclosing(self._read(answer, route)) as pieces,
            ):
                async for piece in pieces:
                    count(piece)
                    faults.raise_inner(piece, route)
                    yield piece

    async def _open(self, route: Route) -> ClientSession:
        import aiohttp

        async with self._opening:
            if self._session is None:
                url = self._endpoint.base_url
                try:
                    self._proxy = reach.proxy_for(url)
                except ConfigError as error:
                    raise ModelRefused(error.message, fix=error.fix) from error
                trusted = await asyncio.to_thread(reach.trust) if url.startswith("https:") else True
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0, ssl=trusted),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeouts.connect),
                    headers=self._headers(),
                    trace_configs=[_tracing()],
                )
            return self._session

    def _headers(self) -> dict[str, str]:
        key = self._endpoint.key.get_secret_value() if self._endpoint.key else _NO_KEY
        headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
            "User-Agent": "codebutler",
        }
        if self._endpoint.kind == "openai":
            named = quirks.ORGANIZATION.items()
            headers |= {header: os.environ[name] for name, header in named if os.environ.get(name)}
        return headers

    @asynccontextmanager
    async def _asked(
        self,
        body: bytes,
        headers: Mapping[str, str],
        route: Route,
        sent: asyncio.Event,
        count: Callable[[Any], None],
    ) -> AsyncIterator[ClientResponse]:
        """The answer, if its status is good. A redirect is not followed: it would take the key along."""
        session = await self._open(route)
        url = f"{self._endpoint.base_url.rstrip('/')}/chat/completions"
        async with _limit(self._first, "sent nothing"):
            answer = await session.post(
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy,
                trace_request_ctx=sent,
            )
        try:
            if answer.status >= 300:
                async with _limit(self._timeouts.silence, "fell silent in the middle of its answer"):
                    said = await _some(answer.content, _MAX_FAULT)
                count(sayings.parsed(said))
                raise faults.from_answer(answer.status, said, answer.headers, route)
            yield answer
        finally:
            answer.release()  # a connection that has more to say is closed by this

    async def _read(self, answer: ClientResponse, route: Route) -> AsyncGenerator[Any]:
        content, quiet = answer.content, self._first
        async with _limit(quiet, "sent nothing"):
            begun = await _first(content)
        if begun.startswith(b"<"):
            raise faults.no_api(route, begun)
        if begun and not _is_stream(begun):
            async with _limit(quiet, "sent nothing"):
                begun += await _some(content, MAX_BYTES)
            if len(begun) > MAX_BYTES:
                raise faults.too_much(route, MAX_BYTES)
            yield _parsed(begun, route) if begun.startswith(b"{") else begun.decode("utf-8", "replace")
            return
        async with aclosing(self._events(content, begun, route)) as events:
            async for data in events:
                if data.strip() == _DONE:
                    await _finish(content)
                    yield END
                    return
                yield _parsed(data, route)

    async def _events(self, content: StreamReader, begun: bytes, route: Route) -> AsyncGenerator[bytes]:
        """The data of each event."""
        events, arrived = Events(MAX_BYTES), begun
        wait, what = self._first, "sent nothing"
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        while arrived:
            try:
                done = events.feed(arrived)
            except EventTooLarge as error:
                raise faults.too_much(route, MAX_BYTES) from error
            for data in done:
                yield data
            if done:
                wait, what = self._timeouts.silence, "fell silent in the middle of its answer"
                deadline = clock() + wait
            async with _limit(wait, what, until=deadline):
                arrived = await content.readany()
        for data in events.end():
            yield data


def _tracing() -> TraceConfig:
    """Sets the event that a request brings along as soon as it is on its way."""
    import aiohttp

    async def gone(_session: object, context: Any, _told: object) -> None:  # noqa: ANN401 - the package's own
        context.trace_request_ctx.set()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(gone)
    return trace


@asynccontextmanager
async def _limit(seconds: float, what: str, *, until: float | None = None) -> AsyncIterator[None]:
    """Bound a wait (``until``: a moment of the loop's clock); its TimeoutError says what did not come."""
    deadline = asyncio.get_running_loop().time() + seconds if until is None else until
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError as error:
        raise TimeoutError(f"{what} for {seconds:g} s") from error


def _is_stream(begun: bytes) -> bool:
    """Whether events begin like this, or may begin like this once more has come."""
    text = begun.removeprefix(_MARK)
    return any(text.startswith(name) or name.startswith(text) for name in _FIELDS) or _MARK.startswith(begun)


async def _first(content: StreamReader) -> bytes:
    """The first bytes that are not blank; b"" at the end."""
    while arrived := await content.readany():
        if text := arrived.lstrip():
            return text
    return b""


async def _some(content: StreamReader, limit: int) -> bytes:
    """What is left, or a little more than ``limit`` bytes of it."""
    parts: list[bytes] = []
    size = 0
    while size <= limit and (arrived := await content.readany()):
        parts.append(arrived)
        size += len(arrived)
    return b"".join(parts)


async def _finish(content: StreamReader) -> None:
    """Give the end of a complete stream a moment to come."""
    try:
        async with asyncio.timeout(_GRACE):
            while await content.readany():
                pass
    except (TimeoutError, OSError):
        return


def _parsed(data: bytes, route: Route) -> Any:  # noqa: ANN401 - whatever JSON came in
    try:
        return loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise faults.broken(route, "sent something that is not JSON") from error
