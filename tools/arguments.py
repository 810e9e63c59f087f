"""Checks a call's arguments against the checked-in schema, so that tools may trust types and names."""

from __future__ import annotations

import json
import math
import os
from functools import cache
from typing import Any

import limits
from faults import Fault

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
    return [_scratched(tool) if scratch and "_meta" in tool else tool for tool in schema()]


def _scratched(tool: dict[str, Any]) -> dict[str, Any]:
    return {**tool, "description": tool["_meta"]["codebutler"]["scratch"]}


def check(name: str, arguments: dict[str, Any], form: dict[str, Any]) -> None:
    """Raises Fault naming the argument that is unknown, missing, or of the wrong type."""
    known = form["properties"]
    for key, value in arguments.items():
        if key not in known:
            raise Fault(f"{name} has no argument {limits.cut_line(key, 60)!r}; it takes {', '.join(known)}")
        _check_value(f"{name}: {key}", value, known[key])
    for key in form.get("required", []):
        if key not in arguments:
            raise Fault(f"{name} needs the argument {key!r}")


def _check_value(where: str, value: object, form: dict[str, Any]) -> None:
    kind = form["type"]
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise Fault(f"{where} must be of type {kind}")
    if "enum" in form and value not in form["enum"]:
        raise Fault(f"{where} must be one of {', '.join(form['enum'])}")
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault(f"{where} must be a number")
    if isinstance(value, (int, float)) and value < form.get("minimum", value):
        raise Fault(f"{where} must be at least {form['minimum']}")
    if isinstance(value, list):
        for number, item in enumerate(value, 1):
            _check_value(f"{where}[{number}]", item, form["items"])
            if isinstance(item, dict):
                check(f"{where}[{number}]", item, form["items"])
