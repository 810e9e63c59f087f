"""Tools of MCP servers, as a thread's log has them."""

from __future__ import annotations

from typing import Any

from codebutler.events import McpListed, McpTool
from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Tool
from codebutler.types import ToolResult, ToolSpec


def tool_of(listed: McpListed, offered: McpTool) -> Tool:
    """The tool that calls ``offered`` of the server. Its arguments are for the server to check."""

    async def call(arguments: Any, desk: Desk, _site: Site) -> ToolResult:  # noqa: ANN401 - JSON
        return await desk.call_server(listed.server, offered.tool, arguments)

    spec = ToolSpec(
        offered.name,
        f"[tool of the server {listed.server}, in its words] {offered.description}".rstrip(),
        offered.parameters,
        read_only=offered.read_only,
        writes=listed.inside and not offered.read_only,
        recovery="rerun" if offered.repeatable else "tell",
    )
    return Tool(spec, call)
