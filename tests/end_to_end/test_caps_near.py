"""Before a cap: one warning for each cap and thread. At it: a cheaper model, if one fits into what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.events import LimitHit, Posted
from codebutler.testing.doubles import Asked, Mind, says
from codebutler.types import ModelReply, Usage

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

CLAUDE, MINI = "anthropic/claude-sonnet-4-5", "openai/gpt-4o-mini"
FREE = "moonshotai/kimi-k2-0905:free"


def costing(usd: float, tokens: int = 15) -> Mind:
    async def mind(asked: Asked) -> ModelReply:
        return ModelReply("well", usage=Usage(input=tokens), usd=usd, model=asked.model)

    return mind


async def warned(scene: Scene, thread: str) -> list[str]:
    return [text for text in await scene.posts(thread) if text.startswith("80% of ")]


@pytest.fixture
def priced(room: Room) -> Room:
    room.env["CODEBUTLER_MODEL"] = MINI
    return room


@pytest.mark.parametrize(
    ("key", "value", "said", "way"),
    [
        ("usdPerThread", 0.05, "this thread's cap of $0.05 is used: $0.009 is left", '"/raise 1"'),
        ("usdPerDay", 0.05, "this host's cap of $0.05 a day is used: $0.009 is left", "limits.usdPerDay"),
        ("usdPerPersonPerDay", 0.05, "robin's cap of $0.05 a day", "limits.usdPerPersonPerDay"),
        ("tokensPerThread", 9_000, "cap of 9,000 tokens is used: 1,000 are left", '"/raise 1"'),
    ],
)
async def test_each_cap_warns_once_also_over_a_restart(
    priced: Room, key: str, value: float, said: str, way: str
) -> None:
    priced.configure(limits={key: value})
    async with priced.engine(costing(0.041, tokens=8_000)) as scene:
        scene.puppet.tokens = 1
        thread = (await scene.talk("a", "one")).id
        (words,) = await warned(scene, thread)
        assert said in words
        assert way in words
        scene.puppet.mind = costing(0.0001, tokens=0)
        await scene.talk("a", "two")
    async with priced.engine(costing(0.0001, tokens=0)) as scene:
        await scene.talk("a", "three")
        assert len(await warned(scene, thread)) == 1


async def test_a_roles_cap_and_the_repos_hour_warn_as_well(priced: Room) -> None:
    priced.configure(limits={"maxCallsPerHour": 5})
    async with priced.engine(costing(0.05)) as scene:
        for word in ("one", "two", "three"):
            thread = (await scene.talk("a", word)).id
        assert await warned(scene, thread) == []
        await scene.talk("a", "four")
        role, hour = await warned(scene, thread)
        assert "the PM's cap of $0.25 for one run is used: $0.05 is left" in role
        assert "this repo's limit of 5 runs in an hour is used: 1 is left" in hour


async def test_a_persons_hour_warns_that_person_only(room: Room) -> None:
    room.configure(limits={"maxCallsPerHour": 100, "maxCallsPerPersonPerHour": 5})
    async with room.engine(costing(0.0)) as scene:
        for word in ("one", "two", "three"):
            await scene.talk("a", word)
        kims = await scene.say("b", "one", by="kim")
        await scene.rest(kims)
        thread = (await scene.talk("a", "four")).id
        (words,) = await warned(scene, thread)
        assert words.startswith("80% of robin's limit of 5 runs in an hour is used: 1 is left.")
        assert "the full hour UTC; `limits.maxCallsPerPersonPerHour`" in words
        assert await warned(scene, kims) == []


async def test_a_raised_cap_is_another_cap_and_no_cap_warns_of_nothing(priced: Room) -> None:
    priced.configure(limits={"usdPerThread": 1.0, "usdPerDay": None, "usdPerPersonPerDay": None})
    async with priced.engine(costing(0.0)) as scene:
        thread = (await scene.talk("a", "one")).id
        await scene.talk("a", "/raise 1")
        scene.puppet.mind = costing(0.9)
        await scene.talk("a", "two")
        assert await warned(scene, thread) == []
        scene.puppet.mind = costing(0.8)
        await scene.talk("a", "three")
        role, own = await warned(scene, thread)
        assert "the PM's cap of $1.25" in role
        assert "this thread's cap of $2.00 is used: $0.30 is left" in own


@pytest.mark.parametrize("key", ["usdPerThread", "usdPerDay", "usdPerPersonPerDay"])
@pytest.mark.parametrize("by", ["button", "word"])
async def test_at_a_cap_a_cheaper_model_that_fits_is_offered_and_goes_on(
    room: Room, key: str, by: str
) -> None:
    """Claude's reply may cost six cents, the smallest of the pool a quarter of one."""
    room.configure(limits={key: 0.05}, models={"pm": {"default": CLAUDE}})
    async with room.engine(costing(0.001)) as scene:
        state = await scene.talk("a", "one")
        assert state.outcome == "paused"
        hit = [e for e in await scene.events(state.id) if isinstance(e, LimitHit)][-1]
        assert hit.cheaper == MINI
        post = [e.post for e in await scene.events(state.id) if isinstance(e, Posted)][-1]
        (choice,) = [c for c in post.choices if c.action == "model"]
        assert (choice.label, choice.value) == ("Use gpt-4o-mini", MINI)
        assert '"cheaper"' in post.text
        if by == "word":
            state = await scene.talk("a", "cheaper")
        else:
            state = await scene.rest(await scene.say("a", action="model", value=choice.value))
        assert (state.outcome, state.models) == ("answered", {"pm": MINI})
        assert [asked.model for asked in scene.asked] == [MINI]


