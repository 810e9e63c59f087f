"""Research and the past: back to before it, into the midst of it, a second thread from there; and for a Coder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.events import EscalationAnswered, ResearchFinished
from codebutler.testing.cast import Line, asks, does, finds, lead, plan, with_researchers, write
from codebutler.testing.doubles import Asked, says
from codebutler.testing.webtwin import WebTwin
from codebutler.types import ModelReply

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


async def pm(asked: Asked) -> ModelReply:
    """It asks once in a transcript, looks at the repo, and its words follow from what it knows."""
    if not any(m["role"] == "assistant" for m in asked.messages):
        return asks("one")
    if sum(m["role"] == "assistant" for m in asked.messages) == 1:
        return does("glob", pattern="*.py")
    back = sum("The Researcher on" in str(m["content"]) for m in asked.messages)
    return says(f"{back} in." if back else "I wait.")


def reads(twin: WebTwin) -> list[Line]:
    """A Researcher, as often as it may be sent out."""
    return [does("web_fetch", url=f"{twin.url}/rates"), finds(f"{twin.url}/rates")] * 3


async def test_back_into_the_midst_of_it_and_on(room: Room, twin: WebTwin) -> None:
    """What was open at that point is open again, and comes back once."""
    async with room.engine(with_researchers([pm] * 20, one=reads(twin))) as scene:
        state = await scene.talk("a", "How fast?")
        assert (await scene.posts(state.id))[-1] == "1 in."
        midst = scene.point(state, "research")
        state = await scene.talk("a", f"rewind {midst.number}")
        assert (state.outcome, len(state.open_researches())) == ("rewound", 1)
        state = await scene.talk("a", "go")
        assert (state.outcome, (await scene.posts(state.id))[-1]) == ("answered", "1 in.")
        assert [r.outcome for r in state.researches.values()] == ["done"]
        told = [m for m in state.frames["pm"].messages if "The Researcher on" in str(m["content"])]
        assert len(told) == 1


async def test_a_second_thread_from_the_midst_of_it_learns_that_it_was_stopped(
    room: Room, twin: WebTwin
) -> None:
    async with room.engine(with_researchers([pm] * 20, one=reads(twin))) as scene:
        state = await scene.talk("a", "How fast?")
        await scene.talk("a", f"fork {scene.point(state, 'research').number}")
        other = next(row.id for row in await scene.host.store.threads() if row.id != state.id)
        second = await scene.state(other)
        assert second.open_researches() == []
        words = "\n".join(str(m["content"]) for m in second.frames["pm"].messages)
        assert "The research on 'one' was stopped" in words
        assert len([e for e in await scene.events(state.id) if isinstance(e, ResearchFinished)]) == 1


async def test_a_coders_question_is_looked_up(room: Room, twin: WebTwin) -> None:
    """The PM sends a Researcher out from within the Coder's call, and the Coder gets the whole answer."""

    async def answers(asked: Asked) -> ModelReply:
        if "How many calls" in asked.heard:
            return asks("one")
        return says("100." if "The Researcher on" in asked.heard else "I wait.")

    think = with_researchers([plan("Add a note", "NOTE"), *[answers] * 9], one=reads(twin))
    coder: list[Line] = [does("ask_pm", question="How many calls?"), write("NOTE", "100\n"), says("Done.")]
    leads = list(lead("Add a note"))

    async def team(asked: Asked) -> ModelReply:
        lines = {"coder": coder, "lead": leads}.get(asked.role)
        if lines is None:
            return await think(asked)
        line = lines.pop(0)
        return line if isinstance(line, ModelReply) else await line(asked)

    async with room.engine(team) as scene:
        await scene.talk("a", "Note the limit")
        state = await scene.talk("a", "go")
        assert state.outcome == "pr", await scene.posts(state.id)
        events = await scene.events(state.id)
        assert [e.text for e in events if isinstance(e, EscalationAnswered)] == ["100."]
        assert [r.outcome for r in state.researches.values()] == ["done"]
