"""Our own table of list prices, in US dollars; routing.py knows what providers say themselves."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from codebutler.types import Usage

MILLION = 1_000_000
_DATE = re.compile(r"-(?:20\d{6}|20\d{2}-\d{2}-\d{2})$")


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens, and sizes in tokens. ``cached`` is for input that the provider had kept."""

    input: float
    cached: float
    output: float
    context: int
    max_output: int
    sees: bool = False
    """Whether it takes pictures."""

    def cost(self, usage: Usage) -> float:
        """Dollars for what a provider counted; ``usage.cached`` is part of ``usage.input``."""
        cached = min(usage.cached, usage.input)
        fresh = usage.input - cached
        return (fresh * self.input + cached * self.cached + usage.output * self.output) / MILLION


def price(model: str) -> Price | None:
    """The list price of a model id, with or without vendor, release date or variant; None if unknown."""
    name, _, variant = model.strip().lower().partition(":")
    table = _table()
    found = table.get(_plain(name)) or table.get(_plain(name.rpartition("/")[2]))
    if found is not None and variant == "free":
        return replace(found, input=0.0, cached=0.0, output=0.0)
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
        entry = Price(float(row[0]), float(row[1]), float(row[2]), int(row[3]), int(row[4]), bool(row[5]))
        table[_plain(model)] = entry
        table[_plain(model.rpartition("/")[2])] = entry
    return table
