"""Caps: what would pass one pauses the thread with a way on, and threads that race cannot pass one together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from codebutler.events import LimitHit, ModelRequested
from codebutler.testing.doubles import Asked, Mind, says
from codebutler.types import ModelReply

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

MODEL = "openai/gpt-4o-mini"
"""Has a list price: 0.15 and 0.60 dollars for a million tokens in and out."""


@pytest.fixture
def priced(room: Room) -> Room:
    room.env["CODEBUTLER_MODEL"] = MODEL
    return room


def costing(usd: float | None) -> Mind:
    async def mind(asked: Asked) -> ModelReply:
        return says(f"re {asked.heard}", usd=usd)

    return mind


async def hits(scene: Scene, thread: str) -> list[str]:
    return [e.what for e in await scene.events(thread) if isinstance(e, LimitHit)]


async def test_a_call_is_reserved_at_its_worst_case_before_it_is_made(priced: Room) -> None:
    async with priced.engine(costing(0.0001)) as scene:
        scene.puppet.tokens = 100_000
        state = await scene.talk("a", "hello")
        output = scene.host.role(await scene.host.rules(state.base.commit if state.base else ""), "pm").limits
        requested = [e.usd for e in await scene.events(state.id) if isinstance(e, ModelRequested)]
        assert requested == [pytest.approx(100_000 * 0.15e-6 + output.max_output * 0.6e-6)]
        assert await scene.host.store.spent(f"thread:{state.id}") == pytest.approx(0.0001)
        assert await scene.host.store.unsettled() == []
        assert await scene.host.ledger.unsettled() == []


async def test_the_threads_cap_pauses_it_and_a_raise_lets_it_go_on(priced: Room) -> None:
    priced.configure(limits={"usdPerThread": 0.05})
    async with priced.engine(costing(0.049)) as scene:
        thread = (await scene.talk("a", "one")).id
        state = await scene.talk("a", "two")
        assert (state.outcome, len(scene.asked)) == ("paused", 1)
        assert ["cap of $0.05" in what for what in await hits(scene, thread)] == [True]
        said = (await scene.posts(thread))[-1]
        assert "Paused" in said
        assert '"raise 1"' in said
        state = await scene.talk("a", "raise 1")
        assert (state.outcome, state.raised_usd) == ("answered", 1.0)
        assert (await scene.posts(thread))[-1] == "re robin: two"


async def test_the_roles_cap_pauses_it_and_a_raise_lets_it_go_on(priced: Room) -> None:
    async with priced.engine(costing(0.249)) as scene:
        thread = (await scene.talk("a", "one")).id
        state = await scene.talk("a", "two")
        assert (state.outcome, len(scene.asked)) == ("paused", 1)
        assert ["PM's cap of $0.25" in what for what in await hits(scene, thread)] == [True]
        assert (await scene.talk("a", "raise 1")).outcome == "answered"


@pytest.mark.parametrize("key", ["usdPerDay", "usdPerPersonPerDay"])
async def test_caps_over_all_threads_hold_in_every_thread(priced: Room, key: str) -> None:
    priced.configure(limits={key: 0.05})
    async with priced.engine(costing(0.049)) as scene:
        assert (await scene.talk("a", "one")).outcome == "answered"
        state = await scene.talk("b", "two")
        assert state.outcome == "paused"
        what = (await hits(scene, state.id))[0]
        assert ("robin's cap" if "Person" in key else "this host's cap") in what
        assert await scene.host.store.spent(f"thread:{state.id}") == 0
        assert await scene.host.store.unsettled() == []
    priced.configure(limits={key: 1.0})
    async with priced.engine(costing(0.001)) as scene:
        assert (await scene.talk("b", "go")).outcome == "answered"


@pytest.mark.parametrize("wish", ["inf", "nan", "1e999", "-5", "0", "1e6", "lots"])
async def test_a_raise_that_is_no_amount_is_refused_and_the_log_stays_readable(
    priced: Room, wish: str
) -> None:
    async with priced.engine(costing(0.001)) as scene:
        thread = (await scene.talk("a", "one")).id
        await scene.talk("a", f"/raise {wish}")
        assert "Use: /raise [usd]" in (await scene.posts(thread))[-1]
        assert (await scene.state(thread)).raised_usd == 0.0


async def test_only_the_owner_raises(priced: Room) -> None:
    priced.configure(limits={"usdPerThread": 0.05})
    async with priced.engine(costing(0.049)) as scene:
        thread = (await scene.talk("a", "one")).id
        await scene.talk("a", "two")
        await scene.say("a", "raise 5", by="mallory")
        state = await scene.rest(thread)
        assert state.raised_usd == 0.0
        assert any("Only robin may raise" in text for text in await scene.posts(thread))
        assert len(scene.asked) == 1


async def test_threads_that_race_do_not_pass_a_cap_together(priced: Room) -> None:
    """Each call may cost as much as was reserved for it; ten want to, three fit."""
    worst = 0.1
    priced.configure(limits={"usdPerDay": 3.5 * worst, "usdPerThread": 5.0})
    waiting = asyncio.Event()

    async def mind(_asked: Asked) -> ModelReply:
        await waiting.wait()
        return says("done", usd=worst)

    async with priced.engine(mind) as scene:
        scene.puppet.tokens = 650_000  # about ten cents at list price
        threads = [await scene.say(f"c{n}", "go for it") for n in range(10)]
        await asyncio.sleep(0.5)
        waiting.set()
        outcomes = [(await scene.rest(thread)).outcome for thread in threads]
        assert outcomes.count("answered") == 3
        assert outcomes.count("paused") == 7


async def test_a_model_without_a_price_is_told_of_once(room: Room) -> None:
    async with room.engine(costing(None)) as scene:
        thread = (await scene.talk("a", "one")).id
        await scene.talk("a", "two")
        notices = [text for text in await scene.posts(thread) if "No price is known" in text]
        assert len(notices) == 1
        assert "twin/m" in notices[0]
        state = await scene.state(thread)
        assert [s.priced for s in state.spend.values()] == [False]


async def test_a_cancelled_call_holds_no_money_for_ever(priced: Room) -> None:
    """It may have been billed, so it counts as spent; but it is settled."""
    reached = asyncio.Event()

    async def mind(asked: Asked) -> ModelReply:
        if len(scene.asked) == 1:
            reached.set()
            await asyncio.Event().wait()
        return says("done", usd=0.001)

    async with priced.engine(mind) as scene:
        thread = await scene.say("a", "one")
        await scene.until(reached)
        await scene.say("a", "cancel")
        await scene.rest(thread)
        await scene.talk("a", "go")
        assert await scene.host.store.unsettled() == []
        assert await scene.host.ledger.unsettled() == []
