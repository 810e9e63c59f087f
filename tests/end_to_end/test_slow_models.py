"""A model that takes long is named on the status card; once it has answered, or nobody waits, it is not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import ModelRefused
from codebutler.events import ModelReplied
from codebutler.testing.cast import Held, team
from codebutler.testing.doubles import Asked, Door, says

if TYPE_CHECKING:
    from codebutler.types import ModelReply
    from tests.end_to_end.conftest import Room, Scene


async def refuses(_asked: Asked) -> ModelReply:
    raise ModelRefused("no credit left", fix="pay")


def cards(door: Door) -> list[str]:
    """What stood on the status card, in order."""
    return [shown.message.text for shown in door.shown if shown.message.kind == "status"]


async def kept_waiting(scene: Scene, door: Door) -> str:
    """A thread whose card says that the PM waits for its model."""
    scene.host.silence = 0.05
    thread = await scene.say("a", "How many bands?")
    async with asyncio.timeout(30):
        while not any("PM waits: no answer from " in card for card in cards(door)):  # noqa: ASYNC110 - no bell
            await asyncio.sleep(0.02)
    return thread


async def test_an_answer_that_took_long_leaves_no_card_that_waits(room: Room) -> None:
    held, door = Held(says("Six bands.", usd=0.02)), Door()
    async with room.engine(team(pm=[held]), door) as scene:
        thread = await kept_waiting(scene, door)
        held.let_go.set()
        assert (await scene.rest(thread)).outcome == "answered"
    assert "waits" not in cards(door)[-1]
    assert "$0.02" in cards(door)[-1]


@pytest.mark.parametrize("end", ["cancelled", "failed"])
async def test_nor_does_a_wait_that_came_to_nothing(room: Room, end: str) -> None:
    held, door = Held(refuses), Door()
    async with room.engine(team(pm=[held]), door) as scene:
        thread = await kept_waiting(scene, door)
        if end == "cancelled":
            await scene.talk("a", "cancel")
        else:
            held.let_go.set()
        assert (await scene.rest(thread)).outcome == end
    assert "waits" not in cards(door)[-1]


async def test_a_silent_model_is_left_for_the_one_that_a_person_names(room: Room) -> None:
    held, door = Held(refuses), Door()

    async def mind(asked: Asked) -> ModelReply:
        return says("Six bands.") if "claude" in asked.model else await held(asked)

    async with room.engine(mind, door) as scene:
        thread = await kept_waiting(scene, door)
        async with asyncio.timeout(20):
            await scene.say("a", "/pm claude")
            assert (await scene.rest(thread)).outcome == "answered"
        posts = await scene.posts(thread)
    assert held.broken_off == 1
    assert [a.model for a in scene.asked] == ["moonshotai/kimi-k2", "anthropic/claude-sonnet-4-5"]
    assert "The PM now uses anthropic/claude-sonnet-4-5." in posts


async def test_a_swap_is_confirmed_at_once_and_spares_a_model_that_is_not_overdue(room: Room) -> None:
    held, door = Held(says("Six bands.")), Door()
    async with room.engine(team(pm=[held]), door) as scene:
        thread = await scene.say("a", "How many bands?")
        await scene.until(held.reached)
        await scene.say("a", "/pm claude")
        await scene.where(thread, lambda state: state.model_of("pm").startswith("anthropic/"))
        held.let_go.set()
        state = await scene.rest(thread)
        posts = await scene.posts(thread)
        replies = [e for e in await scene.events(thread) if isinstance(e, ModelReplied)]
    assert (state.outcome, held.broken_off, len(replies)) == ("answered", 0, 1)
    assert posts.index("The PM now uses anthropic/claude-sonnet-4-5.") < posts.index("Six bands.")
