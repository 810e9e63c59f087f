"""Killed around any append of a small whole thread and started again, it ends as if nothing had happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.chaos.conftest import Calm, Rig

EVENTS = 66
"""At least as many as the rows of the thread's log, and a few more at most: the first test sees to that."""


async def test_the_sweep_covers_the_whole_thread(small: Rig) -> None:
    done = await small.run()
    assert done.code == 0
    assert EVENTS - 8 < len(small.events()) <= EVENTS


@pytest.mark.parametrize("row", range(1, EVENTS + 1))
@pytest.mark.parametrize("side", ["before", "after"])
async def test_killed_here_the_thread_still_lands_once(small: Rig, calm: Calm, side: str, row: int) -> None:
    await small.swept(f"{side}:{row}", calm)
