"""One server that runs: started, asked, ended. Whatever it does, a call comes back."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from codebutler.errors import CodeButlerError, ToolFailed
from codebutler.servers.schemas import short
from codebutler.servers.trimmed import ENTRIES
from codebutler.servers.ways import Ended, Way
from codebutler.waiting import first_of

if TYPE_CHECKING:
    from mcp import ClientSession

log = logging.getLogger("codebutler.servers")
_PAGES = 20
_GRACE, _LAST_WORDS = 3.0, 0.5
"""Seconds for a server to end, and for the reason of an end to come after the end."""
REFUSAL = 1_000
"""Characters of what a server says when it does not do what it is asked for."""
_UNPARSED = re.compile(r"Failed to parse (?:SSE message|JSON response)")
"""How the package begins with what it cannot read."""


class Patience(Struct, frozen=True):
    """Seconds for a server to start, to list its tools, and to answer one call."""

    start: float = 30.0
    list: float = 20.0
    call: float = 120.0


class Connection:
    """A server under way. Calls may run side by side; ``close`` must come at the end."""

    def __init__(
        self, name: str, way: Callable[[], AbstractAsyncContextManager[Way]], patience: Patience
    ) -> None:
        """Nothing runs before ``start``."""
        self.name = name
        self._way, self._patience = way, patience
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._ended = Ended()
        self._session: ClientSession | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._session is not None and not self._ended.event.is_set()

    async def start(self) -> None:
        """Start it and agree on the protocol. Raises ToolFailed, and nothing runs then."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._live(ready))
        try:
            async with asyncio.timeout(self._patience.start):
                await ready
        except TimeoutError as error:
            why = f"{self.name} did not start within {self._patience.start:g} s"
            raise ToolFailed(self._with_tail(why)) from error
        finally:
            if ready.done() and not ready.cancelled():
                ready.exception()  # it may have come when nobody waited any more
            ready.cancel()
            if self._session is None:
                await self.close()

    async def tools(self) -> list[Mapping[str, Any]]:
        """What it says it has, page by page. Raises ToolFailed."""
        import mcp_types as types

        found: list[Mapping[str, Any]] = []
        cursor: str | None = None
        try:
            async with asyncio.timeout(self._patience.list):
                for _ in range(_PAGES):
                    params = types.PaginatedRequestParams(cursor=cursor)
                    page = await self._ask(types.ListToolsRequest(params=params), types.ListToolsResult)
                    found += page["tools"]
                    cursor = page.get("nextCursor")
                    if not cursor or len(found) > ENTRIES:
                        break
        except TimeoutError as error:
            raise ToolFailed(
                f"{self.name} did not list its tools within {self._patience.list:g} s"
            ) from error
        return found

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Its result as JSON. Past its time, the server is ended. Raises ToolFailed."""
        import mcp_types as types

        params = types.CallToolRequestParams(name=tool, arguments=dict(arguments))
        try:
            async with asyncio.timeout(self._patience.call):
                return await self._ask(types.CallToolRequest(params=params), types.CallToolResult)
        except TimeoutError as error:
            await self.close()
            why = f"{self.name} did not answer within {self._patience.call:g} s and was stopped"
            raise ToolFailed(f"{why}; what it did is unknown") from error

    async def close(self) -> None:
        """End it."""
        self._ended.because("it was stopped")
        self._stop.set()
        task, self._task = self._task, None
        if task is None:
            return
        _, pending = await asyncio.wait({task}, timeout=_GRACE if self._session else 0)
        self._session = None
        for each in pending:
            each.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _ask(self, request: Any, kind: Any) -> Mapping[str, Any]:  # noqa: ANN401 - the package's generics
        """One request, through the package's session but past its checks of results by foreign schemas."""
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED
        from pydantic import ValidationError

        if self._session is None or not self.alive:
            raise ToolFailed(f"{self.name}: {self._ended}")
        try:
            result = await self._session.send_request(request, kind)
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                raise ToolFailed(await self._farewell(error.message)) from error
            raise ToolFailed(f"{self.name} refused: {_plain(error.message)}") from error
        except ValidationError as error:
            raise ToolFailed(f"{self.name} answered what is no proper answer") from error
        dumped: Mapping[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        return dumped

    async def _farewell(self, words: str) -> str:
        """Nothing more comes of this one: end it, and say why it went. ``words``: those of the package."""
        if self._task is not None and not self._ended.event.is_set():
            await asyncio.wait({self._task}, timeout=_LAST_WORDS)  # it may be about to say so itself
        self._ended.because(short(words, REFUSAL))
        await self.close()
        return f"{self.name} went away: {self._ended}"

    async def _live(self, ready: asyncio.Future[None]) -> None:
        """The session's whole life, in one task, as the package's scopes demand."""
        from mcp import ClientSession

        _hush()
        try:
            async with self._way() as way:
                self._ended = way.ended
                async with ClientSession(way.incoming, way.outgoing) as session:
                    await session.initialize()
                    self._session = session
                    if not ready.done():
                        ready.set_result(None)
                    await first_of(self._stop, way.ended.event)
        except Exception as error:  # whatever it is, who waits hears of it, and the server is gone
            why = _words(error)
            log.info("%s has gone: %s", self.name, why, exc_info=log.isEnabledFor(logging.DEBUG))
            if not ready.done():
                ready.set_exception(ToolFailed(self._with_tail(f"{self.name} did not start: {why}")))
            self._ended.because(why)
        finally:
            self._ended.because("it ended")
            if not ready.done():
                ready.set_exception(ToolFailed(f"{self.name} was stopped while it started"))

    def _with_tail(self, words: str) -> str:
        return f"{words} ({self._ended})" if self._ended.event.is_set() else words


def _words(error: BaseException) -> str:
    """The first cause, in a line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, CodeButlerError):
        return error.message
    return _plain(str(error)) or type(error).__name__


def _plain(text: str) -> str:
    """Of an answer that the package cannot read it says pages about its own types, of use to nobody."""
    odd = "its answer is no MCP message: look whether that is its address"
    return odd if _UNPARSED.match(text) else short(text, REFUSAL)


def _hush() -> None:
    """The packages log what servers send, tracebacks and all; what matters of it we say ourselves."""
    for name in ("mcp", "httpx2", "httpcore2"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
