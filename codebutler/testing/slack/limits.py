"""What Slack refuses in messages and views, by the published limits of Block Kit. Lengths are characters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from codebutler.types import Json

Value: TypeAlias = Any
"""Whatever JSON held."""
TEXT = 40_000
BLOCKS = 50
VIEW_BLOCKS = 100
MARKDOWN = 12_000
ALL_BLOCKS = 13_200
"""Characters over all blocks of a message."""


class Refused(Exception):
    """A call that Slack answers with ``{"ok": false, "error": …}``."""

    def __init__(self, error: str, *messages: str, **more: Value) -> None:
        """``messages`` say where a block is wrong, as ``response_metadata`` does."""
        super().__init__(error)
        self.error = error
        self.messages = list(messages)
        self.more = more


def message(args: Mapping[str, Value]) -> None:
    """Raise Refused for a message that Slack would not take."""
    text, blocks = str(args.get("text") or ""), args.get("blocks") or []
    if not text and not blocks and not args.get("attachments") and not args.get("markdown_text"):
        raise Refused("no_text")
    if len(text) > TEXT:
        raise Refused("msg_too_long")
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    check(blocks, most=BLOCKS)
    if sum(len(part) for part in _words(blocks)) > ALL_BLOCKS:
        raise Refused("msg_blocks_too_long")
    metadata = args.get("metadata")
    if metadata is not None:
        shape = isinstance(metadata, dict) and isinstance(metadata.get("event_type"), str)
        if not shape or not isinstance(metadata.get("event_payload"), dict):
            raise Refused("invalid_metadata_format")
        if len(json.dumps(metadata)) > 8_000:
            raise Refused("metadata_too_large")


def view(given: Value) -> None:
    """Raise Refused for a modal or home tab that Slack would not take."""
    if not isinstance(given, dict) or given.get("type") not in {"modal", "home"}:
        raise Refused("invalid_arguments", "[ERROR] must provide a view of type modal or home")
    if given["type"] == "modal":
        _plain(given.get("title"), 24, "/title")
        for name in ("submit", "close"):
            if name in given:
                _plain(given[name], 24, f"/{name}")
    if len(str(given.get("private_metadata", ""))) > 3_000 or len(str(given.get("callback_id", ""))) > 255:
        raise Refused("invalid_arguments", "[ERROR] too long")
    if any(b.get("type") == "input" for b in given.get("blocks", [])) and given["type"] == "modal":
        _require("submit" in given, "/submit", "a modal with inputs needs a submit")
    check(given.get("blocks"), most=VIEW_BLOCKS, inputs=given["type"] == "modal")


def check(blocks: Value, *, most: int, inputs: bool = False) -> None:
    """Raise Refused ``invalid_blocks`` with the place that is wrong."""
    _require(
        isinstance(blocks, list) and len(blocks) <= most, "/blocks", f"no more than {most} items allowed"
    )
    seen: set[str] = set()
    markdown = 0
    for number, block in enumerate(blocks):
        at = f"/blocks/{number}"
        _require(isinstance(block, dict), at, "must be an object")
        kind = block.get("type")
        _require(kind in _KINDS and (inputs or kind != "input"), f"{at}/type", f"unsupported type: {kind}")
        name = block.get("block_id")
        if name is not None:
            _require(0 < len(name) <= 255 and name not in seen, f"{at}/block_id", "too long, or there twice")
            seen.add(name)
        _KINDS[kind](block, at)
        markdown += len(block["text"]) if kind == "markdown" else 0
    _require(markdown <= MARKDOWN, "/blocks", f"markdown blocks hold {MARKDOWN} characters together")


def _require(good: bool, at: str, what: str) -> None:
    if not good:
        raise Refused("invalid_blocks", f"[ERROR] {what} [json-pointer:{at}]")


def _text(given: Value, most: int, at: str, kinds: Sequence[str] = ("mrkdwn", "plain_text")) -> None:
    _require(isinstance(given, dict) and given.get("type") in kinds, at, "must be a text object")
    words = given.get("text")
    _require(
        isinstance(words, str) and 0 < len(words) <= most, f"{at}/text", f"must have 1 to {most} characters"
    )
    extra = set(given) - {"type", "text", "emoji", "verbatim"}
    _require(not extra, at, f"unexpected keys {sorted(extra)}")


def _plain(given: Value, most: int, at: str) -> None:
    _text(given, most, at, ("plain_text",))


def _section(block: Json, at: str) -> None:
    _require("text" in block or "fields" in block, at, "missing text or fields")
    if "text" in block:
        _text(block["text"], 3_000, f"{at}/text")
    for number, field in enumerate(block.get("fields", [])):
        _require(number < 10, at, "no more than 10 fields")
        _text(field, 2_000, f"{at}/fields/{number}")
    if "accessory" in block:
        _element(block["accessory"], f"{at}/accessory")


def _header(block: Json, at: str) -> None:
    _plain(block.get("text"), 150, f"{at}/text")


def _divider(block: Json, at: str) -> None:
    _require(set(block) <= {"type", "block_id"}, at, "unexpected keys")


def _context(block: Json, at: str) -> None:
    elements = block.get("elements")
    _require(isinstance(elements, list) and 0 < len(elements) <= 10, at, "1 to 10 elements")
    for number, element in enumerate(elements or []):
        if element.get("type") != "image":
            _text(element, 3_000, f"{at}/elements/{number}")


def _actions(block: Json, at: str) -> None:
    elements = block.get("elements")
    _require(isinstance(elements, list) and 0 < len(elements) <= 25, at, "1 to 25 elements")
    names = [e.get("action_id") for e in elements or []]
    _require(len(names) == len(set(names)), at, "action_id must be unique in a block")
    for number, element in enumerate(elements or []):
        _element(element, f"{at}/elements/{number}")


def _element(element: Json, at: str) -> None:
    kind = element.get("type")
    _require(kind in {"button", "static_select", "overflow"}, f"{at}/type", f"unsupported type: {kind}")
    _require(0 < len(element.get("action_id", "x")) <= 255, f"{at}/action_id", "too long")
    if kind == "button":
        _plain(element.get("text"), 75, f"{at}/text")
        _require(len(element.get("value", "")) <= 2_000, f"{at}/value", "too long")
        _require(element.get("style", "primary") in {"primary", "danger"}, f"{at}/style", "primary or danger")
        known = {"type", "text", "action_id", "value", "style", "url", "confirm", "accessibility_label"}
        _require(set(element) <= known, at, f"unexpected keys {sorted(set(element) - known)}")
        return
    options = element.get("options")
    _require(isinstance(options, list) and 0 < len(options) <= 100, at, "1 to 100 options")
    for number, option in enumerate(options or []):
        _plain(option.get("text"), 75, f"{at}/options/{number}/text")
        _require(0 < len(option.get("value", "")) <= 150, f"{at}/options/{number}/value", "too long")


def _markdown(block: Json, at: str) -> None:
    words = block.get("text")
    good = isinstance(words, str) and 0 < len(words) <= MARKDOWN
    _require(good, f"{at}/text", f"must have 1 to {MARKDOWN} characters")
    _require(set(block) <= {"type", "block_id", "text"}, at, "unexpected keys")


def _image(block: Json, at: str) -> None:
    _require("image_url" in block or "slack_file" in block, at, "missing image_url or slack_file")
    _require(0 < len(block.get("alt_text", "")) <= 2_000, f"{at}/alt_text", "missing or too long")


def _input(block: Json, at: str) -> None:
    _plain(block.get("label"), 2_000, f"{at}/label")
    element = block.get("element", {})
    kinds = {"plain_text_input", "static_select", "checkboxes", "number_input"}
    _require(element.get("type") in kinds, f"{at}/element/type", "unsupported type")
    _require(len(element.get("initial_value", "")) <= 3_000, f"{at}/element/initial_value", "too long")


def _rich_text(block: Json, at: str) -> None:
    _require(isinstance(block.get("elements"), list), f"{at}/elements", "must be a list")


_KINDS: Mapping[str, Callable[[Json, str], None]] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "markdown": _markdown,
    "image": _image,
    "input": _input,
    "rich_text": _rich_text,
}


def _words(value: Value) -> Iterator[str]:
    """Every text that a block shows."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
