"""What a person is offered at a cap fits the cap: no button that cannot help, no cap that is lifted wholly."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from codebutler.commands.builtin import REGISTRY
from codebutler.events import LimitHit, Posted
from codebutler.testing.doubles import Asked, Door, Mind, says
from codebutler.thread.log import ThreadLog
from codebutler.thread.state import ThreadState
from codebutler.thread.team import TeamDesk
from codebutler.types import Inbound, ModelReply, Outbound, Person, Usage

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

MODEL = "openai/gpt-4o-mini"
"""0.15 and 0.60 dollars for a million tokens in and out."""


@pytest.fixture
def priced(room: Room) -> Room:
    room.env["CODEBUTLER_MODEL"] = MODEL
    return room


def costing(usd: float, tokens: int = 15) -> Mind:
    async def mind(asked: Asked) -> ModelReply:
        words = says(f"re {asked.heard}", usd=usd)
        return ModelReply(words.content, usage=Usage(input=tokens, output=0), usd=usd, model=MODEL)

    return mind


async def last(scene: Scene, thread: str) -> Outbound:
    return [e.post for e in await scene.events(thread) if isinstance(e, Posted)][-1]


async def hit(scene: Scene, thread: str) -> LimitHit:
    return [e for e in await scene.events(thread) if isinstance(e, LimitHit)][-1]


def actions(post: Outbound) -> list[str]:
    return [choice.action for choice in post.choices]


async def test_the_offered_raise_is_enough_for_the_call_that_did_not_fit(priced: Room) -> None:
    """A call of a dear model needs more than a dollar of room."""
    priced.configure(limits={"usdPerThread": 0.05})
    async with priced.engine(costing(0.04)) as scene:
        thread = (await scene.talk("a", "one")).id
        scene.puppet.tokens = 21_000_000  # about three dollars
        assert (await scene.talk("a", "two")).outcome == "paused"
        post = await last(scene, thread)
        assert (post.choices[0].action, post.choices[0].value) == ("raise", "4")
        assert '"raise 4"' in post.text
        await scene.talk("a", "/status")
        said = (await scene.posts(thread))[-1]
        assert "Paused: the PM's cap of $0.25 for one run leaves too little" in said
        assert '"raise 4"' in said
        priced_state = await scene.talk("a", "raise 4")
        assert priced_state.outcome == "answered"


async def test_each_raise_is_answered_with_the_caps_it_leaves_also_outside_of_a_pause(priced: Room) -> None:
    priced.configure(limits={"usdPerThread": 0.05})
    async with priced.engine(costing(0.0)) as scene:
        thread = (await scene.talk("a", "one")).id
        await scene.talk("a", "/raise 2")
        assert (await scene.talk("a", "/raise 1")).raised_usd == 3.0
        assert (await scene.posts(thread))[-2:] == [
            "This thread's cap is $2.05 now; each role's run may cost $2.00 more than its own cap.",
            "This thread's cap is $3.05 now; each role's run may cost $3.00 more than its own cap.",
        ]


async def test_a_cap_is_shown_as_it_is_set(priced: Room) -> None:
    priced.configure(limits={"usdPerThread": 0.005})
    async with priced.engine(costing(0.0049)) as scene:
        thread = (await scene.talk("a", "one")).id
        await scene.talk("a", "two")
        assert "cap of $0.005 " in (await last(scene, thread)).text


@pytest.mark.parametrize(("key", "cap"), [("usdPerDay", "day"), ("usdPerPersonPerDay", "person")])
async def test_a_days_cap_is_raised_by_whoever_runs_the_host_and_for_all_threads(
    priced: Room, key: str, cap: str
) -> None:
    priced.configure(limits={key: 0.05})
    async with priced.engine(costing(0.049)) as scene:
        await scene.talk("a", "one")
        thread = (await scene.talk("b", "two")).id
        post, seen = await last(scene, thread), await hit(scene, thread)
        assert (seen.cap, actions(post)) == (cap, ["raise", "retry", "cancel"])
        assert '**"raise 1"** for one more dollar today, for all threads' in post.text
        midnight = (time.time() // 86_400 + 1) * 86_400
        assert seen.until == midnight
        assert time.strftime("%Y-%m-%d 00:00 UTC", time.gmtime(midnight)) in post.text
        scene.puppet.mind = costing(0.5)
        state = await scene.talk("b", "raise 1")
        assert (state.raised_usd, state.outcome) == (0.0, "answered"), "the thread's own cap is as it was"
        assert "That cap is $1.00 higher today, for all threads." in await scene.posts(thread)
        assert (await scene.talk("a", "three")).outcome == "answered", "for all threads"
        other = (await scene.talk("c", "four")).id
        assert "cap of $1.05 a day" in (await hit(scene, other)).what
    async with priced.engine(costing(0.0)) as scene:
        assert (await scene.talk("d", "five")).outcome == "paused", "and over a restart"


async def test_at_a_days_cap_a_chat_doors_person_is_told_who_can_raise_it(priced: Room) -> None:
    priced.configure(limits={"usdPerDay": 0.05})
    chat, kim = Door("slack"), Person(surface="slack", id="U7", name="Kim")

    async def say(text: str) -> ThreadState:
        inbound = Inbound(surface="slack", external_id="C1", key=f"k:{text}", author=kim, text=text)
        return await scene.rest(await scene.engine.receive(inbound))

    async with priced.engine(costing(0.049), Door(), chat) as scene:
        await say("one")
        thread = (await say("two")).id
        post = await last(scene, thread)
        assert actions(post) == ["retry", "cancel"]
        assert f"`codebutler run 'raise 1' --thread {thread}`" in post.text
        assert "limits.usdPerDay" in post.text
        state = await say("raise 5")
        assert state.halted.startswith("paused: ")
        assert chat.texts("C1")[-1] == "Only whoever runs the host may raise that cap."
        await scene.host.store.bind(thread, "terminal", "there")
        state = await scene.talk("there", "raise 1")
        assert (state.id, state.outcome) == (thread, "answered")


async def test_a_raise_that_a_crash_repeats_counts_once(room: Room) -> None:
    """The ledger is another database than the log: it hears of a raise before the log does."""
    async with room.engine(costing(0.0)) as scene:
        thread = (await scene.talk("a", "one")).id
        today = time.strftime("%Y-%m-%d", time.gmtime())
        for message, together in ((7, 1.5), (7, 1.5), (8, 3.0)):
            log = await ThreadLog.claim(scene.host.store, thread, scene.host.redactor.text)
            desk = TeamDesk(scene.host, log, REGISTRY)
            await desk.settle_leftovers()
            await desk.lift("day", 1.5, message)
            assert await scene.host.ledger.spent(f"raised:day:{today}") == together
            assert (await desk.shared(today))[f"day:{today}"] == ("day", 50.0 + together)


async def test_an_hours_cap_takes_no_raise(room: Room) -> None:
    room.configure(limits={"maxCallsPerHour": 1})
    async with room.engine(costing(0.0)) as scene:
        await scene.talk("a", "one")
        thread = (await scene.talk("a", "two")).id
        assert actions(await last(scene, thread)) == ["retry", "cancel"]
        state = await scene.talk("a", "raise 5")
        assert (state.raised_usd, state.outcome) == (0.0, "paused")
        assert any("stopped this thread is another: 1 runs" in text for text in await scene.posts(thread))


async def test_the_hourly_limits_say_when_they_free(room: Room) -> None:
    room.configure(limits={"maxCallsPerHour": 3, "maxCallsPerPersonPerHour": 2})
    async with room.engine(costing(0.0)) as scene:
        await scene.talk("a", "one")
        await scene.talk("b", "two")
        thread = (await scene.talk("c", "three")).id
        post, seen = await last(scene, thread), await hit(scene, thread)
        assert (seen.cap, actions(post)) == ("person_hour", ["retry", "cancel"])
        assert "robin's limit" in post.text
        assert time.strftime("%H:00 UTC", time.gmtime(seen.until)) in post.text
        assert 0 < seen.until - time.time() <= 3600
        other = await scene.say("d", "four", by="kim")
        assert (await scene.rest(other)).outcome == "answered", "kim's hour is kim's own"
        last_one = await scene.say("e", "five", by="kim")
        await scene.rest(last_one)
        assert (await hit(scene, last_one)).cap == "hour"
        assert await scene.host.store.unsettled() == await scene.host.ledger.unsettled() == []


async def test_stop_ends_the_run_and_takes_no_raise(priced: Room) -> None:
    priced.configure(limits={"usdPerThread": 0.05, "onCap": "stop"})
    async with priced.engine(costing(0.049)) as scene:
        thread = (await scene.talk("a", "one")).id
        state = await scene.talk("a", "two")
        assert state.outcome == "failed"
        post = await last(scene, thread)
        assert "limits.usdPerThread" in post.text
        assert actions(post) == ["retry"]
        state = await scene.talk("a", "raise 5")
        assert state.raised_usd == 0.0
        assert any("`limits.onCap` is `stop`" in text for text in await scene.posts(thread))


async def test_cheaper_says_once_that_it_saves_and_then_asks(priced: Room) -> None:
    priced.configure(limits={"usdPerThread": 0.1, "onCap": "cheaper"})
    async with priced.engine(costing(0.045)) as scene:
        thread = (await scene.talk("a", "one")).id
        assert not any("cheapest" in text for text in await scene.posts(thread))
        await scene.talk("a", "two")
        scene.puppet.mind = costing(0.0001)
        await scene.talk("a", "three")
        await scene.talk("a", "four")
        assert sum("80% of this thread's cap" in text for text in await scene.posts(thread)) == 1
        scene.puppet.tokens = 200_000
        assert (await scene.talk("a", "five")).outcome == "paused"
        state = await scene.talk("a", "raise 1")
        assert state.outcome == "answered"
        scene.puppet.mind = costing(0.0001)
        assert sum("cheapest" in text for text in await scene.posts(thread)) == 1, "the cap is far away again"


async def test_one_person_has_no_more_coders_than_their_own_limit(room: Room) -> None:
    """Of three threads of robin's one Coder works at a time; kim's does not wait for them."""
    room.configure(limits={"maxCodersPerPerson": 1, "maxConcurrentThreads": 3})
    working: list[str] = []
    most: list[int] = []
    reached, release = asyncio.Event(), asyncio.Event()

    async def mind(asked: Asked) -> ModelReply:
        if asked.role == "coder":
            name = asked.heard.split()[-1]
            working.append(name)
            most.append(sum(not w.startswith("kim") for w in working))
            if len(working) >= 2:
                reached.set()
            await release.wait()
            working.remove(name)
        return says("done", usd=0.0)

    async with room.engine(mind) as scene:
        threads = [await scene.say(f"c{n}", f"task r{n}", mode="coder") for n in range(3)]
        threads.append(await scene.say("k", "task kim", by="kim", mode="coder"))
        await scene.until(reached)
        assert sorted(name[0] for name in working) == ["k", "r"]
        release.set()
        for thread in threads:
            assert (await scene.rest(thread)).outcome == "done"
        assert max(most) == 1
        waits = [t for thread in threads for t in await scene.posts(thread) if "in line" in t]
        assert len(waits) == 2
        assert all("robin has 1 Coder at work" in text for text in waits)
