"""Our own table of list prices, in US dollars; routing.py knows what providers say themselves."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from codebutler.types import Usage

MILLION = 1_000_000
_DATE = re.compile(r"-(?:20\d{6}|20\d{2}-\d{2}-\d{2})$")


class Price(Struct, frozen=True):
    """Dollars per million tokens, and sizes in tokens.

    ``cached`` is for input that the provider had kept, ``written`` for input that it begins to keep with
    this call; None: that costs what fresh input does.
    """

    input: float
    cached: float
    output: float
    context: int
    max_output: int
    sees: bool = False
    """Whether it takes pictures."""
    written: float | None = None

    def cost(self, usage: Usage) -> float:
        """Dollars for what a provider counted; ``cached`` and ``written`` are parts of ``usage.input``."""
        cached = min(usage.cached, usage.input)
        written = min(usage.written, usage.input - cached) if self.written is not None else 0
        fresh = usage.input - cached - written
        kept = cached * self.cached + written * (self.written or 0.0)
        return (fresh * self.input + kept + usage.output * self.output) / MILLION


def price(model: str) -> Price | None:
    """The list price of a model id, with or without vendor, release date or variant; None if unknown."""
    name, _, variant = model.strip().lower().partition(":")
    table = _table()
    found = table.get(_plain(name)) or table.get(_plain(name.rpartition("/")[2]))
    if found is not None and variant == "free":
        return replace(found, input=0.0, cached=0.0, output=0.0, written=None)
    return found


def _plain(name: str) -> str:
    """One spelling of the many: no date, dashes for dots."""
    return _DATE.sub("", name).replace(".", "-")


@cache
def _table() -> dict[str, Price]:
    """By vendor/name and by bare name, in the plain spelling."""
    models = json.loads(Path(__file__).with_name("prices.json").read_text())["models"]
    table: dict[str, Price] = {}
    for model, row in models.items():
        fresh, kept, output, context, most, sees, written = (*row, None)[:7]
        entry = Price(
            float(fresh), float(kept), float(output), int(context), int(most), bool(sees), written=written
        )
        table[_plain(model)] = entry
        table[_plain(model.rpartition("/")[2])] = entry
    return table
