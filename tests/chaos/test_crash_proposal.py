"""Killed while it puts a plan before the person, a thread is whole when they approve it, however fast."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.chaos.conftest import Rig


@pytest.mark.parametrize("point", ["after:10", "before:11"])
async def test_the_pm_is_free_for_the_coder(small: Rig, point: str) -> None:
    killed = await small.run(small.sample.task, "--key", "k", crash=point)
    assert killed.code == -signal.SIGKILL
    assert small.events()[-1]["kind"] == "posted"
    thread = small.query("SELECT id FROM thread")[0][0]
    assert (await small.run("go", "--thread", thread)).code == 0
    events = [(e["kind"], e.get("name", e.get("role", ""))) for e in small.events()]
    assert events.index(("tool_finished", "propose_plan")) < events.index(("frame_started", "coder"))
    assert [kind for kind, _ in events].count("plan_proposed") == 1
