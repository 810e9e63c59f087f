"""The PM sends Researchers out: beside its own work, in the log, checked, stopped, restarted, bounded."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from codebutler.events import ModelReplied, Posted, ResearchFinished, ResearchStarted, ToolFinished
from codebutler.testing.cast import Held, Line, asks, call, does, finds, with_researchers
from codebutler.testing.doubles import Asked, says
from codebutler.testing.webtwin import WebTwin
from codebutler.thread.team import A_TURN, AT_ONCE
from codebutler.types import ModelReply

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


def whole(twin: WebTwin) -> list[Line]:
    """A Researcher that searches, reads and reports."""
    return [
        does("web_search", query="rates"),
        does("web_fetch", url=f"{twin.url}/rates"),
        finds(f"{twin.url}/rates"),
    ]


def heard(asked: Asked) -> str:
    return "\n".join(str(m["content"]) for m in asked.messages)


def sees(words: str, then: ModelReply) -> Callable[[Asked], Awaitable[ModelReply]]:
    """A line that first looks whether ``words`` were heard."""

    async def line(asked: Asked) -> ModelReply:
        assert words in heard(asked)
        return then

    return line


async def test_the_pm_goes_on_reading_while_two_researchers_work(room: Room, twin: WebTwin) -> None:
    slow = Held(does("web_fetch", url=f"{twin.url}/rates"))

    async def let_go(_asked: Asked) -> ModelReply:
        slow.let_go.set()
        return says("I wait for the Researchers.")

    reads: list[Line] = [does("glob", pattern="**/*.py"), does("grep", pattern="def ", mode="count"), let_go]
    pm: list[Line] = [asks("one", "two"), *reads, says("It waits."), says("100 a minute, by twin/rates.")]
    two: list[Line] = [slow, finds(f"{twin.url}/rates")]
    async with room.engine(with_researchers(pm, one=whole(twin), two=two)) as scene:
        state = await scene.talk("a", "How fast may we call the API?")
        pms = [a for a in scene.asked if a.role == "pm"]
        final = [a for a in pms if heard(a).count("The Researcher on ") == 2]
        assert final, [heard(a)[-300:] for a in pms]
        assert f"]({twin.url}/rates) (2026-03-01)" in heard(final[0])
        assert '"100 requests a minute"' in heard(final[0])
        assert "- the price" in heard(final[0])
        assert state.outcome == "answered"
        assert {n: len(f.messages) for n, f in state.frames.items() if f.role == "researcher"} == {
            "researcher-1": 7,
            "researcher-2": 5,
        }
        for earlier, later in itertools.pairwise(pms):
            assert later.messages[: len(earlier.messages)] == earlier.messages
        log = await scene.events(state.id)
        started = [e.research for e in log if isinstance(e, ResearchStarted)]
        finished = {e.research: e.outcome for e in log if isinstance(e, ResearchFinished)}
        assert (started, finished) == (
            ["researcher-1", "researcher-2"],
            {"researcher-1": "done", "researcher-2": "done"},
        )
        meanwhile = log[: log.index(next(e for e in log if isinstance(e, ResearchFinished)))]
        assert any(isinstance(e, ToolFinished) and e.frame == "pm" and e.name == "glob" for e in meanwhile)
        shown = [e.post.text for e in log if isinstance(e, Posted) and e.post.role == "pm"]
        assert len(shown) == 1, "what was said while it waited was held back"
        assert state.usd == pytest.approx(0.001 * len(scene.asked))
        tools = {a.role: a.tools for a in scene.asked}
        assert tools["researcher"] == ("web_search", "web_fetch", "report_findings")
        assert "web_fetch" not in tools["pm"]
        assert "parcel" not in str(next(a for a in scene.asked if a.role == "researcher").messages[0])


async def test_a_pm_that_waits_is_asked_once_all_are_back(room: Room, twin: WebTwin) -> None:
    """Each of its calls has the whole transcript, and is paid for."""
    slow = Held(does("web_fetch", url=f"{twin.url}/rates"))
    pm: list[Line] = [asks("one", "two"), says("I wait."), says("100 a minute.")]
    two: list[Line] = [slow, finds(f"{twin.url}/rates")]
    async with room.engine(with_researchers(pm, one=whole(twin), two=two)) as scene:
        thread = await scene.say("a", "Look it up")
        await scene.until(slow.reached)
        await scene.where(thread, lambda state: state.researches["researcher-1"].outcome is not None)
        slow.let_go.set()
        state = await scene.rest(thread)
        asked = [heard(a) for a in scene.asked if a.role == "pm"]
        assert (state.outcome, len(asked)) == ("answered", 3)
        assert asked[2].count("The Researcher on ") == 2
        assert asked[2].count("was held back for this") == 1


async def test_what_was_found_before_a_stop_is_read_when_the_work_goes_on(room: Room, twin: WebTwin) -> None:
    never = Held(says(""))
    pm: list[Line] = [asks("one", "two"), says("I wait."), sees("100 requests a minute", says("100."))]
    async with room.engine(with_researchers(pm, one=whole(twin), two=[never])) as scene:
        thread = await scene.say("a", "Look it up")
        await scene.until(never.reached)
        await scene.where(thread, lambda state: state.researches["researcher-1"].outcome is not None)
        assert (await scene.talk("a", "cancel")).outcome == "cancelled"
        await scene.talk("a", "go")
        assert (await scene.posts(thread))[-1] == "100."


async def test_cancel_stops_researchers_and_the_pm_learns_of_it(room: Room, twin: WebTwin) -> None:
    never = Held(says(""))
    pm: list[Line] = [asks("one"), says("I wait."), sees("was stopped with the rest", says("Done without."))]
    async with room.engine(with_researchers(pm, one=[never])) as scene:
        thread = await scene.say("a", "Look it up")
        await scene.until(never.reached)
        await scene.where(thread, lambda state: state.frames["pm"].step == 2)
        state = await scene.talk("a", "cancel")
        assert (state.outcome, never.broken_off) == ("cancelled", 1)
        assert state.open_researches() == []
        calls = len(scene.asked)
        state = await scene.talk("a", "answer from what you know")
        assert state.id == thread
        assert (await scene.posts(thread))[-1] == "Done without."
        assert [a.role for a in scene.asked[calls:]] == ["pm"]


async def test_a_restart_goes_on_with_what_is_open_and_repeats_nothing(room: Room, twin: WebTwin) -> None:
    slow = Held(does("web_fetch", url=f"{twin.url}/rates"))

    async def by_what_is_in(asked: Asked) -> ModelReply:
        """The end of a process may break off any of the PM's calls: what it says follows from what it knows."""
        if len(asked.messages) == 2:
            return asks("one", "two")
        return says("100." if heard(asked).count("The Researcher on") == 2 else "I wait.")

    pm: list[Line] = [by_what_is_in] * 9
    two: list[Line] = [does("web_search", query="rates"), slow, finds(f"{twin.url}/rates")]
    think = with_researchers(pm, one=whole(twin), two=two)
    async with room.engine(think) as scene:
        thread = await scene.say("a", "Look it up")
        await scene.until(slow.reached)
        await scene.where(thread, lambda state: state.researches["researcher-1"].outcome is not None)
    fetched = len(twin.asked)
    slow.let_go.set()
    async with room.engine(think) as scene:
        state = await scene.rest(thread)
        assert (state.outcome, (await scene.posts(thread))[-1]) == ("answered", "100.")
        assert {r.outcome for r in state.researches.values()} == {"done"}
        replies = [(e.frame, e.step) for e in await scene.events(thread) if isinstance(e, ModelReplied)]
        assert len(replies) == len(set(replies))
        assert all("# Topic\n\none" not in heard(a) for a in scene.asked if a.role == "researcher")
        assert len(twin.asked) > fetched


