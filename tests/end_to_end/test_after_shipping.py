"""An open pull request's end and reviews: what comes while the thread is at work, or was killed, is not lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from codebutler.events import Event, MendBegun, PrMerged, QuestionAsked, WorktreeRemoved, dump
from codebutler.store.rows import NewEvent
from codebutler.testing.cast import Cast, Line, lead, plan, write
from codebutler.testing.doubles import Asked, says
from codebutler.types import ModelReply, Person

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

ANN = Person(surface="github", id="ann", name="ann")


def cast(*more: Line) -> Cast:
    """The Coder ships, and has ``more`` to do."""
    coder: list[Line] = [write("NOTE", "a\n"), says("Wrote it."), *more]
    return Cast(pm=[plan()], coder=coder, lead=[line for _ in range(3) for line in lead()])


@pytest.mark.parametrize("left", ["cleanup", "question"])
async def test_a_merge_made_elsewhere_closes_whatever_a_kill_or_a_question_left_open(
    room: Room, left: str
) -> None:
    async with room.engine(cast()) as scene:
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

    async def waits(_: Asked) -> ModelReply:
        reached.set()
        await gate.wait()
        return write("NOTE", "b\n")

    work: list[Line] = [waits, says("[c1] fixed: b"), write("NOTE", "c\n"), says("[c2] fixed: c")]
    async with room.engine(cast(*work)) as scene:
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


async def test_who_had_it_mended_is_a_co_author_of_the_squash_commit(room: Room) -> None:
    room.configure(access={"approve": ["anyone"], "ask": ["anyone"]})
    async with room.engine(cast(write("NOTE", "b\n"), says("[c1] fixed: b"))) as scene:
        state = await scene.shipped()
        await scene.rest(await scene.say("a", "/respond - [c1] NOTE:1 (ann): say b", by="bob"))
        state = await scene.talk("a", "merge")
        assert state.merged is not None, await scene.posts(state.id)
        named = scene.git("log", "-1", "--format=%B", state.merged.commit).splitlines()
        assert [line for line in named if line.startswith("Co-authored-by: ")] == [
            f"Co-authored-by: {who} <{who}@terminal.invalid>" for who in ("robin", "bob")
        ]
