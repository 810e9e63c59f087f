"""Models that are away, over whole threads: fallbacks, circuits that all threads share, and no PM at all."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from codebutler.agent.asking import TRIES
from codebutler.agent.think import SPELLED, SPELLS
from codebutler.errors import ModelRefused, ModelUnavailable
from codebutler.events import CircuitChanged, ModelRequested, PlanApproved, Posted, StoodIn
from codebutler.models.breaker import FAILURES
from codebutler.testing.cast import SUMS_UP, WRITES, team
from codebutler.testing.doubles import Asked, Mind, says
from codebutler.thread.host import ADMINS
from codebutler.types import ModelReply

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

OWN, STANDS_IN = "moonshotai/kimi-k2", "openai/gpt-4o-mini"
CODER = (WRITES, says("Done."))


class Outage:
    """A mind behind models, some of which are away; a long wish, so that nothing is waited for."""

    def __init__(self, mind: Mind, *models: str, role: str = "") -> None:
        self.mind = mind
        self.away = set(models)
        self.role = role

    async def __call__(self, asked: Asked) -> ModelReply:
        if asked.model in self.away and self.role in {"", asked.role}:
            raise ModelUnavailable(f"{asked.model} is down", retry_after=600.0)
        return await self.mind(asked)


async def hello(_asked: Asked) -> ModelReply:
    return says("Hello.")


async def test_a_fallback_is_announced_once_and_other_threads_go_to_it_at_once(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    outage = Outage(hello, OWN)
    with caplog.at_level(logging.WARNING):
        async with room.engine(outage) as scene:
            first = await scene.talk("a", "hi")
            again = await scene.talk("a", "hi again")
            other = await scene.talk("b", "hi")
            assert {first.outcome, again.outcome, other.outcome} == {"answered"}
            assert [a.model for a in scene.asked] == [OWN, STANDS_IN, STANDS_IN, STANDS_IN]
            notice = (
                f"{STANDS_IN} answers for the PM: {OWN} is away. {OWN} is down. It is asked again in 10 min."
            )
            for thread in (first.id, other.id):
                said = [p for p in await scene.posts(thread) if OWN in p and "\n" not in p]
                assert said == [notice]
                kinds = [type(e) for e in await scene.events(thread)]
                assert (kinds.count(CircuitChanged), kinds.count(StoodIn)) == (1, 1)
    assert [r.message for r in caplog.records if ADMINS in r.message] == [
        f"{ADMINS}: model {OWN} is away (it asks for a long pause): {OWN} is down"
    ]


async def test_without_any_pm_a_person_may_send_the_request_straight_to_the_coder(room: Room) -> None:
    outage = Outage(team(pm=(), coder=CODER, lead=SUMS_UP), OWN, STANDS_IN, role="pm")
    async with room.engine(outage) as scene:
        state = await scene.talk("a", "Write notes")
        assert (state.outcome, state.planless) == ("failed", True)
        last = [e for e in await scene.events(state.id) if isinstance(e, Posted)][-1].post
        assert "none of the PM's 2 models can be reached" in last.text
        assert [c.action for c in last.choices] == ["retry", "code"]
        assert '**"code"**' in last.text
        calls = len(scene.asked)
        state = await scene.talk("a", "code")
        assert (state.outcome, state.phase) == ("pr", "lead"), await scene.posts(state.id)
        assert state.plan is not None
        assert [s.text for s in state.plan.plan.steps] == ["robin: Write notes"]
        approved = [e for e in await scene.events(state.id) if isinstance(e, PlanApproved)]
        assert [(e.unplanned, e.by.id) for e in approved] == [(True, "robin")]
        assert "pm" not in {a.role for a in scene.asked[calls:]}
        brief = next(a for a in scene.asked[calls:] if a.role == "coder").messages[1]["content"]
        assert "> robin: Write notes" in brief


async def test_who_speaks_while_the_pm_waits_for_its_models_is_heard_at_once(room: Room) -> None:
    """They are asked again in half a minute, and nobody has to wait for that."""
    failed = asyncio.Event()

    async def mind(asked: Asked) -> ModelReply:
        if asked.model not in {OWN, STANDS_IN}:
            return says("Hello.")
        if len(scene.asked) == 2 * FAILURES:
            failed.set()
        raise ModelUnavailable("down", retry_after=0.0)

    async with room.engine(mind) as scene:
        thread = await scene.say("a", "hi")
        await scene.until(failed)
        async with asyncio.timeout(10):
            await scene.say("a", "/pm claude")
            state = await scene.rest(thread)
        assert (state.outcome, len(scene.asked)) == ("answered", 2 * FAILURES + 1)
        assert "claude" in scene.asked[-1].model


async def test_a_stand_in_that_cannot_answer_is_not_the_whole_story(room: Room) -> None:
    async def mind(asked: Asked) -> ModelReply:
        raise ModelRefused(f"nobody knows {asked.model}")

    async with room.engine(Outage(mind, OWN)) as scene:
        state = await scene.talk("a", "hi")
        said = (await scene.posts(state.id))[-1]
    assert f"{OWN} is away: {OWN} is down" in said
    assert f"{STANDS_IN}, asked in its place, cannot answer: nobody knows {STANDS_IN}" in said


async def test_a_call_that_comes_out_crooked_is_asked_for_again_a_few_times(room: Room) -> None:
    """As a server refuses to pass it on, which is no outage; or as text, which is no answer."""
    written = '<tool_call>\n{"name": "read", "arguments": {}}\n</tool_call>'
    crooked = ModelUnavailable("the call of m could not be read", retry_after=0.0)
    crooked.answered = True
    turns: list[ModelReply | Exception] = [crooked, crooked, crooked, says(written), says("Hello.")]
    turns += [crooked] * TRIES * 2 + [says(written)] * (SPELLS + 1)

    async def mind(_asked: Asked) -> ModelReply:
        turn = turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return turn

    async with room.engine(mind) as scene:
        state = await scene.talk("a", "hi")
        assert (await scene.posts(state.id))[-1] == "Hello."
        assert scene.asked[-1].messages[-1]["content"] == SPELLED
        await scene.talk("a", "more")
        assert "I could not go on: the call of m could not be read" in (await scene.posts(state.id))[-1]
        await scene.talk("a", "more")
        assert "writes its tool calls as text" in (await scene.posts(state.id))[-1]
        assert not turns
        assert not [e for e in await scene.events(state.id) if isinstance(e, CircuitChanged)]


async def test_code_is_a_plain_word_as_long_as_a_pm_is_there(room: Room) -> None:
    async with room.engine(hello) as scene:
        state = await scene.talk("a", "code")
        assert (state.outcome, state.approval) == ("answered", None)


async def test_only_the_owner_sends_a_request_to_the_coder_and_only_once(room: Room) -> None:
    async with room.engine(team(coder=CODER)) as scene:
        thread = await scene.say("a", "/code Write notes", by="robin")
        state = await scene.rest(thread)
        assert state.outcome == "pr"
        await scene.rest(await scene.say("a", "/code More", by="robin"))
        assert (await scene.posts(thread))[-1] == "A plan was approved in this thread already."
        other = await scene.rest(await scene.say("b", "hold on", by="robin"))
        await scene.rest(await scene.say("b", "/code More", by="eve"))
        assert (await scene.posts(other.id))[-1] == "Only robin may approve in this thread."
        assert not [e for e in await scene.events(other.id) if isinstance(e, ModelRequested)]


async def test_what_a_model_began_is_taken_back_before_it_is_waited_for(room: Room) -> None:
    """Half a reply would stand in the chat for as long as the model is away."""
    heard: list[int] = []

    async def mind(_asked: Asked) -> ModelReply:
        if len(scene.asked) == 1:
            raise ModelUnavailable("broke off", retry_after=0.1)
        return says("Hello.")

    async def listen(_thread: str, role: str, delta: str) -> None:
        if (role, delta) == ("pm", ""):
            heard.append(len(scene.asked))

    async with room.engine(mind, listener=listen) as scene:
        assert (await scene.talk("a", "hi")).outcome == "answered"
        assert heard == [0, 1, 1], "as it begins, as it waits, as it begins anew"
