"""What models are told of a server's tools: names, descriptions and schemas, bounded and without tricks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from codebutler.events import McpTool
from codebutler.types import Json
from codebutler.web.marking import plain
from codebutler.wellformed import well_formed

TOOLS = 40
"""Of one server."""
DESCRIPTION, NESTED, SCHEMA = 600, 200, 6_000
"""Characters of a tool's description, of one within its schema, and of the whole schema."""
BUDGET = 32_000
"""Characters of all tools of one server together, about 8,000 tokens."""
_NAME = 64
_DEEP = 8
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions", "patternProperties")
_ONE = ("items", "additionalProperties", "not")
_PLAIN = (
    *("type", "enum", "const", "default", "format", "pattern", "required", "$ref", "minimum", "maximum"),
    *(
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "uniqueItems",
    ),
)
"""Keys that are kept; all others, which may hold any text, are not."""


def cleaned(server: str, raw: Iterable[Mapping[str, Any]]) -> tuple[list[McpTool], list[str]]:
    """(tools, what was left out and why) of what ``server`` says it has, in its order."""
    tools: list[McpTool] = []
    left_out: list[str] = []
    room = BUDGET
    for entry in raw:
        original = entry.get("name")
        if not isinstance(original, str) or not original or len(original) > 128:
            left_out.append("a tool without a proper name")
            continue
        shown = short(original, 60)
        try:
            tool = _tool(server, original, entry)
        except ValueError as error:
            left_out.append(f"{shown}: {error}")
            continue
        size = len(tool.name) + len(tool.description) + len(json.dumps(tool.parameters))
        if any(tool.name == other.name for other in tools):
            left_out.append(f"{shown}: another tool has the name {tool.name}")
        elif len(tools) >= TOOLS or size > room:
            left_out.append(f"{shown}: too many tools; at most {TOOLS}, and {BUDGET} characters together")
        else:
            tools.append(tool)
            room -= size
    return tools, left_out


def short(text: str, chars: int) -> str:
    """One line of foreign text without controls, cut at ``chars``."""
    line = " ".join(plain(str(well_formed(text))).split())
    return line if len(line) <= chars else f"{line[: chars - 1]}…"


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
        parameters=_schema(entry.get("inputSchema")),
        read_only=read_only,
        repeatable=read_only or hints.get("idempotentHint") is True,
    )


def _schema(raw: object) -> Json:
    if not isinstance(raw, dict) or raw.get("type", "object") != "object":
        raise ValueError("its schema describes no object")
    for nested in (NESTED, 60, 0):
        schema: Json = {"properties": {}, **_node(raw, nested, _DEEP), "type": "object"}
        if len(json.dumps(schema)) <= SCHEMA:
            return schema
    raise ValueError(f"its schema is longer than {SCHEMA} characters")


def _node(raw: object, nested: int, deep: int) -> Any:  # noqa: ANN401 - JSON
    """A schema with what is understood of it; descriptions of at most ``nested`` characters."""
    if not isinstance(raw, dict):
        return raw if isinstance(raw, bool) else {}
    if not deep:
        raise ValueError("its schema is nested too deeply")
    node: dict[str, Any] = {}
    for key, value in raw.items():
        if key in _PLAIN:
            node[key] = _value(value)
        elif key in _MAPS and isinstance(value, dict):
            node[key] = {short(name, 64): _node(each, nested, deep - 1) for name, each in value.items()}
        elif key in _LISTS and isinstance(value, list):
            node[key] = [_node(each, nested, deep - 1) for each in value[:20]]
        elif key in _ONE:
            node[key] = _node(value, nested, deep - 1)
        elif key == "description" and nested and isinstance(value, str):
            node[key] = short(value, nested)
    return node


def _value(value: object) -> Any:  # noqa: ANN401 - JSON
    """A plain value of a schema; what is no such value is dropped."""
    if isinstance(value, str):
        return short(value, 200)
    if isinstance(value, list):
        return [_value(each) for each in value[:100]]
    return value if value is None or isinstance(value, bool | int | float) else {}
