"""A model that takes long is named on the status card; once it has answered, or nobody waits, it is not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import ModelRefused
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
