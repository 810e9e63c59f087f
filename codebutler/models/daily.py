"""Limits of a day, such as OpenRouter's of its free models: to try again in seconds mends nothing."""

from __future__ import annotations

import re
from typing import Any

_DAILY = re.compile(r"per[-_ ]day\b|free_tier_daily")
DAY = 24 * 3600
_LONG = 16
"""Digits that are no time of this age."""


def until_free(text: str, body: Any, now: float) -> float | None:  # noqa: ANN401 - whatever JSON came in
    """Seconds until the day's calls are given anew, if ``text`` of a refusal speaks of a day; else None.

    The reset that ``body`` states counts (unix time in ms), else midnight UTC. ``now``: unix time.
    """
    if _DAILY.search(text.lower()) is None:
        return None
    midnight = (now // DAY + 1) * DAY
    stated = _reset(body) / 1000
    return (stated if now < stated <= now + DAY else midnight) - now


def _reset(body: Any) -> float:  # noqa: ANN401 - whatever JSON came in
    found = body.get("error", body) if isinstance(body, dict) else None
    for key in ("metadata", "headers", "X-RateLimit-Reset"):
        found = found.get(key) if isinstance(found, dict) else None
    text = str(found) if type(found) in {int, str} else ""
    return float(text) if text.isascii() and text.isdecimal() and len(text) < _LONG else 0.0
