"""MCP servers at a URL: a server of the official library, on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from codebutler.errors import ToolFailed
from codebutler.servers.cleaning import cleaned
from codebutler.servers.results import CHARS, tool_result

if TYPE_CHECKING:
    from tests.twins.conftest import Far


@pytest.fixture(scope="module")
def official() -> Iterator[str]:
    """A server of the official library: its URL."""
    import uvicorn
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations

    seen: list[str] = []
    offered = MCPServer("far", log_level="CRITICAL")

    @offered.tool(annotations=ToolAnnotations(read_only_hint=True))
    def find(words: str) -> str:
        """Finds words."""
        return f"found {words}"

    @offered.tool()
    def fail() -> str:
        """Fails."""
        raise ToolError("the index is broken")

    @offered.tool()
    def much() -> str:
        """Says much."""
        return "m" * 2_000_000

    @offered.tool()
    async def sleep() -> str:
        """Takes its time."""
        await asyncio.sleep(30)
        return "slept"

    app = offered.streamable_http_app()

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.append(dict(scope["headers"]).get(b"authorization", b"").decode())
        await app(scope, receive, send)

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(outer, log_config=None, ws="none", timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    server.should_exit = True
    thread.join()
    assert set(seen) <= {"Bearer canary"}  # a worker may have had only the test that asks nothing of it


async def test_the_official_server_lists_answers_and_fails(official: str, far_at: Far) -> None:
    async with far_at(official) as far:
        await far.start()
        tools, left_out = cleaned("far", await far.tools())
        assert [(t.name, t.read_only) for t in tools] == [
            ("mcp__far__find", True),
            ("mcp__far__fail", False),
            ("mcp__far__much", False),
            ("mcp__far__sleep", False),
        ]
        assert left_out == []
        assert "found x" in tool_result("far", await far.call("find", {"words": "x"})).text
        failed = tool_result("far", await far.call("fail", {}))
        assert (failed.ok, "the index is broken" in failed.text) == (False, True)
        assert CHARS < len(tool_result("far", await far.call("much", {})).text) < CHARS + 500
        side = await asyncio.gather(*(far.call("find", {"words": str(n)}) for n in range(5)))
        assert [f"found {n}" in str(each) for n, each in enumerate(side)] == [True] * 5


async def test_an_official_server_that_hangs_is_left(official: str, far_at: Far) -> None:
    async with far_at(official, call=0.3) as far:
        await far.start()
        began = time.monotonic()
        with pytest.raises(ToolFailed, match=r"did not answer within 0\.3 s and was stopped"):
            await far.call("sleep", {})
        assert time.monotonic() - began < 5
        assert not far.alive


async def test_a_private_address_needs_the_hosts_word(official: str, far_at: Far) -> None:
    async with far_at(official, private=False) as far:
        with pytest.raises(ToolFailed, match="leads to an address that is not public"):
            await far.start()
