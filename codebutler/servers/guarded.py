"""HTTP to one server: its host alone, at addresses that were just looked at, and so much and no more."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from codebutler.errors import ToolFailed
from codebutler.servers.schemas import short
from codebutler.servers.ways import LIST, LISTING, TOO_LONG_A_LIST, TOO_MUCH
from codebutler.web.guard import addresses
from codebutler.web.urls import Target

if TYPE_CHECKING:
    import httpx2

BYTES = 12 * 1024 * 1024
LINES = 50_000
"""Of one response; lines count in a stream of events only."""
RESUMES = 10
"""How often an answer may be taken up again, after its stream was cut."""
_REFUSAL = 64 * 1024
"""Bytes of a refusal's body that are looked at for a reason."""
CLOSED, REFUSED = -32000, -32603
"""Codes of JSON-RPC: the connection is of no more use; this request failed."""


def guarded(target: Target) -> httpx2.AsyncBaseTransport:
    """A transport that dials ``target`` alone."""
    import httpx2

    inner = httpx2.AsyncHTTPTransport(trust_env=False)

    class Guarded(httpx2.AsyncBaseTransport):
        resumes = 0

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "GET" and not self._may_resume(request):
                return httpx2.Response(405)  # a stream of the server's own messages: we want none
            await request.aread()  # one that goes on to where a redirect leads was not read yet
            asked = await _addressed(request, target)
            response = await inner.handle_async_request(asked)
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                await response.aclose()
                raise httpx2.ReadError("the server sent what is packed, which was not asked for")
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                return await _refusal(response, known="mcp-session-id" in request.headers)
            return httpx2.Response(
                response.status_code,
                headers=response.headers,
                stream=_capped(response, lists=_lists(request)),
                extensions=response.extensions,
            )

        def _may_resume(self, request: httpx2.Request) -> bool:
            """The package asks again as often, and as soon, as the server likes."""
            self.resumes += 1
            return "last-event-id" in request.headers and self.resumes <= RESUMES

        async def aclose(self) -> None:
            await inner.aclose()

    return Guarded()


async def _addressed(request: httpx2.Request, target: Target) -> httpx2.Request:
    """The request, to an address of the target that may be dialled."""
    import httpx2

    url = request.url
    if (url.scheme, url.raw_host.decode(), _port(url)) != (target.scheme, target.host, target.port):
        raise httpx2.ConnectError("the request leads to another host than the server's")
    try:
        found = await addresses(target)
    except ToolFailed as error:
        raise httpx2.ConnectError(error.message) from error
    return httpx2.Request(
        request.method,
        url.copy_with(host=found[0]),
        headers=request.headers,  # they name the host that was meant
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": target.host},
    )


def _port(url: httpx2.URL) -> int:
    return url.port or {"http": 80}.get(url.scheme, 443)


async def _refusal(response: httpx2.Response, *, known: bool) -> httpx2.Response:
    """The refusal in the one form whose words the package passes on. ``known``: it gave us a session."""
    import httpx2

    status = response.status_code
    body = b""
    async for piece in _capped(response):
        body += piece
        if len(body) > _REFUSAL:
            break
    await response.aclose()
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "no known status"
    words = f"HTTP {status} ({phrase})"
    if reason := _reason(body):
        words += f": {short(reason, 500)}"
    gone = known and status == HTTPStatus.NOT_FOUND
    error = {"code": CLOSED if gone else REFUSED, "message": words}
    return httpx2.Response(status, json={"jsonrpc": "2.0", "id": None, "error": error})


def _reason(body: bytes) -> str:
    """The message of a JSON-RPC error, or nothing."""
    try:
        said = json.loads(body)["error"]["message"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""
    return said if isinstance(said, str) else ""


def _lists(request: httpx2.Request) -> bool:
    """Whether the answer is a page of tools."""
    said = json.loads(request.content) if request.method == "POST" else None
    return isinstance(said, dict) and said.get("method") == LISTING


def _capped(response: httpx2.Response, *, lists: bool = False) -> httpx2.AsyncByteStream:
    """The response's bytes: up to BYTES of them, LIST of a page of tools, and LINES of a stream of events."""
    import httpx2

    events = response.headers.get("content-type", "").lower().startswith("text/event-stream")

    class Capped(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            left, lines = LIST if lists else BYTES, LINES
            async for piece in response.stream:  # type: ignore[union-attr] # the async transport's are async
                left -= len(piece)
                lines -= piece.count(b"\n") + piece.count(b"\r") if events else 0
                if left < 0 or lines < 0:
                    raise httpx2.ReadError(f"the server sent {TOO_LONG_A_LIST if lists else TOO_MUCH}")
                yield piece

        async def aclose(self) -> None:
            await response.aclose()

    return Capped()
