"""What the status says of a thread that stands still."""

from __future__ import annotations

import pytest

from codebutler import events as ev
from codebutler.thread.lastword import standing
from codebutler.thread.state import ThreadState
from codebutler.types import MemoryItem, Plan


def test_after_a_refused_merge_it_says_why_it_was_refused() -> None:
    why = 'Required status check "ci" is expected. Say merge again once that is so'
    state = ThreadState("t1", phase="lead", pr_state="open", halted="failed", refused=why)
    assert standing(state) == f"The merge did not go through: {why}"
    state.paused_at = 3
    assert why not in standing(state)


def at_rest(**there: object) -> ThreadState:
    state = ThreadState("t1", phase="lead")
    for name, value in there.items():
        setattr(state, name, value)
    return state


PLAN = ev.PlanProposed(plan=Plan(title="Notes", summary="s", steps=[]), hash="h", base="b")
ASKED = ev.QuestionAsked(frame="pm", call_id="c", question="Which one?")
OPEN = ev.PrOpened(number=7, url="u", title="t")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (at_rest(question=ASKED, plan=PLAN), "It waits for an answer: Which one?"),
        (at_rest(plan=PLAN), 'The plan "Notes" waits: say **"go"**'),
        (
            at_rest(memory=[MemoryItem(file="pm.md", text="x")], pr=OPEN, pr_state="open"),
            "What to remember waits",
        ),
        (at_rest(pr=OPEN, pr_state="open"), 'Pull request #7 waits: say **"merge"**'),
        (at_rest(plan=PLAN, unended=True), ""),
        (at_rest(pr=OPEN, pr_state="merged"), ""),
    ],
)
def test_at_rest_it_says_what_waits(state: ThreadState, told: str) -> None:
    assert standing(state).startswith(told)
    assert bool(standing(state)) == bool(told)
