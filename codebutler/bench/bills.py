"""What a run of the benchmark would cost at list prices, of what its client sent."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from pathlib import Path

from codebutler.bench.recording import SENT
from codebutler.errors import CodeButlerError
from codebutler.models.prices import price
from codebutler.types import Usage

PRICED = "openai/gpt-5"
"""A model whose provider keeps prompts by itself: no client has to ask for it."""
BYTES_PER_TOKEN = 4
OUTPUT = 20
"""Tokens of each scripted answer."""
_LEAST = 1024
"""Tokens below which no prompt is kept."""


def dollars(requests: Iterable[tuple[int, int]]) -> float:
    """The bill for requests of so many bytes, of which so many were sent before."""
    known = price(PRICED)
    if known is None:
        raise CodeButlerError(f"there is no list price of {PRICED}")
    usages = (
        Usage(input=size // BYTES_PER_TOKEN, cached=_kept(before // BYTES_PER_TOKEN), output=OUTPUT)
        for size, before in requests
    )
    return sum(known.cost(usage) for usage in usages)


def _kept(tokens: int) -> int:
    return tokens if tokens >= _LEAST else 0


def bill(out: Path, client: str, script: str) -> tuple[float, float] | None:
    """Medians over the runs in ``out``: dollars, and the share of bytes sent before. None: no run."""
    files = out.glob(f"{client}.{script}.[0-9]*{SENT}")
    # a client that broke before its first request has nothing to bill
    runs = [run for file in files if (run := json.loads(file.read_text(encoding="utf-8")))]
    if not runs:
        return None
    again = [sum(before for _, before in run) / sum(size for size, _ in run) for run in runs]
    return statistics.median(dollars(run) for run in runs), statistics.median(again)
