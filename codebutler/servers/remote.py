"""The way to a server at a URL: only to addresses that may be dialled, and never without an end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from codebutler.servers.guarded import BYTES, CLOSED, REFUSED, guarded
from codebutler.servers.trimmed import Trimmed
from codebutler.servers.ways import Ended, Way
from codebutler.web.urls import Target

_OWN = ("SSE stream ", "HTTP ")
"""How the package's words, and ours, for a request begin that nobody answers any more."""


@asynccontextmanager
async def way(target: Target, headers: Mapping[str, str], *, seconds: float) -> AsyncIterator[Way]:
    """Streams to the server at ``target``; ``seconds`` bounds each silence."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    client = httpx2.AsyncClient(
        transport=guarded(target),
        headers={**headers, "accept-encoding": "identity"},
        timeout=httpx2.Timeout(seconds, connect=min(seconds, 20.0)),
        trust_env=False,
        follow_redirects=False,
    )
    streams = streamable_http_client(target.url, http_client=client, max_sse_event_size=BYTES)
    async with client, streams as (incoming, outgoing):
        yield Way(_Answers(incoming), outgoing, Ended())


class _Answers(Trimmed):
    """Servers use the code of a closed connection for any trouble of theirs, and stay."""

    async def __anext__(self) -> Any:  # noqa: ANN401 - as the stream gives it
        """The next message."""
        item = await super().__anext__()
        error = getattr(getattr(item, "message", None), "error", None)
        if error is not None and error.code == CLOSED and not error.message.startswith(_OWN):
            error.code = REFUSED
        return item
