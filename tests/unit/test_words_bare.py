"""What is nothing but a word to a thread, and which threads wait for it."""

from __future__ import annotations

import pytest

from codebutler import events as ev
from codebutler.commands import words
from codebutler.commands.bare import heeds, is_order
from codebutler.thread.fold import fold
from codebutler.thread.state import ThreadState
from codebutler.types import Person, Plan

ROBIN = Person(surface="slack", id="U1", name="robin")


@pytest.mark.parametrize(
    "text",
    [
        "go", "Go!", "yes", "merge", "please merge it", "stop", "cancel", "never mind", ":+1:", "👍",
        "raise 2", "merge #3", "/merge", "/raise 2", "retry", "lgtm, merge", "rewind 3", "reopen", "close",
        "keep 1 and 2", "wait, please stop", "No, stop!", "stop right there", "go ahead and merge",
    ],
)  # fmt: skip
def test_a_word_to_a_thread_is_no_request(text: str) -> None:
    assert is_order(text)


@pytest.mark.parametrize(
    "text",
    [
        "merge the two parsers into one", "go through the tests", "stop the retry loop",
        "yes/no is asked twice",
        "cancel button is grey", "reopen the file after a rotation", "remove 3 columns", "raise the limit",
        "/code fix it", "help", "threads", "/help", "add: a line", "close the file at the end", "fix it", "",
    ],
)  # fmt: skip
def test_a_request_may_begin_with_such_a_word(text: str) -> None:
    assert not is_order(text)


def state(*events: ev.Event) -> ThreadState:
    opened = ev.ThreadOpened(title="t", owner=ROBIN)
    return fold("t1", enumerate_(opened, *events))


def enumerate_(*events: ev.Event) -> list[tuple[int, float, ev.Event]]:
    return [(seq, 1.0, event) for seq, event in enumerate(events, 1)]


def test_a_thread_heeds_what_it_waits_for() -> None:
    planned = state(ev.PlanProposed(plan=Plan(title="t", summary="s", steps=[]), hash="h", base="b"))
    failed = state(ev.TurnEnded(outcome="failed", text="no answer"))
    asks = state(ev.QuestionAsked(frame="pm", call_id="c", question="Yes or no?", options=["yes", "no"]))
    rests = state(ev.TurnEnded(outcome="answered", text=""))
    heard = {
        word: [heeds(each, word) for each in (planned, failed, asks, rests)]
        for word in ("go", "/go", "retry", "no", "cancel", "merge", "raise 2")
    }
    assert heard == {
        "go": [True, True, True, False],
        "/go": [True, False, True, False],
        "retry": [False, True, False, False],
        "no": [False, False, True, False],
        "cancel": [True, True, True, False],
        "merge": [False, False, False, False],
        "raise 2": [False, False, False, False],
    }


@pytest.mark.parametrize("text", ["yes, do it", "Perfect, go ahead please!", "ok proceed", "Great, ship it"])
def test_a_yes_before_an_order_approves_the_plan_as_either_does(text: str) -> None:
    plan = ev.PlanProposed(plan=Plan(title="t", summary="s", steps=[]), hash="h1", base="b")
    assert words.read(ThreadState("t1", plan=plan), text) == ("approve", "h1")
    assert words.read(ThreadState("t1", plan=plan), f"{text} the tests") is None
