"""How many tokens a request will be: without the model's vocabulary a cheap estimate on the high side."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct

from codebutler.types import Json, Message

_K = TypeVar("_K")
_V = TypeVar("_V")
BYTES_PER_TOKEN = 3.6
"""English prose has about 4.2, code about 3.3; a little low so that a reservation rather holds too much."""
PER_MESSAGE = 6
PER_IMAGE = 1600
KEPT = 128
"""Transcripts, and lists of tools, whose count is remembered; the one longest not used goes first."""

_TINY, _SMALL = 200, 1_000
"""Tokens of requests that teach a meter nothing, and little."""
_RATIO = 8.0
"""What a provider counts for one token of ours, at most."""

Count: TypeAlias = Callable[[str], int]
"""The tokens of a text."""


def estimate_text(text: str) -> int:
    """Tokens of plain text."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size * 10 // int(BYTES_PER_TOKEN * 10))


class _Counted(Struct):
    """The part of a transcript that was counted: its first and last message, how many, and their tokens."""

    first: Message
    last: Message
    many: int
    tokens: int

    def begins(self, transcript: Sequence[Message]) -> bool:
        return self.many <= len(transcript) and transcript[self.many - 1] is self.last


class Sizes:
    """Tokens of requests. A transcript grows at its end only: what was counted is not counted again."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._transcripts: OrderedDict[tuple[int, Count], _Counted] = OrderedDict()
        self._tools: OrderedDict[tuple[object, ...], tuple[list[Json], int]] = OrderedDict()

    def estimate(
        self, messages: Sequence[Message], tools: Sequence[Json] = (), count: Count = estimate_text
    ) -> int:
        """Tokens of a request's messages, and of its tools in wire form; ``count`` tells those of a text."""
        system, transcript = messages[:1], messages[1:]
        return _sum(system, count) + self._transcript(transcript, count) + self._of_tools(tools, count)

    def _transcript(self, transcript: Sequence[Message], count: Count) -> int:
        if not transcript:
            return 0
        key = id(transcript[0]), count
        known = self._transcripts.pop(key, None)
        if known is None or not known.begins(transcript):
            known = _Counted(transcript[0], transcript[0], 0, 0)
        known.tokens += _sum(transcript[known.many :], count)
        known.many, known.last = len(transcript), transcript[-1]
        _keep(self._transcripts, key, known)
        return known.tokens

    def _of_tools(self, tools: Sequence[Json], count: Count) -> int:
        key = (count, *map(id, tools))
        known = self._tools.pop(key, None)
        if known is None:
            listed = list(tools)  # an id names a tool only as long as that is held
            known = listed, count(json.dumps(listed, ensure_ascii=False)) if listed else 0
        _keep(self._tools, key, known)
        return known[1]


def _keep(kept: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    kept[key] = value
    if len(kept) > KEPT:
        kept.popitem(last=False)


def _sum(messages: Sequence[Message], count: Count) -> int:
    return sum(PER_MESSAGE + sum(_parts(m, count)) for m in messages)


def _parts(message: Message, count: Count) -> Iterable[int]:
    """The tokens of each part of one message."""
    for key, value in message.items():
        if key == "content" and isinstance(value, list):
            yield from (_content_part(part, count) for part in value)
        elif isinstance(value, str):
            yield count(value)
        elif value:
            yield count(json.dumps(value, ensure_ascii=False))


def _content_part(part: Any, count: Count) -> int:  # noqa: ANN401 - whatever stands there
    if isinstance(part, dict) and part.get("type") == "image_url":
        return PER_IMAGE
    return count(part.get("text") or "") if isinstance(part, dict) else count(str(part))


class Meter:
    """Corrects estimates by what a provider counted. One for each model; plain numbers, no clock."""

    def __init__(self) -> None:
        """Begin with the bare estimate."""
        self.ratio = 1.0

    def observe(self, estimated: int, counted: int) -> None:
        """Learn from one call: upwards at once, for caps must hold, down step by step.

        Small requests say little, since a provider may add text of its own: tiny ones are left out, and no
        other teaches more than a small ratio.
        """
        if estimated >= _TINY and counted > 0:
            seen = min(_RATIO if estimated >= _SMALL else 2.0, max(0.5, counted / estimated))
            self.ratio += (1.0 if seen > self.ratio else 0.3) * (seen - self.ratio)

    def correct(self, estimated: int) -> int:
        """The estimate as experience has it."""
        return round(estimated * self.ratio)
