"""What is set for a place holds in its threads: models, caps, how many Coders; and ends with its word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.testing.doubles import Asked, Mind
from codebutler.thread.houses import settle
from codebutler.types import ModelReply, Usage

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

PLACE = "door:guild"


def costing(usd: float, asked_of: list[str]) -> Mind:
    async def mind(asked: Asked) -> ModelReply:
        asked_of.append(asked.model)
        return ModelReply("well", usage=Usage(input=15), usd=usd, model=asked.model)

    return mind


async def test_a_places_model_and_caps_hold_in_its_threads(room: Room) -> None:
    models: list[str] = []
    async with room.engine(costing(0.041, models)) as scene:
        scene.puppet.tokens = 1
        houses, store = scene.host.houses, scene.host.store
        await houses.change(PLACE, models={"pm": "acme/one"}, usd_per_day=0.05, usd_per_thread=1.0)
        state = await scene.talk("elsewhere", "one")
        surface, conversation = (await store.bindings(state.id))[0]
        await settle(store, surface, conversation, PLACE)
        state = await scene.talk("elsewhere", "two")
        assert models[-1] == "acme/one"
        assert models[0] != "acme/one"
        said = await scene.posts(state.id)
        assert any("this server's cap of $0.05 a day is used" in text for text in said)
        await houses.change(PLACE, models={}, usd_per_day=None)
        await scene.talk("elsewhere", "three")
        assert models[-1] == models[0]
