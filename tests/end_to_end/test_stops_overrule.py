"""What somebody said before the thread was stopped is not done after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.testing.cast import SUMS_UP, WRITES, Held, team
from codebutler.testing.doubles import says
from codebutler.thread.mail import OVERRULED

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

CODER = [WRITES, says("Wrote it.")]


@pytest.mark.parametrize(("words", "action"), [("merge", ""), ("", "merge")])
@pytest.mark.parametrize(("stop", "outcome"), [("cancel", "cancelled"), ("pause", "paused")])
async def test_a_merge_that_waits_for_the_lead_does_not_outlive_a_stop(
    room: Room, words: str, action: str, stop: str, outcome: str
) -> None:
    """The thread says that only a new "merge" lands it, so it is only that which does."""
    held = Held(SUMS_UP[0])
    async with room.engine(team(coder=CODER, lead=[held, *SUMS_UP[1:]])) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        await scene.say("a", "go")
        await scene.until(held.reached)
        await scene.say("a", words, action=action)
        state = await scene.talk("a", stop)
        held.let_go.set()
        assert (state.outcome, state.pr_state, state.merge) == (outcome, "open", None)
        assert (await scene.posts(thread)).count(OVERRULED.format(name="merge")) == 1
        assert (await scene.talk("a", "/status")).pr_state == "open"
        if stop == "pause":
            await scene.talk("a", "resume")
        assert (await scene.talk("a", "merge")).phase == "closed"


async def test_a_merge_that_waits_for_the_lead_does_not_outlive_a_rewind(room: Room) -> None:
    held = Held(SUMS_UP[0])
    async with room.engine(team(coder=CODER, lead=[held, *SUMS_UP[1:]])) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        await scene.say("a", "go")
        await scene.until(held.reached)
        await scene.say("a", "merge")
        await scene.say("a", "/rewind 2")
        held.let_go.set()
        state = await scene.rest(thread)
        assert (state.rewinds, state.pr_state, state.merge) == (1, "open", None), await scene.posts(thread)
        assert (await scene.posts(thread)).count(OVERRULED.format(name="merge")) == 1
