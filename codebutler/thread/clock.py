"""The wall clock, and whether somebody sets it while we run."""

from __future__ import annotations

import time
from collections.abc import Callable

DRIFT = 30.0
"""Seconds by which two looks may differ before the clock counts as set: time servers correct less."""


def _steady() -> float:
    """Seconds that go on while the machine sleeps, and that nobody can set."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class Clock:
    """Unix time, compared with a clock that cannot be set."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = _steady) -> None:
        """The two clocks, in seconds."""
        self._wall = wall
        self._steady = steady
        self._apart = wall() - steady()

    def now(self) -> float:
        """Unix time."""
        return self._wall()

    def jumped(self) -> float:
        """Seconds by which the clock was set ahead (or back: below 0) since the last look, else 0.0."""
        apart = self._wall() - self._steady()
        by, self._apart = apart - self._apart, apart
        return by if abs(by) > DRIFT else 0.0
