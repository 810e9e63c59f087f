"""What the libraries leave to whoever uses them: a client closed whole, one without a token, their words."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from codebutler.models.reach import proxy_for

if TYPE_CHECKING:
    from slack_sdk.socket_mode.aiohttp import SocketModeClient


class Proxied(Protocol):
    """What may go through a proxy."""

    proxy: str | None


async def closed(client: SocketModeClient) -> None:
    """Close a client: its own close leaves its tasks to themselves."""
    tasks = [client.message_processor, client.current_session_monitor, client.message_receiver]
    client.closed = True
    client.auto_reconnect_enabled = False
    for task in tasks:
        if task is not None:
            task.cancel()
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
    if client.current_session is not None:
        await client.current_session.close()
    await client.aiohttp_client_session.close()


def tokenless(address: str) -> Any:  # noqa: ANN401 - a client class that is imported only when needed
    """A client of the Web API at ``address`` that knows no token."""
    from slack_sdk.web.async_client import AsyncWebClient

    client = AsyncWebClient(base_url=f"{address}/")
    route(client, address)
    return client


def route(client: Proxied, address: str) -> None:
    """Slack's clients take a proxy from the environment whatever NO_PROXY says, and for this host, too."""
    host = urlsplit(address).hostname or ""
    here = host in {"localhost", "::1"} or host.startswith("127.")
    client.proxy = None if here else proxy_for(re.sub("^ws", "http", address))


def quiet() -> logging.Logger:
    """The libraries' own words, without tracebacks: an outage is no fault of theirs or ours."""
    logger = logging.getLogger("codebutler.slack.sdk")
    if not logger.filters:
        logger.addFilter(_without_traceback)
    return logger


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = None
    return True
