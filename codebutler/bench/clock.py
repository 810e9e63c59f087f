"""Medians of rounds that alternate between what is measured and its floor, so that both see the same load."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Rounds:
    """How often things are measured: at most ``most`` times, whatever a row would like."""

    most: int
    said: Callable[[str], None] = field(default=lambda _: None)
    """Is told what is measured next."""

    def of(self, wanted: int) -> range:
        """The rounds of a row that wants so many; the first one only warms up."""
        return range(max(1, min(wanted, self.most)) + 1)


async def alternate(
    rounds: range, ours: Callable[[], Awaitable[object]], floor: Callable[[], object]
) -> tuple[float, float]:
    """Medians in milliseconds of both. The floor is called as it is: no loop, no thread between."""
    mine: list[float] = []
    least: list[float] = []
    for _ in rounds:
        least.append(spent(floor))
        began = time.perf_counter()
        await ours()
        mine.append((time.perf_counter() - began) * 1000)
    return median(mine), median(least)


def spent(work: Callable[[], object]) -> float:
    """Milliseconds of one go."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def median(figures: Sequence[float]) -> float:
    """Without the first one, which warmed up."""
    return statistics.median(figures[1:])
