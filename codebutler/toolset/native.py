"""The sandboxed tools. What models are told comes from the checked-in schema, never from a live sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from codebutler import assets
from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Tool
from codebutler.types import ToolResult, ToolSpec

_GPT = re.compile(r"(^|/)(gpt|codex|o[1-9])(?![a-z])")
"""Model ids of the family that writes patches, with or without a vendor before them."""


@cache
def tools() -> tuple[Tool, ...]:
    """read, write, edit, apply_patch, bash, grep, glob as tools/schema.json describes them."""
    return tuple(_native(entry) for entry in json.loads(assets.text("tools", "schema.json")))


def fitting(names: Sequence[str], model: str) -> tuple[str, ...]:
    """``names`` with one of edit and apply_patch where a role has both: the one ``model`` was trained on."""
    if not {"edit", "apply_patch"} <= set(names):
        return tuple(names)
    other = "edit" if _GPT.search(model.lower()) else "apply_patch"
    return tuple(name for name in names if name != other)


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
