"""What Discord refuses, by its published limits and error codes. Lengths are characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codebutler.types import Json

CONTENT = 2_000
EMBEDS = 6_000
V2 = 1 << 15
"""The flag of a message that is made of components only."""
LAYOUT_TEXT = 4_000
LETTERS = 8_000
_STATUS = {10: 404, 50001: 403, 50013: 403, 50021: 400, 50027: 401}


class Refused(Exception):
    """An answer of Discord's with a code of its own."""

    def __init__(self, code: int, message: str, *, status: int = 0, errors: Json | None = None) -> None:
        """``errors`` is the tree that says which field is wrong."""
        super().__init__(message)
        known = _STATUS.get(code, 404 if 10_000 <= code < 20_000 else 400)
        self.status = status or known
        self.body: Json = {"message": message, "code": code, **({"errors": errors} if errors else {})}


def invalid(field: str, why: str) -> Refused:
    """A body that does not fit."""
    tree: Json = {"_errors": [{"code": "BASE_TYPE_BAD_LENGTH", "message": why}]}
    for part in reversed(field.split(".")):
        tree = {part: tree}
    return Refused(50035, "Invalid Form Body", errors=tree)


def message(given: Mapping[str, Any], *, files: int = 0) -> None:
    """Raise Refused for a message that Discord would not take."""
    content, embeds = str(given.get("content") or ""), given.get("embeds") or []
    rows, layout = given.get("components") or [], int(given.get("flags") or 0) & V2
    if layout:
        if content or embeds:
            raise invalid("content", "The 'content' field cannot be used with MessageFlags.IS_COMPONENTS_V2")
        _layout(rows)
        return
    if not content.strip() and not embeds and not files and not rows and not given.get("sticker_ids"):
        raise Refused(50006, "Cannot send an empty message")
    if len(content) > CONTENT:
        raise invalid("content", f"Must be {CONTENT} or fewer in length.")
    if len(str(given.get("nonce") or "")) > 25:
        raise invalid("nonce", "Must be 25 or fewer in length.")
    _embeds(embeds)
    _rows(rows)
    if files > 10:
        raise invalid("attachments", "Must be 10 or fewer in length.")


def _embeds(embeds: Sequence[Json]) -> None:
    if len(embeds) > 10:
        raise invalid("embeds", "Must be 10 or fewer in length.")
    total = 0
    for number, embed in enumerate(embeds):
        for name, most in (("title", 256), ("description", 4_096)):
            if len(str(embed.get(name) or "")) > most:
                raise invalid(f"embeds.{number}.{name}", f"Must be {most} or fewer in length.")
            total += len(str(embed.get(name) or ""))
        fields = embed.get("fields") or []
        if len(fields) > 25:
            raise invalid(f"embeds.{number}.fields", "Must be 25 or fewer in length.")
        for field in fields:
            if not 0 < len(field["name"]) <= 256 or not 0 < len(field["value"]) <= 1_024:
                raise invalid(f"embeds.{number}.fields", "Must be between 1 and 1024 in length.")
            total += len(field["name"]) + len(field["value"])
        footer = str((embed.get("footer") or {}).get("text") or "")
        if len(footer) > 2_048:
            raise invalid(f"embeds.{number}.footer", "Must be 2048 or fewer in length.")
        total += len(footer)
    if total > EMBEDS:
        raise invalid("embeds", f"Embed size exceeds maximum size of {EMBEDS}")


def _rows(rows: Sequence[Json]) -> None:
    if len(rows) > 5:
        raise invalid("components", "Must be 5 or fewer in length.")
    seen: set[str] = set()
    for number, row in enumerate(rows):
        where = f"components.{number}"
        inside = row.get("components") or []
        if row.get("type") != 1:
            raise invalid(where, 'Value of field "type" must be one of (1,).')
        if not 1 <= len(inside) <= 5:
            raise invalid(where, "Must be between 1 and 5 in length.")
        for each in inside:
            _part(each, where, seen)