async def test_a_question_to_the_person_waits_for_the_researchers(room: Room, twin: WebTwin) -> None:
    question = call("ask_user", question="Pay for more?", options=["yes", "no"])
    pm: list[Line] = [asks("one"), says("", question), sees("100 requests", says("So be it."))]
    async with room.engine(with_researchers(pm, one=whole(twin))) as scene:
        state = await scene.talk("a", "Look it up")
        assert state.outcome == "question"
        assert state.open_researches() == []
        assert state.question is not None
        state = await scene.talk("a", "yes")
        assert (await scene.posts(state.id))[-1] == "So be it."


async def test_few_are_at_work_at_once_and_not_many_in_a_turn(room: Room, twin: WebTwin) -> None:
    topics = [f"t{n}" for n in range(A_TURN + 1)]
    busy, most = 0, 0
    full = asyncio.Event()

    async def slowly(_asked: Asked) -> ModelReply:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        if busy == AT_ONCE:
            full.set()
        await full.wait()
        await asyncio.sleep(0.05)
        busy -= 1
        return does("report_findings", answer="Nothing.", claims=[])

    async def pm(asked: Asked) -> ModelReply:
        if heard(asked).count("The Researcher on") == A_TURN:
            return says("All are in.")
        return asks(*topics) if len(asked.messages) == 2 else says("I wait.")

    async def think(asked: Asked) -> ModelReply:
        return await (pm(asked) if asked.role == "pm" else slowly(asked))

    async with room.engine(think) as scene:
        state = await scene.talk("a", "Look it up")
        assert (await scene.posts(state.id))[-1] == "All are in."
        assert most == AT_ONCE
        refused = [e.text for e in await scene.events(state.id) if isinstance(e, ToolFinished) and not e.ok]
        assert refused == [f"{A_TURN} Researchers in one turn are the most: go on with what they find"]
        assert state.hired == 0


async def test_without_the_web_the_pm_is_told(room: Room, twin: WebTwin) -> None:
    room.configure(web={**twin.settings(), "enabled": False})
    pm: list[Line] = [asks("one"), sees("the web is off on this host", says("I cannot look it up."))]
    async with room.engine(with_researchers(pm)) as scene:
        state = await scene.talk("a", "Look it up")
        assert (await scene.posts(state.id))[-1] == "I cannot look it up."


async def test_a_researchers_own_cap_ends_it_and_not_the_thread(room: Room, twin: WebTwin) -> None:
    dear = says("", call("web_search", query="rates"), usd=0.0999)
    pm: list[Line] = [asks("one"), says("I wait."), sees("cap of $0.1", says("Too dear."))]
    async with room.engine(with_researchers(pm, one=[dear, dear, dear])) as scene:
        scene.puppet.tokens = 20_000
        state = await scene.talk("a", "Look it up")
        assert (state.outcome, state.halted) == ("answered", "")
        assert (await scene.posts(state.id))[-1] == "Too dear."
        assert [a.role for a in scene.asked].count("researcher") <= 3
