"""A foreign JSON Schema as models and their providers get it: what is understood of it, and nothing else.

A provider refuses a whole request for one odd schema, so a server could stop a thread with it. What is not
sound is left out, which only allows more: the server itself checks what it is called with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from codebutler.types import Json
from codebutler.web.marking import plain
from codebutler.wellformed import well_formed

NESTED, SCHEMA = 200, 6_000
"""Characters of a description within a schema, and of the whole schema."""
_DEEP = 8
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_REF = re.compile(r"#/(\$defs|definitions)/([A-Za-z0-9_.-]{1,64})")
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_ALTERNATIVES = 20
_ROOT = ("properties", "required", "additionalProperties", "description", "$defs", "definitions")
"""What may stand at the top: some providers refuse all else there."""


def schema_of(raw: object) -> Json:
    """The schema of a tool's arguments. Raises ValueError with the reason why there is none."""
    if raw is None:
        raw = {}
    if not isinstance(raw, dict) or raw.get("type", "object") != "object":
        raise ValueError("its schema describes no object")
    top = {key: value for key, value in raw.items() if key in _ROOT}
    for nested in (NESTED, 60, 0):
        schema: Json = {"properties": {}, **_node(top, nested, _DEEP), "type": "object"}
        if len(json.dumps(schema)) <= SCHEMA:
            _need_targets(schema, schema)
            return schema
    raise ValueError(f"its schema is longer than {SCHEMA} characters")


def short(text: str, chars: int) -> str:
    """One line of foreign text without controls, cut at ``chars``."""
    line = " ".join(plain(well_formed(text[: 4 * chars])).split())
    return line if len(line) <= chars else f"{line[: chars - 1]}…"


def _node(raw: object, nested: int, deep: int) -> Json:
    """A schema within the schema; descriptions of at most ``nested`` characters."""
    if not isinstance(raw, dict):
        return {}
    if not deep:
        raise ValueError("its schema is nested too deeply")
    node: Json = {}
    for key, value in raw.items():
        kept = _PLAIN[key](value) if key in _PLAIN else _within(key, value, nested, deep - 1)
        if kept is not None:
            node[key] = kept
    return node


def _within(key: str, value: object, nested: int, deep: int) -> object:
    """The value of a keyword that holds schemas, or their description; None: left out."""
    match key, value:
        case (("properties" | "$defs" | "definitions"), dict()):
            return {_key(name): _node(each, nested, deep) for name, each in value.items()}
        case (("anyOf" | "oneOf" | "allOf"), list()) if value:
            return [_node(each, nested, deep) for each in value[:_ALTERNATIVES]]
        case "items", _:
            return _node(value, nested, deep)
        case "additionalProperties", _:
            return value if isinstance(value, bool) else _node(value, nested, deep)
        case "description", str() if nested:
            return short(value, nested)
    return None


def _key(name: str) -> str:
    if not _KEY.fullmatch(name):
        raise ValueError("its schema has a parameter of a name that is not taken")
    return name


def _need_targets(node: object, root: Mapping[str, Any]) -> None:
    """Every reference leads to a definition that is there."""
    if isinstance(node, dict):
        found = _REF.fullmatch(node["$ref"]) if isinstance(node.get("$ref"), str) else None
        if found is not None and found[2] not in root.get(found[1], {}):
            raise ValueError("its schema refers to what is not in it")
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for each in children:
        _need_targets(each, root)


# ---------------------------------------------------------------- values of keywords; None: left out


def _types(value: object) -> object:
    names = value if isinstance(value, list) else [value]
    sound = names and all(isinstance(each, str) and each in _TYPES for each in names)
    return value if sound and len(set(names)) == len(names) else None


def _value(value: object) -> object:
    if isinstance(value, str):
        return short(value, 200)
    return value if isinstance(value, bool) or _number(value) is not None else None


def _values(value: object) -> object:
    """Of an enum: no two are the same, or all of it goes."""
    if not isinstance(value, list) or not 0 < len(value) <= 100:
        return None
    kept = [None if each is None else _value(each) for each in value]
    lost = any(new is None and old is not None for new, old in zip(kept, value, strict=True))
    return None if lost or len({json.dumps(each) for each in kept}) < len(kept) else kept


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 2**53 else None  # and neither infinite nor no number


def _count(value: object) -> object:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _names(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(e, str) and _KEY.fullmatch(e) for e in value):
        return None
    return list(dict.fromkeys(value))


def _matching(pattern: re.Pattern[str]) -> Callable[[object], object]:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


_PLAIN: Mapping[str, Callable[[object], object]] = {
    "type": _types,
    "enum": _values,
    "const": _value,
    "default": _value,
    "required": _names,
    "format": _matching(re.compile(r"[a-z-]{1,40}")),
    "$ref": _matching(_REF),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _count),
    "uniqueItems": lambda value: value if isinstance(value, bool) else None,
}
