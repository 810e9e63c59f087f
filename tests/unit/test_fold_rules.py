"""What single events mean: what halts a thread, what lets it go on, what replaces what."""

from __future__ import annotations

import pytest

from codebutler import events as ev
from codebutler.commands import words
from codebutler.thread.fold import fold
from codebutler.thread.state import ThreadState
from codebutler.types import MemoryItem, Person, Plan, PlanStep, ToolCall

ROBIN = Person(surface="slack", id="U7")
BEGUN = (
    ev.ThreadOpened(title="t", owner=ROBIN),
    ev.FrameStarted(frame="pm", role="pm"),
    ev.FrameStarted(frame="coder-1", role="coder"),
)


def after(*events: ev.Event) -> ThreadState:
    return fold("t", ((seq, 0.0, event) for seq, event in enumerate([*BEGUN, *events], 1)))


def proposed(name: str) -> ev.PlanProposed:
    plan = Plan(title=name, summary="", steps=[PlanStep(text="x")], files=["./a.py", "b.py:3"])
    return ev.PlanProposed(plan=plan, hash=name, base="base")


def approved(name: str) -> ev.PlanApproved:
    return ev.PlanApproved(message=0, hash=name, base="base", by=ROBIN)


CANCELLED = ev.Cancelled(message=0, by=ROBIN)
HIT = ev.LimitHit(frame="pm", what="the cap")
FAILED = ev.TurnEnded(outcome="failed")
ASKED = ev.QuestionAsked(frame="pm", call_id="k", question="?")


@pytest.mark.parametrize("halt", [CANCELLED, HIT, FAILED, ev.TurnEnded(outcome="paused")])
@pytest.mark.parametrize(
    "word",
    [
        ev.Resumed(message=0, by=ROBIN),
        ev.MessageTaken(frame="pm", messages=[], content="do it otherwise"),
        approved("p1"),
        ev.MergeRequested(message=0, by=ROBIN),
    ],
)
def test_what_halts_a_thread_and_which_words_let_it_go_on(halt: ev.Event, word: ev.Event) -> None:
    assert after(halt).halted
    assert after(halt, word).halted == ""


@pytest.mark.parametrize(
    ("word", "called_off"),
    [
        (ev.Resumed(message=0, by=ROBIN), True),  # somebody only spoke
        (ev.MessageTaken(frame="pm", messages=[], content="what did you change?"), True),
        (ev.Resumed(message=9, by=ROBIN), False),
        (approved("p1"), False),
        (ev.MergeRequested(message=9, by=ROBIN), False),
        (ev.RebaseRequested(message=9, by=ROBIN), False),
    ],
)
def test_what_was_called_off_stays_so_until_somebody_takes_it_up(word: ev.Event, called_off: bool) -> None:
    assert not after(word).called_off
    assert after(CANCELLED, word).called_off is called_off


@pytest.mark.parametrize("outcome", ["answered", "plan", "question", "pr", "done", "closed"])
def test_an_end_that_is_no_failure_halts_nothing(outcome: ev.Outcome) -> None:
    assert after(ev.TurnEnded(outcome=outcome)).halted == ""


def test_a_new_plan_waits_again_and_dropping_an_old_one_leaves_it() -> None:
    state = after(proposed("p1"), approved("p1"))
    assert not state.plan_waits
    state = after(proposed("p1"), approved("p1"), proposed("p2"))
    assert state.plan_waits
    state = after(proposed("p1"), proposed("p2"), ev.PlanDropped(hash="p1", why="old"))
    assert state.plan is not None
    assert state.plan.hash == "p2"
    assert after(proposed("p1"), ev.PlanDropped(hash="p1", why="no")).plan is None


def test_a_plan_is_carried_out_when_its_coder_has_ended() -> None:
    done = ev.FrameEnded(frame="coder-1", outcome="pr")
    assert after(proposed("p1"), approved("p1")).carried_out == ""
    assert after(proposed("p1"), approved("p1"), done).carried_out == "p1"
    assert after(proposed("p1"), approved("p1"), ev.FrameEnded(frame="pm", outcome="pr")).carried_out == ""


def test_a_cancel_takes_back_what_was_asked_and_wished() -> None:
    state = after(ASKED, ev.MergeRequested(message=0, by=ROBIN), CANCELLED)
    assert (state.question, state.merge) == (None, None)


def test_an_answer_goes_to_its_call() -> None:
    state = after(ASKED, ev.QuestionAnswered(message=0, call_id="k", text="yes", by=ROBIN))
    assert (state.question, state.answers) == (None, {"k": "yes"})


