"""How much a reply may be asked for: no more than the model can write, or than its window leaves."""

from __future__ import annotations

import re

from msgspec import Struct

LEAST = 256
"""Tokens that are asked for however full a window seems: its server knows better whether they fit."""
SPARE = 64
"""Tokens of a window that stay free, as an estimate of the prompt is none of the server's own."""
_SMALLEST, _LARGEST = 1_000, 10**9
"""Tokens that a window can have."""
_OF_OUTPUT = re.compile(
    r"max_(?:completion_|output_|new_)?tokens|max(?:imum)? tokens|maxoutputtokens"
    r"|(?:output|completion) tokens"
)
_MOST = re.compile(
    r"(?:at most|maximum (?:of|is)|limit of|less than or equal to|<=|between [01] and|\[[01],) ?(\d+)"
    r"|> (\d+),? which is the maximum|1 \(inclusive\) to (\d+) \(inclusive"
)
_BELOW = re.compile(r"to (\d+) \(exclusive")
_WINDOW = re.compile(
    r"context (?:length|window|size)(?: is| of|:)? (\d+)|inputs tokens \+ max_new_tokens must be <= (\d+)"
    r"|\d+ \+ \d+ > (\d+)"
)
_MINUTE = re.compile(r"request too large.{0,300}\blimit:? (\d+)")
_WANTED = re.compile(r"\brequested:? (\d+)")
"""What one request may have of a minute's tokens is a window, too; servers differ in what they count."""
_TOTAL = re.compile(r"requested (?:about |a total of )?(\d+) tokens")
_PROMPT = re.compile(
    r"(\d+) (?:input tokens|inputs tokens|of text input|tokens from the input messages"
    r"|(?:tokens )?in (?:the|your) (?:messages|prompt))"
    r"|(\d+) \+ \d+ > \d+|resulted in (\d+) tokens"
)


class Bounds(Struct, frozen=True):
    """What a refusal says, in tokens; 0 where it does not."""

    window: int = 0
    prompt: int = 0
    """What the prompt takes of the window."""
    most: int = 0
    """What the model can write."""
    over: int = 0
    """What the request has too much."""


def read(said: str, sent: int) -> Bounds:
    """The figures of a refusal of a request for ``sent`` tokens."""
    words = re.sub(r"[`'\"]", "", re.sub(r"(?<=\d),(?=\d{3}\b)", "", said.lower()))
    if minute := _figure(_MINUTE, words):
        return Bounds(minute, over=max(0, _figure(_WANTED, words) - minute))
    window = _figure(_WINDOW, words)
    if window:
        total = _figure(_TOTAL, words)
        return Bounds(window, total - sent if total > sent else _figure(_PROMPT, words))
    if not _OF_OUTPUT.search(words):
        return Bounds()
    return Bounds(most=_figure(_MOST, words) or max(0, _figure(_BELOW, words) - 1))


def _figure(pattern: re.Pattern[str], words: str) -> int:
    found = pattern.search(words)
    digits = next(filter(None, found.groups())) if found else "0"
    return int(digits) if len(digits) < len(str(_LARGEST)) else 0


class Room:
    """What one model's refusals have told of its bounds. Tokens; 0 = nothing yet."""

    def __init__(self) -> None:
        """Nothing is refused yet."""
        self.window = 0
        self._most = 0

    def bound(self, wanted: int, prompt: int, *, window: int, listed: int) -> int:
        """What to ask for, ``wanted`` at most.

        ``prompt`` is estimated. ``window``, ``listed`` (what the model can write): of lists, 0 for nothing.
        """
        most = min(filter(None, (wanted, self._most, listed)))
        window = self.window or window
        return min(most, max(LEAST, window - prompt - SPARE)) if window else most

    def learn(self, told: Bounds, sent: int, prompt: int) -> int:
        """What to ask for in place of ``sent``, which was refused; 0 if ``told`` shows no way."""
        if _SMALLEST <= told.window <= _LARGEST:
            self.window = told.window
            left = sent - told.over if told.over else told.window - (told.prompt or prompt + SPARE)
            return left if LEAST <= left < sent else 0
        if 0 < told.most < sent:
            self._most = told.most
            return told.most
        return 0
