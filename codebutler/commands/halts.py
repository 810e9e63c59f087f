"""Words that stop work under way: alone, or as the first clause of a message that says more. Pure."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

_OPENING = r"(?:(?:no|oh|hey|ok|okay|oops|please|actually|sorry|whoa)[\s,;.!]+)*"
_STOP = r"(?:stop|cancel|abort)(?:\s+(?:it|this|that|now|right\s+now|right\s+there|there|everything))?"
_WAIT = (
    r"(?:wait(?:\s+up)?|(?:hold|hang)\s+on|hold\s+(?:it|up)|pause(?:\s+(?:it|this))?)"
    r"(?:\s+(?:now|there|(?:for\s+)?(?:just\s+)?(?:a|one)\s+(?:sec|second|moment|minute|bit)))?"
)
_ONE = rf"(?:{_STOP}|{_WAIT})\b(?:,?\s+please)?"
_END = r"(?:\s?(?:[,;!\u2026]|\.(?!\w)|(?<!cancel)(?<!abort):(?=\s))|\s[\u2013\u2014-]\s|\u2014|[^\S\n]?\n)"
"""Where a clause ends. A space alone ends none: "stop using tabs" is about tabs."""
_HALT = re.compile(
    rf"{_OPENING}{_ONE}(?:[\s,;.!\u2026\u2013\u2014-]+{_OPENING}{_ONE})*(?:{_END}(?P<more>.*)|$)",
    re.IGNORECASE | re.DOTALL,
)
_LOOKED_AT = 200
"""Characters in which such a clause must have ended."""


class Halt(Struct, frozen=True):
    """What such words do; ``alone`` when the message says no more than that."""

    command: Literal["cancel", "pause"]
    alone: bool


def halt(text: str) -> Halt | None:
    """ "stop, that's wrong" and "wait" are such words, "wait for the tests, then push" is not."""
    found = _HALT.match(re.sub(r'[*_`"\u201c\u201d]', "", text[:_LOOKED_AT]).strip())
    if found is None:
        return None
    more = found["more"] or ""
    stops = re.search(_STOP, found[0][: len(found[0]) - len(more)], re.IGNORECASE)
    return Halt("cancel" if stops else "pause", alone=re.search(r"\w", more) is None)
