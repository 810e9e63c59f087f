"""The sandboxed tools. What models are told comes from the checked-in schema, never from a live sandbox."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from codebutler import assets
from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Tool
from codebutler.types import ToolResult, ToolSpec


@cache
def tools() -> tuple[Tool, ...]:
    """read, write, edit, bash, grep, glob as tools/schema.json describes them."""
    return tuple(_native(entry) for entry in json.loads(assets.text("tools", "schema.json")))


def _native(entry: dict[str, Any]) -> Tool:
    name = entry["name"]
    read_only = bool(entry.get("annotations", {}).get("readOnlyHint"))

    async def call(arguments: Any, desk: Desk, _site: Site) -> ToolResult:  # noqa: ANN401 - JSON
        return await (await desk.hands()).call(name, arguments)

    spec = ToolSpec(
        name,
        entry["description"],
        entry["inputSchema"],
        read_only=read_only,
        writes=not read_only,
        recovery="rerun" if read_only or name == "write" else "tell",
    )
    return Tool(spec, call)
