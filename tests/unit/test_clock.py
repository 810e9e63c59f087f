"""A wall clock that is set, or wrong: noticed while we run, and believed by retention only on another day."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from codebutler.store.store import Store
from codebutler.thread.clock import Clock

DAY = 24 * 3600.0
NOW = 1_795_000_000.0
YEARS = 3650 * DAY


def test_a_clock_that_is_set_is_noticed_once_and_drift_is_not() -> None:
    wall = steady = 1000.0
    clock = Clock(lambda: wall, lambda: steady)
    wall, steady = wall + 60, steady + 50
    assert (clock.jumped(), clock.now()) == (0.0, 1060.0)
    wall, steady = wall + 3600, steady + 10
    assert clock.jumped() == 3590.0
    assert clock.jumped() == 0.0
    wall, steady = wall - 7200, steady + 10
    assert clock.jumped() == -7210.0


@pytest.mark.parametrize(
    ("looks", "sure"),
    [
        ([NOW], 0.0),
        ([NOW, NOW + 3600], 0.0),
        ([NOW, NOW + DAY], NOW),
        ([NOW, NOW + DAY, NOW + DAY + 60], NOW),
        ([NOW, NOW + DAY, NOW + 2 * DAY], NOW + DAY),
        ([NOW, NOW + YEARS], NOW),  # a start with a wrong clock
        ([NOW, NOW + YEARS, NOW + 60], NOW),  # and then it is right again
        ([NOW, NOW + YEARS, NOW + 60, NOW + DAY + 120], NOW + 60),
        ([NOW, NOW + YEARS, NOW + YEARS + DAY, NOW + 60], 0.0),
        ([3 * DAY, NOW], 3 * DAY),  # no clock at the start, then the time came
        ([3 * DAY, NOW, NOW + DAY], NOW),
    ],
)
async def test_how_late_it_is_takes_a_look_on_another_day(
    tmp_path: Path, looks: Sequence[float], sure: float
) -> None:
    store = await Store.open(tmp_path / "store.db")
    try:
        assert [await store.confirmed(look) for look in looks][-1] == sure
    finally:
        await store.close()


async def test_a_stamp_from_before_the_clock_was_set_is_not_old(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await Store.open(path)
    try:
        for name in ("early", "old", "open"):
            await store.open_thread(name, title="", owner="", bindings=[], events=[], row={"phase": "closed"})
        with closing(sqlite3.connect(path)) as raw, raw:
            raw.execute("UPDATE thread SET ready = 0, phase = 'pm' WHERE id = 'open'")
            raw.execute("UPDATE thread SET ready = 0, updated_at = 3600 WHERE id != 'old'")
            raw.execute("UPDATE thread SET ready = 0, updated_at = ? WHERE id = 'old'", (NOW - 500 * DAY,))
        await store.confirmed(NOW)
        assert await store.closed_before(await store.confirmed(NOW + DAY) - 400 * DAY) == ["old"]
    finally:
        await store.close()
