"""JSON of strangers, also with numbers of more digits than Python turns into an integer at once."""

from __future__ import annotations

import json
from typing import Any

_DIGITS = 400
"""More than these make no number that means anything; a float of so many is infinite."""


def loads(text: str | bytes | bytearray) -> Any:  # noqa: ANN401 - whatever JSON came in
    """As ``json.loads``; an endless integer is an infinite float. ValueError or RecursionError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return json.loads(text, parse_int=_whole)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < _DIGITS else float(digits)
