"""An open pull request's end and reviews: what comes while the thread is at work, or was killed, is not lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from codebutler.events import Event, MendBegun, PrMerged, QuestionAsked, WorktreeRemoved, dump
from codebutler.store.rows import NewEvent
from codebutler.testing.cast import Line, lead, plan, write
from codebutler.testing.doubles import Asked, Mind, says
from codebutler.types import Person

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

ANN = Person(surface="github", id="ann", name="ann")


def mind(*more: Line, gate: asyncio.Event | None = None, reached: asyncio.Event | None = None) -> Mind:
    """The Coder ships, and has ``more`` to do; from then on it waits for ``gate``."""
    lines: dict[str, list[Line]] = {
        "pm": [plan("Notes", "NOTE"), says("The plan is there.")],
        "coder": [write("NOTE", "a\n"), says("Wrote it."), *more],
        "lead": [line for _ in range(3) for line in lead("Notes")],
    }

    async def answers(asked: Asked) -> object:
        if asked.role == "coder" and len(lines["coder"]) == len(more) and gate and reached:
            reached.set()
            await gate.wait()
        return lines[asked.role].pop(0)

    return answers  # type: ignore[return-value] # every line ends in a reply


@pytest.mark.parametrize("left", ["cleanup", "question"])
async def test_a_merge_made_elsewhere_closes_whatever_a_kill_or_a_question_left_open(
    room: Room, left: str
) -> None:
    async with room.engine(mind()) as scene:
        state = await scene.shipped()
        merged = PrMerged(number=1, commit=state.pushed, by=ANN)
        asked = QuestionAsked(frame="pm", call_id="c", question="Which?")
        events: list[Event] = [merged, WorktreeRemoved()] if left == "cleanup" else [asked, merged]
        rows = [NewEvent(each.kind, f"test:{n}", dump(each)) for n, each in enumerate(events)]
        await scene.host.store.append(state.id, rows, ready=True)
        for _ in range(2):
            scene.engine.kick(state.id)
            assert (await scene.rest(state.id)).phase == "closed"
        assert sum("## Usage" in text for text in await scene.posts(state.id)) == 1


async def test_a_review_that_comes_while_one_is_answered_has_its_turn(room: Room) -> None:
    gate, reached = asyncio.Event(), asyncio.Event()
    work = [write("NOTE", "b\n"), says("[c1] fixed: b"), write("NOTE", "c\n"), says("[c2] fixed: c")]
    async with room.engine(mind(*work, gate=gate, reached=reached)) as scene:
        state = await scene.shipped()
        await scene.say("a", "/respond - [c1] NOTE:1 (ann): say b")
        await scene.until(reached)
        await scene.say("a", "/respond - [c2] NOTE:1 (ann): say c")
        await scene.where(state.id, lambda s: bool(s.unread))
        gate.set()
        state = await scene.rest(state.id)
        assert scene.git("show", f"{state.pushed}:NOTE") == "c"
        assert sum(isinstance(event, MendBegun) for event in await scene.events(state.id)) == 2
        assert sum("right after that" in text for text in await scene.posts(state.id)) == 1
