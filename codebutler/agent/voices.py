"""A transcript that another model takes over: what only its author can read is left out on the way.

What stands in a transcript never changes. A reply remembers who gave it; a model gets its own replies as they
were, and those of others without their reasoning (signed, or in a dialect of their provider) and with
tool call ids that every provider takes: Mistral's are the shortest, nine letters or digits.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from codebutler.models.quirks import EXTRA
from codebutler.types import Message

_COMMON = frozenset({"role", "content", "tool_calls"})
"""What an assistant's message has in every dialect."""
_ID = re.compile(r"[A-Za-z0-9]{9}")

_NAME = re.compile(r"[^A-Za-z0-9_-]")
"""What no provider takes in a tool's name, whoever wrote it."""
_HALF = r"\ud"
"""How half of a character begins that JSON spells in two."""
_SHOWN = 2_000
"""Characters of arguments that nobody can read which their author sees again."""


class Said(dict[str, Any]):
    """A reply in wire form, and the model that gave it."""

    def __init__(self, message: Message, model: str) -> None:
        """``message`` as it is sent back to ``model``."""
        super().__init__(message)
        self.model = model


def takeable(name: str) -> str:
    """A called tool's name as every server takes it back; one that the model made up may hold anything."""
    return _NAME.sub("_", name)[:64] or "_"


def whole(arguments: str) -> bool:
    """Whether a call's arguments are a JSON object that can be sent on: half a character cannot."""
    try:
        found = json.loads(arguments)
        if _HALF in arguments.lower():
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False  # cut at the limit, or never JSON
    return isinstance(found, dict)


def readable(arguments: str) -> str:
    """A call's arguments as every server takes them back: some read them, and would refuse all that follows.

    ``arguments`` itself if it is a JSON object, else one that quotes it.
    """
    if whole(arguments):
        return arguments
    return json.dumps({"unreadable": arguments[:_SHOWN]})


def fitted(messages: Sequence[Message], model: str) -> list[Message]:
    """The messages as ``model`` gets them; the same objects, but for what others said in their own way."""
    ids: dict[str, str] = {}
    found: list[Message] = []
    for message in messages:
        if isinstance(message, Said) and message.model != model:
            found.append(_foreign(message, ids))
        elif message.get("tool_call_id") in ids:
            found.append({**message, "tool_call_id": ids[message["tool_call_id"]]})
        else:
            found.append(message)
    return found


def _foreign(message: Message, ids: dict[str, str]) -> Message:
    plain: Message = {key: value for key, value in message.items() if key in _COMMON}
    if "tool_calls" in plain:
        plain["tool_calls"] = [_renamed(call, ids) for call in plain["tool_calls"]]
    return plain


def _renamed(call: Mapping[str, Any], ids: dict[str, str]) -> Mapping[str, Any]:
    old, plain = str(call["id"]), {key: value for key, value in call.items() if key != EXTRA}
    if _ID.fullmatch(old):
        return plain
    digest = hashlib.sha256(old.encode(errors="surrogatepass")).digest()
    ids[old] = base64.b32encode(digest).decode()[:9]
    return {**plain, "id": ids[old]}
