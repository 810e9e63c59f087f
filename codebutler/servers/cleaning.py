"""What models are told of a server's tools: names, descriptions and schemas, bounded and without tricks."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from codebutler.events import McpTool
from codebutler.servers.schemas import schema_of, short

TOOLS = 40
"""Of one server."""
DESCRIPTION = 600
"""Characters of a tool's description."""
BUDGET = 32_000
"""Characters of all tools of one server together, about 8,000 tokens."""
LEFT_OUT = 50
"""Tools that are named as left out; then no more of them are looked at."""
ROLE_TOOLS, ROLE_BUDGET = 80, 64_000
"""Tools, and their characters, of all servers that one role has; providers take 128 tools with a request."""
_NAME, _ORIGINAL = 64, 128
_ODD = re.compile(r"[^A-Za-z0-9_-]")


def cleaned(server: str, raw: Iterable[Mapping[str, Any]]) -> tuple[list[McpTool], list[str]]:
    """(tools, what was left out and why) of what ``server`` says it has, in its order."""
    tools: dict[str, McpTool] = {}
    left_out: Counter[str] = Counter()
    room = BUDGET
    for number, entry in enumerate(raw):
        if left_out.total() >= LEFT_OUT:
            left_out[f"and all after its tool number {number}"] += 1
            break
        original = entry.get("name")
        if not isinstance(original, str) or not 0 < len(original) <= _ORIGINAL or not original.isprintable():
            left_out["a tool without a proper name"] += 1
            continue
        try:
            tool = _tool(server, original, entry)
            size = _need_room(tool, tools, room)
        except ValueError as error:
            left_out[f"{short(original, 60)}: {error}"] += 1
            continue
        tools[tool.name] = tool
        room -= size
    return list(tools.values()), [f"{why} ({n} times)" if n > 1 else why for why, n in left_out.items()]


def fitting(tools: Iterable[McpTool]) -> int:
    """How many of them, from the first, one role can have."""
    count, room = 0, ROLE_BUDGET
    for tool in tools:
        room -= _size(tool)
        if room < 0 or count == ROLE_TOOLS:
            break
        count += 1
    return count


def _size(tool: McpTool) -> int:
    return len(tool.name) + len(tool.description) + len(json.dumps(tool.parameters))


def _need_room(tool: McpTool, others: Mapping[str, McpTool], room: int) -> int:
    """The tool's size in characters."""
    size = _size(tool)
    if tool.name in others:
        raise ValueError(f"another tool has the name {tool.name}")
    if len(others) >= TOOLS or size > room:
        raise ValueError(f"too many tools; at most {TOOLS}, and {BUDGET} characters together")
    return size


def _tool(server: str, original: str, entry: Mapping[str, Any]) -> McpTool:
    said = entry.get("annotations")
    hints = said if isinstance(said, dict) else {}
    about = entry.get("description")
    read_only = hints.get("readOnlyHint") is True
    name = f"mcp__{server}__{_ODD.sub('_', original)}"
    if len(name) > _NAME:
        raise ValueError(f"its name is longer than {_NAME} characters with the server's before it")
    return McpTool(
        name=name,
        tool=original,
        description=short(about, DESCRIPTION) if isinstance(about, str) else "",
        parameters=schema_of(entry.get("inputSchema")),
        read_only=read_only,
        repeatable=read_only or hints.get("idempotentHint") is True,
    )