def _part(each: Json, where: str, seen: set[str]) -> None:
    name = str(each.get("custom_id") or "")
    if each.get("type") not in {2, 3, 4, 5, 6, 7, 8} or len(name) > 100:
        raise invalid(where, "Must be 100 or fewer in length.")
    if each["type"] == 2 and each.get("style") != 5 and not name:
        raise invalid(where, "A custom id is required")
    if name and name in seen:
        raise invalid(where, "Component custom id cannot be duplicated")
    if len(str(each.get("label") or "")) > 80:
        raise invalid(where, "Must be 80 or fewer in length.")
    if each["type"] == 3 and not 1 <= len(each.get("options") or []) <= 25:
        raise invalid(where, "Must be between 1 and 25 in length.")
    seen.add(name)


def _layout(parts: Sequence[Json]) -> None:
    count = text = 0
    waiting = list(parts)
    while waiting:
        part = waiting.pop()
        count += 1
        text += len(str(part.get("content") or ""))
        waiting += part.get("components") or []
    if not 0 < count <= 40:
        raise invalid("components", "The total number of components must be between 1 and 40.")
    if text > LAYOUT_TEXT:
        raise invalid("components", f"The total text must be {LAYOUT_TEXT} or fewer in length.")


def modal(given: Mapping[str, Any]) -> None:
    """Raise Refused for a form that Discord would not show."""
    if not 0 < len(str(given.get("title") or "")) <= 45:
        raise invalid("data.title", "Must be between 1 and 45 in length.")
    if not 0 < len(str(given.get("custom_id") or "")) <= 100:
        raise invalid("data.custom_id", "Must be between 1 and 100 in length.")
    rows = given.get("components") or []
    if not 1 <= len(rows) <= 5:
        raise invalid("data.components", "Must be between 1 and 5 in length.")
    for row in rows:
        field = row["component"] if row.get("type") == 18 else row["components"][0]
        label = str(row.get("label") if row.get("type") == 18 else field.get("label") or "")
        if not 0 < len(label) <= 45 or len(str(field.get("value") or "")) > 4_000:
            raise invalid("data.components", "Must be between 1 and 45 in length.")


def commands(given: Sequence[Json]) -> None:
    """Raise Refused for application commands that Discord would not register."""
    if len(given) > 100:
        raise invalid("_", "Must be 100 or fewer in length.")
    for command in given:
        _named(command)
        if _letters(command) > LETTERS:
            raise invalid("_", f"Command exceeds maximum size ({LETTERS})")


def _letters(given: Any) -> int:  # noqa: ANN401 - any part of a command
    """Characters of all names, descriptions and values in it."""
    if isinstance(given, list):
        return sum(_letters(each) for each in given)
    if not isinstance(given, dict):
        return 0
    own = sum(len(str(given[key])) for key in ("name", "description", "value") if key in given)
    return own + sum(_letters(each) for each in given.values())


def _named(given: Json) -> None:
    name = str(given.get("name") or "")
    if given.get("type", 1) in {2, 3} and "options" not in given:  # a menu's entry: its name is free
        return
    fine = 0 < len(name) <= 32 and name == name.lower() and name.replace("-", "").replace("_", "").isalnum()
    if not fine:
        raise invalid("name", "Command name is invalid")
    if not 0 < len(str(given.get("description") or "")) <= 100:
        raise invalid("description", "Must be between 1 and 100 in length.")
    options = given.get("options") or []
    if len(options) > 25:
        raise invalid("options", "Must be 25 or fewer in length.")
    needed = [bool(option.get("required")) for option in options]
    if needed != sorted(needed, reverse=True):
        raise invalid("options", "Required options must be placed before non-required options")
    for option in options:
        if len(option.get("choices") or []) > 25:
            raise invalid("choices", "Must be 25 or fewer in length.")
        _named({**option, "type": 1})
