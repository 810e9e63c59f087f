"""Killed around any append and started again, the demo ends as if nothing had happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.chaos.conftest import Calm, Rig

EVENTS = 150
"""At least as many as the rows of the demo's log, and a few more at most: the first test sees to that."""
SAMPLE = ("after:52", "before:59", "after:81", "before:94")
"""What the small thread has not: a question between roles, more edits, a commit and a PR by tools."""


async def test_the_sweep_covers_the_whole_demo(demo: Rig, calm: Calm) -> None:
    assert EVENTS - 8 < len((await calm.of(demo)).kinds) <= EVENTS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "point" in metafunc.fixturenames:
        every = [f"{side}:{n}" for n in range(1, EVENTS + 1) for side in ("before", "after")]
        metafunc.parametrize("point", every if metafunc.config.getoption("--full") else SAMPLE)


async def test_killed_at_this_point_the_thread_still_lands_once(
    demo: Rig, calm: Calm, point: str, *, full: bool
) -> None:
    await (demo.swept if full else demo.survives)(point, calm)
