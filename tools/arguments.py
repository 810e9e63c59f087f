"""Checks a call's arguments against the checked-in schema, so that tools may trust types and names."""

from __future__ import annotations

import json
import math
import os
import re
from functools import cache
from typing import Any

import limits
from faults import Fault
from meaning import meant

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@cache
def schema() -> list[dict[str, Any]]:
    """The tools as MCP lists them, from ``schema.json`` beside this file."""
    with open(
        os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema.json"), encoding="utf-8"
    ) as file:
        tools: list[dict[str, Any]] = json.load(file)
    return tools


def listed(*, scratch: bool) -> list[dict[str, Any]]:
    """The tools as this executor offers them: ``scratch`` when commands may write git's records."""
    return [_scratched(tool) if scratch else tool for tool in schema()]


def _scratched(tool: dict[str, Any]) -> dict[str, Any]:
    other: dict[str, str] = tool.get("_meta", {}).get("codebutler", {})
    return {**tool, "description": other.get("scratch", tool["description"])}


def checked(name: str, arguments: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    """The arguments as they were meant: null counts as not given, ``"5"`` as 5 where a number is due, and
    an argument may have the name that it has in the tools of other agents.

    Raises Fault naming the argument that is unknown, missing, or of the wrong type.
    """
    known, required, taken = form["properties"], form.get("required", []), {}
    for key, value in meant(re.sub(r".*: (\w+)\[.*", r"\1", name), arguments, known).items():
        if key not in known:
            raise Fault(f"{name} has no argument {limits.cut_line(key, 60)!r}; it takes {', '.join(known)}")
        if value is not None or key in required:
            taken[key] = _value(f"{name}: {key}", value, known[key])
    for key in required:
        if key not in taken:
            raise Fault(f"{name} needs the argument {key!r}")
    return taken


def _value(where: str, given: object, form: dict[str, Any]) -> object:
    kind = form["type"]
    value = _meant(given, kind)
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise Fault(f"{where} must be of type {kind}")
    if "enum" in form and value not in form["enum"]:
        raise Fault(f"{where} must be one of {', '.join(form['enum'])}")
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault(f"{where} must be a number")
    if isinstance(value, (int, float)) and value < form.get("minimum", value):
        raise Fault(f"{where} must be at least {form['minimum']}")
    if isinstance(value, list):
        return [_value(f"{where}[{number}]", item, form["items"]) for number, item in enumerate(value, 1)]
    return checked(where, value, form) if isinstance(value, dict) else value


def _meant(value: object, kind: str) -> object:
    """What a model plainly meant that writes numbers and lists as strings, or one item for a list of one."""
    if kind == "string" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, str) and kind != "string":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    if isinstance(value, float) and kind == "integer" and value.is_integer():
        return int(value)
    return [value] if kind == "array" and isinstance(value, dict) else value
