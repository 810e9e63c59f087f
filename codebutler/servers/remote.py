"""The way to a server at a URL: only to addresses that may be dialled, and never without an end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from codebutler.errors import ToolFailed
from codebutler.servers.ways import Ended, Way
from codebutler.web.guard import addresses
from codebutler.web.urls import Target

if TYPE_CHECKING:
    import httpx2

BYTES = 24 * 1024 * 1024
"""Of one response. The stream of a server's own messages ends there too."""


@asynccontextmanager
async def way(target: Target, headers: Mapping[str, str], *, seconds: float) -> AsyncIterator[Way]:
    """Streams to the server at ``target``; ``seconds`` bounds each silence."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    client = httpx2.AsyncClient(
        transport=guarded(target),
        headers=dict(headers),
        timeout=httpx2.Timeout(seconds, connect=min(seconds, 20.0)),
        trust_env=False,
        follow_redirects=False,
    )
    streams = streamable_http_client(target.url, http_client=client, max_sse_event_size=BYTES)
    async with client, streams as (incoming, outgoing):
        yield Way(incoming, outgoing, Ended())


def guarded(target: Target) -> httpx2.AsyncBaseTransport:
    """A transport that dials ``target`` alone, at an address that was looked at just before."""
    import httpx2

    inner = httpx2.AsyncHTTPTransport(trust_env=False)

    class Guarded(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            url = request.url
            if (url.scheme, url.host, _port(url)) != (target.scheme, target.host, target.port):
                raise httpx2.ConnectError(f"{url.host} is not the server's host")
            try:
                found = await addresses(target)
            except ToolFailed as error:
                raise httpx2.ConnectError(error.message) from error
            asked = httpx2.Request(
                request.method,
                url.copy_with(host=found[0]),
                headers=request.headers,  # they name the host that was meant
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": target.host},
            )
            response = await inner.handle_async_request(asked)
            return httpx2.Response(
                response.status_code,
                headers=response.headers,
                stream=_capped(response),
                extensions=response.extensions,
            )

        async def aclose(self) -> None:
            await inner.aclose()

    return Guarded()


def _port(url: httpx2.URL) -> int:
    return url.port or {"http": 80}.get(url.scheme, 443)


def _capped(response: httpx2.Response) -> httpx2.AsyncByteStream:
    """The response's bytes, up to BYTES of them."""
    import httpx2

    class Capped(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = BYTES
            async for piece in response.stream:  # type: ignore[union-attr] # the async transport's are async
                left -= len(piece)
                if left < 0:
                    raise httpx2.ReadError("the server sent more than is taken")
                yield piece

        async def aclose(self) -> None:
            await response.aclose()

    return Capped()
