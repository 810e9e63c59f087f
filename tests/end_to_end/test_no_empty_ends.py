"""What came to nothing says so: a plan without changes, replies cut off, empty plans, dropped memory."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from codebutler.agent.loop import TORN
from codebutler.events import FrameEnded, Nudged, ToolFinished, TurnEnded
from codebutler.testing.cast import Cast, cut, does, lead, plan, write
from codebutler.testing.doubles import says
from codebutler.testing.stage import Stage
from codebutler.thread.fold import fold
from codebutler.types import ModelReply, ToolCall

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

_ids = count(1)
IDLE = """
[[scripts]]
role = "pm"
[[scripts.steps]]
expect = ["Write notes"]
[[scripts.steps.calls]]
name = "propose_plan"
arguments = { title = "Notes", summary = "n", steps = [{ text = "x" }] }

[[scripts]]
role = "coder"
[[scripts.steps]]
expect = ["Write notes"]
text = "I did nothing."
"""


async def test_a_coder_that_changes_nothing_has_not_carried_out_the_plan_and_go_starts_it_again(
    room: Room,
) -> None:
    mind = Cast(
        pm=[plan()],
        coder=[
            says("I did nothing."),
            does("create_pr", title="Notes", body=""),
            says("Nor now."),
            write("A", "a\n"),
            says("Wrote."),
        ],
        lead=lead(),
    )
    async with room.engine(mind) as scene:
        await scene.talk("a", "Write notes")
        state = await scene.talk("a", "go")
        assert (state.outcome, state.phase, state.pr) == ("failed", "pm", None)
        said = (await scene.posts(state.id))[-1]
        assert said.startswith(
            "The plan was not carried out: the Coder changed no file. It said: I did nothing."
        )
        assert said.endswith('Say **"go"** to try again, or say what to do instead.')
        assert sum("I did nothing" in text for text in await scene.posts(state.id)) == 1
        again = await scene.talk("a", "go")
        assert (again.outcome, again.pr, len(mind.of("coder"))) == ("failed", None, 3)
        assert "changed no file" in str(mind.of("coder")[1][1]["content"]), "it knows of the run before"
        done = await scene.talk("a", "go")
        assert (done.outcome, done.pr is not None) == ("pr", True)
        assert done.approval == state.approval


async def test_words_after_it_go_to_the_pm_and_do_not_start_the_coder(room: Room) -> None:
    mind = Cast(
        pm=[plan(), says("Then nothing is left to do."), plan("More")],
        coder=[says("It is there already."), write("B", "b\n"), says("Wrote.")],
        lead=lead("More"),
    )
    async with room.engine(mind) as scene:
        await scene.talk("a", "Write notes")
        await scene.talk("a", "go")
        state = await scene.talk("a", "Right, leave it.")
        assert (state.outcome, len(mind.of("coder"))) == ("answered", 1)
        assert (await scene.talk("a", "Write more")).outcome == "plan"
        assert (await scene.talk("a", "go")).outcome == "pr"


async def test_a_worker_that_died_before_it_said_so_says_so(room: Room) -> None:
    """The log may end behind the Coder's end: who takes the thread over owes people the message."""
    mind = Cast(pm=[plan()], coder=[says("I did nothing.")])
    async with room.engine(mind) as scene:
        await scene.talk("a", "Write notes")
        state = await scene.talk("a", "go")
        log = await scene.events(state.id)
        assert isinstance(ended := log[-3], FrameEnded), [e.kind for e in log]
    half = fold("t", ((n, 0.0, e) for n, e in enumerate(log[:-2], 1)))
    assert ended.outcome == "failed"
    assert half.unended
    assert isinstance(log[-1], TurnEnded)
    assert half.owed == ("failed", log[-1].text)


async def test_a_coder_alone_that_changes_nothing_just_says_so(room: Room) -> None:
    async with room.engine(Cast(coder=[says("It is so already.")])) as scene:
        state = await scene.rest(await scene.say("a", "Look", mode="coder"))
        assert state.outcome == "done"
        assert (await scene.posts(state.id))[-1].startswith("It is so already.\n\n0 files changed")


@pytest.mark.parametrize("stage", [IDLE], indirect=True)
async def test_run_exits_1_when_nothing_was_carried_out(stage: Stage) -> None:
    done = await stage.cli("run", "Write notes", "--yes", "--json")
    assert (done.code, done.summary["outcome"]) == (1, "failed"), done.stderr
    assert "The plan was not carried out" in str(done.lines)


async def test_an_answer_that_was_cut_is_gone_on_with_and_shown_whole(room: Room) -> None:
    mind = Cast(pm=[cut("It lies in "), says("app.py.")])
    async with room.engine(mind) as scene:
        state = await scene.talk("a", "Where is it?")
        assert (await scene.posts(state.id))[-1] == "It lies in app.py."
        assert "cut off" in str(mind.of("pm")[1][-1]["content"])
        assert [e.reason for e in await scene.events(state.id) if isinstance(e, Nudged)] == ["cut"]


async def test_a_coder_whose_reply_was_cut_goes_on_to_work(room: Room) -> None:
    mind = Cast(pm=[plan()], coder=[cut("First I"), write("A", "a\n"), says("Wrote.")], lead=lead())
    async with room.engine(mind) as scene:
        assert (await scene.shipped()).files == {"A"}


