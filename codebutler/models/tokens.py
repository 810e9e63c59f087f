"""How many tokens a request will be, without the model's vocabulary: a cheap estimate on the high side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from codebutler.types import Json, Message

BYTES_PER_TOKEN = 3.6
"""English prose has about 4.2, code about 3.3; a little low so that a reservation rather holds too much."""
PER_MESSAGE = 6
PER_IMAGE = 1600


def estimate_text(text: str) -> int:
    """Tokens of plain text."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size * 10 // int(BYTES_PER_TOKEN * 10))


def estimate(messages: Sequence[Message], tools: Sequence[Json] = ()) -> int:
    """Tokens of a request's messages, and of its tools in wire form."""
    total = sum(PER_MESSAGE + sum(_parts(m)) for m in messages)
    return total + (estimate_text(json.dumps(list(tools), ensure_ascii=False)) if tools else 0)


def _parts(message: Message) -> Iterable[int]:
    """The estimate of each part of one message."""
    for key, value in message.items():
        if key == "content" and isinstance(value, list):
            yield from (_content_part(part) for part in value)
        elif isinstance(value, str):
            yield estimate_text(value)
        elif value:
            yield estimate_text(json.dumps(value, ensure_ascii=False))


def _content_part(part: Any) -> int:  # noqa: ANN401 - whatever stands in a content list
    if isinstance(part, dict) and part.get("type") == "image_url":
        return PER_IMAGE
    return estimate_text(part.get("text") or "") if isinstance(part, dict) else estimate_text(str(part))


class Meter:
    """Corrects estimates by what a provider counted. One for each model; plain numbers, no clock."""

    def __init__(self) -> None:
        """Begin with the bare estimate."""
        self.ratio = 1.0

    def observe(self, estimated: int, counted: int) -> None:
        """Learn from one call. Tiny requests say little and are left out."""
        if estimated >= 200 and counted > 0:
            seen = min(2.0, max(0.5, counted / estimated))
            self.ratio += 0.3 * (seen - self.ratio)

    def correct(self, estimated: int) -> int:
        """The estimate as experience has it."""
        return round(estimated * self.ratio)
