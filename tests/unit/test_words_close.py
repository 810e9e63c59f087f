"""The word "close": it lands what is open, and puts away where there is nothing to land."""

from __future__ import annotations

import pytest

from codebutler import events as ev
from codebutler.commands import words
from codebutler.thread.state import ThreadState
from codebutler.types import Plan, PlanStep

STOPS, LANDS = ("cancel", ""), ("merge", "")
PLAN = ev.PlanProposed(
    plan=Plan(title="T", summary="S", steps=[PlanStep(text="one")]), hash="h" * 64, base="b" * 40
)
PR = ev.PrOpened(number=1, url="u", title="t")
QUESTION = ev.QuestionAsked(frame="pm", call_id="c", question="open or close?")


@pytest.mark.parametrize(
    ("state", "said", "meant"),
    [
        (ThreadState("t1", plan=PLAN), "close", STOPS),
        (ThreadState("t1", plan=PLAN), "Close this thread.", STOPS),
        (ThreadState("t1", outcome="answered"), "close it", STOPS),
        (ThreadState("t1", halted="cancelled"), "close", STOPS),
        (ThreadState("t1", pr=PR, pr_state="closed", phase="lead"), "close", STOPS),
        (ThreadState("t1", pr=PR, pr_state="open", phase="lead"), "close it", LANDS),
        (ThreadState("t1"), "close", None),
        (ThreadState("t1", outcome="answered"), "done", None),
        (ThreadState("t1", outcome="question", question=QUESTION), "close", None),
        (ThreadState("t1", outcome="plan", phase="coder"), "close", None),
        (ThreadState("t1", outcome="done", phase="closed"), "close", None),
        (ThreadState("t1", plan=PLAN), "close the file after reading", None),
    ],
)
def test_close_by_moment(state: ThreadState, said: str, meant: tuple[str, str] | None) -> None:
    assert words.read(state, said) == meant
