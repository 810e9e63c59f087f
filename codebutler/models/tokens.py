"""How many tokens a request will be: without the model's vocabulary a cheap estimate on the high side."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
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


def estimate(
    messages: Sequence[Message], tools: Sequence[Json] = (), count: Callable[[str], int] = estimate_text
) -> int:
    """Tokens of a request's messages, and of its tools in wire form; ``count`` tells those of a text."""
    total = sum(PER_MESSAGE + sum(_parts(m, count)) for m in messages)
    return total + (count(json.dumps(list(tools), ensure_ascii=False)) if tools else 0)


def _parts(message: Message, count: Callable[[str], int]) -> Iterable[int]:
    """The tokens of each part of one message."""
    for key, value in message.items():
        if key == "content" and isinstance(value, list):
            yield from (_content_part(part, count) for part in value)
        elif isinstance(value, str):
            yield count(value)
        elif value:
            yield count(json.dumps(value, ensure_ascii=False))


def _content_part(part: Any, count: Callable[[str], int]) -> int:  # noqa: ANN401 - whatever stands there
    if isinstance(part, dict) and part.get("type") == "image_url":
        return PER_IMAGE
    return count(part.get("text") or "") if isinstance(part, dict) else count(str(part))


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