@pytest.mark.parametrize("text", ["And on and on", ""])
async def test_a_model_that_is_cut_again_and_again_ends_the_turn_which_says_so(room: Room, text: str) -> None:
    mind = Cast(pm=[plan()], coder=[*[cut(text)] * 3, write("A", "a\n"), says("Wrote.")], lead=lead())
    async with room.engine(mind) as scene:
        await scene.talk("a", "Write notes")
        state = await scene.talk("a", "go")
        assert (state.outcome, len(mind.of("coder"))) == ("failed", 3)
        said = (await scene.posts(state.id))[-1]
        assert "3 replies of the Coder in a row were cut off at their limit" in said
        assert ("It said: And on and on" in said) is bool(text)
        assert (await scene.talk("a", "go")).outcome == "pr"


def torn(text: str = "") -> ModelReply:
    """A reply that was cut off in the middle of a call."""
    started = ToolCall(id=f"torn_{next(_ids)}", name="write", arguments='{"path": "A", "content": "a very lo')
    return replace(cut(text), tool_calls=(started,))


async def test_a_call_that_was_cut_is_not_made_and_its_author_is_told_why(room: Room) -> None:
    mind = Cast(pm=[plan()], coder=[torn(), torn("Again"), write("A", "a\n"), says("Wrote.")], lead=lead())
    async with room.engine(mind) as scene:
        assert (await scene.shipped()).files == {"A"}
        assert [request[-1]["content"] for request in mind.of("coder")[1:3]] == [TORN, TORN]


async def test_calls_that_are_cut_again_and_again_end_the_turn_with_the_cause(room: Room) -> None:
    mind = Cast(pm=[plan()], coder=[*[torn() for _ in range(3)], write("A", "a\n"), says("W.")], lead=lead())
    async with room.engine(mind) as scene:
        await scene.talk("a", "Write notes")
        state = await scene.talk("a", "go")
        assert (state.outcome, len(mind.of("coder"))) == ("failed", 3)
        assert "3 replies of the Coder in a row were cut off" in (await scene.posts(state.id))[-1]
        assert (await scene.talk("a", "go")).outcome == "pr"


@pytest.mark.parametrize(
    ("title", "steps", "lacks"),
    [
        ("", [], "it lacks a title and steps"),
        (" ", [{"text": "x"}], "it lacks a title"),
        ("Notes", [], "it lacks steps"),
        ("Notes", [{"text": " "}], "it lacks words for each of its steps"),
    ],
)
async def test_an_empty_plan_comes_before_nobody(
    room: Room, title: str, steps: list[object], lacks: str
) -> None:
    mind = Cast(pm=[does("propose_plan", title=title, summary="", steps=steps), says("What shall I plan?")])
    async with room.engine(mind) as scene:
        state = await scene.talk("a", "Write notes")
        assert (state.outcome, state.plan) == ("answered", None)
        (result,) = [e for e in await scene.events(state.id) if isinstance(e, ToolFinished)]
        assert not result.ok
        assert lacks in result.text


@pytest.mark.parametrize(("lessons", "said"), [(("A", "B"), "2 memory proposals were"), (("A",), "1 memory")])
async def test_a_merge_says_that_it_drops_undecided_memory(
    room: Room, lessons: tuple[str, ...], said: str
) -> None:
    mind = Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=lead("Notes", *lessons))
    async with room.engine(mind) as scene:
        await scene.shipped()
        state = await scene.talk("a", "merge")
        assert state.phase == "closed"
        (text,) = [t for t in await scene.posts(state.id) if "dropped, undecided" in t]
        assert f"\n\n{said}" in text


async def test_a_refused_merge_drops_no_memory_and_it_can_still_be_kept(room: Room) -> None:
    mind = Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=lead("Notes", "One.", "Two."))
    async with room.engine(mind) as scene:
        before = await scene.shipped()
        away = room.sample.remote.with_name("away.git")
        room.sample.remote.rename(away)
        refused = await scene.talk("a", "merge")
        assert (refused.outcome, refused.memory, refused.merged) == ("failed", before.memory, None)
        away.rename(room.sample.remote)
        await scene.talk("a", "keep 1")
        state = await scene.talk("a", "/memory yes")
        assert (state.memory, state.memory_commits) == (None, 1)
        assert "Kept 1 item" in (await scene.posts(state.id))[-1]
        assert (await scene.talk("a", "merge")).phase == "closed", await scene.posts(state.id)
        shown = scene.git("show", "main:.codebutler/memory/pm.md", where=room.sample.remote)
        assert "One." in shown
        assert "Two." not in shown


async def test_memory_that_is_decided_while_paused_is_kept_once_it_goes_on(room: Room) -> None:
    mind = Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=lead("Notes", "One."))
    async with room.engine(mind) as scene:
        await scene.shipped()
        await scene.talk("a", "pause")
        state = await scene.talk("a", "/memory yes")
        assert "Noted. It is kept once the thread goes on" in (await scene.posts(state.id))[-1]
        assert (await scene.talk("a", "go")).memory_commits == 1


async def test_a_raise_by_no_number_is_refused_at_a_cap(room: Room) -> None:
    room.configure(limits={"usdPerThread": 0.001})
    room.env["CODEBUTLER_MODEL"] = "openai/gpt-4o-mini"
    async with room.engine(Cast(pm=[says("One.", usd=0.001), says("Two.")])) as scene:
        await scene.talk("a", "one")
        assert (await scene.talk("a", "two")).outcome == "paused"
        for word in ("nan", "inf", "ten"):
            state = await scene.talk("a", f"raise {word}")
            said = (await scene.posts(state.id))[-1]
            assert f"does not take '{word}'" in said
            assert (state.halted[:6], state.raised_usd) == ("paused", 0.0)
