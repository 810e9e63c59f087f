"""Text from outside as valid Unicode: JSON may carry half of a surrogate pair, which no file takes."""

from __future__ import annotations

import json
from typing import TypeVar

T = TypeVar("T")


def well_formed(value: T) -> T:
    """``value``, anything that JSON can hold, with ``?`` for every half of a surrogate pair."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        mended: T = json.loads(text.encode("utf-8", "replace"))
        return mended
    return value
