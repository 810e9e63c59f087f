"""A role asks the PM, the PM asks a person: pauses of any length, killed anywhere, all of it in the log."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from codebutler.events import (
    EscalationAnswered,
    EscalationAsked,
    ModelReplied,
    QuestionAnswered,
    QuestionAsked,
    TimerFired,
)
from codebutler.testing.cast import PROPOSES, SUMS_UP, WRITES, Held, call, does, team
from codebutler.testing.doubles import Asked, Door, says
from codebutler.thread.clock import Clock
from codebutler.thread.state import ThreadState
from codebutler.types import ModelReply

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

DAY = 24 * 3600.0
ASKS = does("ask_pm", question="Tabs or spaces?")
ASKS_PERSON = does("ask_user", question="What do you want, tabs or spaces?", options=["tabs", "spaces"])


async def asked_and_answered(scene: Scene, thread: str) -> list[str]:
    """The escalations and questions of a thread as its log tells them."""
    told = []
    for event in await scene.events(thread):
        if isinstance(event, EscalationAsked):
            told.append(f"{event.role} asks: {event.question}")
        elif isinstance(event, EscalationAnswered):
            told.append(f"pm answers: {event.text}")
        elif isinstance(event, QuestionAsked):
            told.append(f"{event.frame} asks a person: {event.question}")
        elif isinstance(event, QuestionAnswered):
            told.append(f"{event.by.label} answers: {event.text}")
    return told


async def test_the_pm_answers_from_the_repo_with_its_own_tools(room: Room) -> None:
    pm = [PROPOSES, says("", call("grep", pattern="def ", mode="count")), says("As the rest: tabs.")]
    async with room.engine(team(pm=pm, coder=[ASKS, WRITES, says("Wrote it.")])) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        state = await scene.talk("a", "go")
        assert state.pr is not None
        assert await asked_and_answered(scene, thread) == [
            "coder asks: Tabs or spaces?",
            "pm answers: As the rest: tabs.",
        ]
        results = [m["content"] for a in scene.asked for m in a.messages if m["role"] == "tool"]
        assert "As the rest: tabs." in results
        assert "As the rest: tabs." not in await scene.posts(thread)  # it was for the Coder


@pytest.mark.parametrize("role", ["coder", "lead"])
async def test_a_role_waits_for_a_person_through_restarts(room: Room, role: str) -> None:
    """Killed while the PM thinks, and again while the person does."""
    thinking = Held(ASKS_PERSON)
    coder = [*([ASKS] if role == "coder" else []), WRITES, says("Wrote it.")]
    lead = [*([ASKS] if role == "lead" else []), *SUMS_UP]
    mind = team(pm=[PROPOSES, thinking, says("Tabs.")], coder=coder, lead=lead)
    async with room.engine(mind) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        await scene.say("a", "go")
        await scene.until(thinking.reached)
    thinking.let_go.set()
    async with room.engine(mind) as scene:
        assert (await scene.rest(thread)).outcome == "question"
        assert scene.host.coders._free == scene.host.coders.count  # who waits for people holds no place
    async with room.engine(mind) as scene:
        await asyncio.sleep(0.1)
        assert scene.asked == []
        state = await scene.talk("a", "", action="answer")
        assert state.question is None
        assert await asked_and_answered(scene, thread) == [
            f"{role} asks: Tabs or spaces?",
            "pm asks a person: What do you want, tabs or spaces?",
            "robin answers: ",
            "pm answers: Tabs.",
        ]
        assert state.summary is not None
        replies = [(e.frame, e.step) for e in await scene.events(thread) if isinstance(e, ModelReplied)]
        assert len(replies) == len(set(replies))
        assert [(x.role, x.answer) for x in state.exchanges] == [(role, "Tabs.")]
        report = [m for a in scene.asked if a.role == "lead" for m in a.messages if m["role"] == "user"]
        assert role == "lead" or any("Tabs or spaces?" in str(m["content"]) for m in report)


async def test_a_question_that_was_cancelled_is_asked_again_and_takes_what_was_said_as_its_answer(
    room: Room,
) -> None:
    answers: list[Asked] = []

    async def answer(asked: Asked) -> ModelReply:
        answers.append(asked)
        return says("Tabs.")

    mind = team(pm=[PROPOSES, ASKS_PERSON, answer], coder=[ASKS, WRITES, says("Wrote it.")])
    async with room.engine(mind) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        assert (await scene.talk("a", "go")).outcome == "question"
        assert (await scene.talk("a", "cancel")).outcome == "cancelled"
        assert (await scene.talk("a", "go")).outcome == "question"
        asked = [p for p in await scene.posts(thread) if p.startswith("What do you want")]
        assert len(asked) == 2
        assert (await scene.talk("a", "cancel")).outcome == "cancelled"
        state = await scene.talk("a", "tabs, please")
        assert state.pr is not None
        assert answers[0].heard == "tabs, please"


async def reminded(scene: Scene, thread: str, times: int) -> list[str]:
    """Wait until people were reminded so often; returns the reminders."""
    async with asyncio.timeout(20):
        while True:
            said = [p for p in await scene.posts(thread) if p.startswith("This still waits")]
            if len(said) >= times:
                return said
            await asyncio.sleep(0.02)


async def test_people_are_reminded_again_and_again_and_nothing_is_closed(room: Room) -> None:
    """The wish to remind is a row: it comes true in whatever process runs then."""
    soon = 0.5 / 3600
    room.configure(threads={"remindAfterHours": soon, "remindEveryHours": soon})
    mind = team(pm=[ASKS_PERSON, says("Tabs it is.")])
    async with room.engine(mind) as scene:
        thread = (await scene.talk("a", "Make it nice")).id
    await asyncio.sleep(0.6)
    door = Door()
    async with room.engine(mind, door) as scene:
        said = await reminded(scene, thread, 2)
        assert "What do you want, tabs or spaces?" in said[0]
        shown = [s.message for s in door.shown if s.message.text.startswith("This still waits")]
        assert [c.value for c in shown[0].choices] == ["tabs", "spaces"]
        state: ThreadState = await scene.talk("a", "tabs")
        assert (state.outcome, await scene.host.store.next_due()) == ("answered", None)
        fired = [e for e in await scene.events(thread) if isinstance(e, TimerFired)]
        await asyncio.sleep(0.7)
        assert len([e for e in await scene.events(thread) if isinstance(e, TimerFired)]) == len(fired)


async def test_a_host_may_do_without_reminders(room: Room) -> None:
    room.configure(threads={"remindAfterHours": None})
    async with room.engine(team(pm=[ASKS_PERSON])) as scene:
        await scene.talk("a", "Make it nice")
        assert await scene.host.store.next_due() is None


async def test_a_clock_that_is_set_brings_a_reminder_neither_early_nor_ever_late(room: Room) -> None:
    ahead = 0.0
    mind = team(pm=[ASKS_PERSON])
    async with room.engine(mind, clock=Clock(wall=lambda: time.time() + ahead)) as scene:
        thread = (await scene.talk("a", "Make it nice")).id
        due = await scene.host.store.next_due()
        assert due is not None
        for ahead in (3 * DAY, -3 * DAY, 0.0):
            scene.engine._look.set()
            await scene.where_due(due + ahead)
        assert not any(isinstance(e, TimerFired) for e in await scene.events(thread))
    async with room.engine(mind) as scene:  # and so it does after a start with the right time
        await scene.host.store.shift_timers(4000 * DAY)
    async with room.engine(mind) as scene:
        await scene.where_due(time.time() + 7 * DAY)
        assert not any(isinstance(e, TimerFired) for e in await scene.events(thread))