async def test_no_cheaper_model_is_offered_where_none_fits_or_money_is_not_the_matter(room: Room) -> None:
    room.configure(limits={"usdPerThread": 0.0001}, models={"pm": {"default": CLAUDE}})
    async with room.engine(costing(0.001)) as scene:
        state = await scene.talk("a", "one")
        post = [e.post for e in await scene.events(state.id) if isinstance(e, Posted)][-1]
        assert [c.action for c in post.choices] == ["raise", "cancel"]
    room.configure(limits={"tokensPerThread": 10}, models={"pm": {"default": CLAUDE}})
    async with room.engine(costing(0.001)) as scene:
        state = await scene.talk("b", "one")
        post = [e.post for e in await scene.events(state.id) if isinstance(e, Posted)][-1]
        assert [c.action for c in post.choices] == ["raise", "cancel"]


async def test_cheaper_changes_who_answers_from_eighty_percent_on(room: Room) -> None:
    room.configure(limits={"usdPerThread": 0.2, "onCap": "cheaper"}, models={"pm": {"default": CLAUDE}})
    async with room.engine(costing(0.085)) as scene:
        for word in ("one", "two", "three"):
            thread = (await scene.talk("a", word)).id
        assert [asked.model for asked in scene.asked] == [CLAUDE, CLAUDE, MINI]
        assert any("now uses its cheapest model" in text for text in await warned(scene, thread))


@pytest.mark.parametrize("key", ["usdPerThread", "usdPerDay", "usdPerPersonPerDay"])
async def test_cheaper_asks_a_cheaper_model_where_one_call_alone_does_not_fit(room: Room, key: str) -> None:
    """Claude's reply may cost six cents: more than the whole cap, of which nothing is used yet."""
    room.configure(limits={key: 0.05, "onCap": "cheaper"}, models={"pm": {"default": CLAUDE}})
    async with room.engine(costing(0.001)) as scene:
        for word in ("one", "two"):
            state = await scene.talk("a", word)
            assert (state.outcome, state.limit, state.models) == ("answered", None, {})
        assert [asked.model for asked in scene.asked] == [MINI, MINI]
        told = [text for text in await scene.posts(state.id) if f"goes on with {MINI}" in text]
        assert len(told) == 1
        assert "$0.05" in told[0]
        scene.puppet.mind = costing(0.0485)
        await scene.talk("a", "three")
        assert (await scene.talk("a", "four")).outcome == "paused"


async def test_a_swap_by_hand_that_cheaper_overrules_says_so(room: Room) -> None:
    room.configure(limits={"usdPerThread": 0.1, "onCap": "cheaper"}, models={"pm": {"default": MINI}})
    async with room.engine(costing(0.0001)) as scene:
        thread = (await scene.talk("a", "one")).id
        await scene.talk("a", f"/pm {CLAUDE}")
        assert (await scene.posts(thread))[-1] == f"The PM now uses {CLAUDE}."
        await scene.talk("a", f"/pm {MINI}")
        scene.puppet.mind = costing(0.09)
        await scene.talk("a", "two")
        scene.puppet.mind = costing(0.0001)
        await scene.talk("a", f"/pm {CLAUDE}")
        assert (await scene.posts(thread))[-1] == (
            f"The PM now uses {CLAUDE}. But `limits.onCap` is `cheaper`, and most of this thread's cap is used: "
            f'{MINI} is asked first. **"raise 1"** ends that.'
        )
        await scene.talk("a", "three")
        assert scene.asked[-1].model == MINI
        await scene.talk("a", "raise 1")
        await scene.talk("a", "four")
        assert scene.asked[-1].model == CLAUDE


async def test_a_model_that_costs_nothing_is_no_way_out_of_a_cap_of_tokens(room: Room) -> None:
    pool = {"default": CLAUDE, "pool": {"free": FREE}}
    room.configure(limits={"tokensPerThread": 10, "onCap": "cheaper"}, models={"pm": pool})
    async with room.engine(costing(0.001)) as scene:
        state = await scene.talk("b", "one")
        assert state.outcome == "paused"
        assert state.limit is not None
        assert state.limit.cheaper == ""


async def test_a_model_at_a_cap_is_for_the_role_that_the_cap_stopped(room: Room) -> None:
    async def mind(_asked: Asked) -> ModelReply:
        return says("done", usd=0.001)

    room.configure(limits={"usdPerThread": 0.01})
    async with room.engine(mind) as scene:
        thread = await scene.say("a", "do it", mode="coder")
        state = await scene.rest(thread)
        assert (state.outcome, state.at_work) == ("paused", "coder")
        state = await scene.talk("a", f"model {CLAUDE}")
        assert state.models == {"coder": CLAUDE}
