"""The way to a server at a URL: only to addresses that may be dialled, and never without an end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from codebutler.servers.guarded import BYTES, guarded
from codebutler.servers.trimmed import Trimmed
from codebutler.servers.ways import Ended, Way
from codebutler.web.urls import Target


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
        yield Way(Trimmed(incoming), outgoing, Ended())
