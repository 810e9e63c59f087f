"""Replies of the executor as typed values. Everything is bounded, and nothing is believed."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Literal, cast

from codebutler.errors import ToolFailed
from codebutler.sandbox.client import plain_text
from codebutler.sandbox.settings import FileChange
from codebutler.types import Picture, ToolResult

TEXT = 256 * 1024
"""Most characters of one text."""
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_DETAILS = 64 * 1024
_IMAGE = 2 * 1024 * 1024
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def tool_result(reply: dict[str, Any]) -> ToolResult:
    """What the model reads and what people see of an MCP result; an odd shape is no success."""
    texts = [
        plain_text(each.get("text"), TEXT) for each in as_list(reply.get("content")) if isinstance(each, dict)
    ]
    meta = reply.get("_meta")
    details = meta.get("codebutler") if isinstance(meta, dict) else None
    if not isinstance(details, dict):
        details = {}
    if len(json.dumps(details)) > _DETAILS:  # such as the diff of a large file; what was written stays known
        details = {key: details[key] for key in ("path", "paths") if key in details}
        details = details if len(json.dumps(details)) <= _DETAILS else {}
    pictures = tuple(each for item in as_list(reply.get("content"))[:4] if (each := picture(item)))
    text = "\n".join(each for each in texts if each)[:TEXT]
    return ToolResult(text, ok=reply.get("isError") is False, details=details, pictures=pictures)


def picture(item: object) -> Picture | None:
    """A picture; None for anything else or too large."""
    if not isinstance(item, dict) or str(item.get("mimeType")) not in _PICTURES:
        return None
    data = item.get("data")
    if not isinstance(data, str) or len(data) > _IMAGE:
        return None
    try:
        return Picture(item["mimeType"], as_bytes(data))
    except ToolFailed:
        return None


def as_list(value: object) -> list[Any]:
    """The list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_sha(value: object) -> str:
    """A full object name. Raises ToolFailed for anything else."""
    if not isinstance(value, str) or not _SHA.fullmatch(value):
        raise ToolFailed(f"not a full object name: {str(value)[:80]!r}")
    return value


def as_bytes(value: object) -> bytes:
    """Bytes from base64. Raises ToolFailed for anything else."""
    try:
        return base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ToolFailed("the sandbox answered nonsense: not base64") from error


def as_change(value: object) -> FileChange:
    """A changed path. Raises ToolFailed for anything else."""
    path, kind = (value.get("path"), value.get("kind")) if isinstance(value, dict) else (None, None)
    if not isinstance(path, str) or kind not in ("added", "modified", "deleted"):
        raise ToolFailed("the sandbox answered nonsense: a change")
    return FileChange(plain_text(path, 4096), cast("Literal['added', 'modified', 'deleted']", kind))
