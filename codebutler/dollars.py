"""Dollars as people read them. A cap is shown as it is set: rounding it would make a refusal look wrong."""

from __future__ import annotations

_PLACES = 9
"""The store counts billionths."""


def exact(usd: float) -> str:
    """``$5.00``, ``$0.005``: cents at least, and as many places as the amount has."""
    whole, _, rest = f"{usd:.{_PLACES}f}".partition(".")
    return f"${whole}.{rest.rstrip('0').ljust(2, '0')}"