def test_memory_is_proposed_in_parts_and_decided_as_a_whole() -> None:
    first, second = (ev.MemoryProposed(items=[MemoryItem(file="pm.md", text=t)]) for t in ("a", "b"))
    state = after(first, second)
    assert [i.text for i in state.memory or []] == ["a", "b"]
    state = after(first, second, ev.MemoryDecided(message=0, kept=[], by=ROBIN))
    assert (state.memory, state.kept) == (None, [])


def test_an_escalation_joins_the_pms_transcript_and_is_open_until_it_is_answered() -> None:
    asked = ev.EscalationAsked(frame="coder-1", call_id="k", role="coder", question="Tabs?")
    state = after(asked)
    assert state.open_exchange is not None
    assert "Tabs?" in state.frames["pm"].messages[-1]["content"]
    assert state.frames["pm"].due
    assert after(asked, ev.EscalationAnswered(call_id="k", text="No.")).open_exchange is None


def test_a_shown_plan_leaves_the_pm_nothing_to_do() -> None:
    reply = ev.ModelReplied(frame="pm", step=1, model="m", tool_calls=[ToolCall(id="c", name="propose_plan")])
    shown = ev.ToolFinished(frame="pm", call_id="c", name="propose_plan", text="ok")
    refused = shown.model_copy(update={"ok": False})
    assert not after(reply, shown).frames["pm"].due
    assert after(reply, refused).frames["pm"].due


def test_caps_are_raised_by_what_people_say_in_sum() -> None:
    state = after(*(ev.Resumed(message=0, by=ROBIN, raise_usd=usd) for usd in (1.0, 0.5)))
    assert state.raised_usd == 1.5


def test_a_commit_that_the_log_learns_of_moves_the_head() -> None:
    ready = ev.WorktreeReady(branch="b", path="/p", base="c0")
    made = ev.CheckpointMade(commit="c1", message="m", files=["a.py"])
    assert (after(ready).head, after(ready, made).head) == ("c0", "c1")
    assert after(ready, made, ev.MemoryCommitted(commit="")).head == "c1"
    assert after(ready, made, ev.JournalCommitted(commit="c2", path="j")).head == "c2"
    assert after(ready, made).files == {"a.py"}
    assert after(ready, made, ev.WorktreeRemoved()).removed


@pytest.mark.parametrize(
    ("changes", "title", "phase"),
    [
        ([ev.MessageDeleted(surface="slack", of="1", by=ROBIN)], "two", "pm"),
        ([ev.MessageEdited(surface="slack", of="1", text="uno\ndos", by=ROBIN)], "uno", "pm"),
        ([ev.MessageDeleted(surface="slack", of="2", by=ROBIN)], "one", "pm"),
        ([ev.MessageDeleted(surface="slack", of=k, by=ROBIN) for k in "12"], "(taken back)", "closed"),
        ([FAILED, ev.FrameStarted(frame="pm", role="pm"),
          ev.MessageEdited(surface="slack", of="1", text="uno", by=ROBIN)], "one", "pm"),
    ],
)  # fmt: skip
def test_a_thread_is_called_by_no_words_that_were_taken_back_unread(
    changes: list[ev.Event], title: str, phase: str
) -> None:
    said = [ev.MessageReceived(surface="slack", external_id="c", key=k, author=ROBIN, text=text)
            for k, text in (("1", "one"), ("2", "two"))]  # fmt: skip
    events = [ev.ThreadOpened(title="one", owner=ROBIN), *said, *changes]
    state = fold("t", ((seq, 0.0, event) for seq, event in enumerate(events, 1)))
    assert state.opened is not None
    assert (state.title, state.opened.title, state.phase) == (title, title, phase)


LESSON = MemoryItem(file="pm.md", text="a")
MARKED = ev.MemoryMarked(message=0, by=ROBIN, items=[LESSON], marks=["keep"])


@pytest.mark.parametrize("shown", [ev.MemoryProposed(items=[LESSON]), MARKED])
@pytest.mark.parametrize("halt", [CANCELLED, HIT, FAILED, ev.TurnEnded(outcome="paused")])
def test_a_yes_answers_what_was_shown_last(halt: ev.Event, shown: ev.Event) -> None:
    rest = ev.TurnEnded(outcome="failed")
    assert words.read(after(MARKED, halt, rest), "yes") == ("retry", "")
    assert words.read(after(halt, rest, shown, rest), "yes") == ("memory", "yes")
    assert words.read(after(halt, rest, shown, rest), "go") == ("retry", "")
    resumed = ev.Resumed(message=0, by=ROBIN)
    assert words.read(after(halt, rest, shown, rest, resumed, halt, rest), "yes") == ("retry", "")
