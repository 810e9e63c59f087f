"""Which approvals are for the plan on the table, and what the others are told."""

from __future__ import annotations

import pytest

from codebutler import events as ev
from codebutler.agent.frame import Frame
from codebutler.thread.state import ThreadState
from codebutler.thread.tabled import not_for_it
from codebutler.types import NO_PLAN, Person, Plan

PLAN = ev.PlanProposed(plan=Plan(title="t", summary="s", steps=[]), hash="two", base="b")
LONG = ev.PlanProposed(plan=PLAN.plan, hash="5e5552b2" * 8, base="b")


APPROVED = ev.PlanApproved(message=1, hash="two", base="b", by=Person(surface="github", id="ann"))


def planning() -> ThreadState:
    frame = Frame("pm", "pm")
    frame.hear("Add a note", [])
    return ThreadState("T", phase="pm", frames={"pm": frame})


@pytest.mark.parametrize(
    ("state", "wanted", "seen", "said"),
    [
        (ThreadState("T", plan=PLAN), "", "", ""),
        (ThreadState("T", plan=PLAN), "", "two", ""),
        (ThreadState("T", plan=PLAN), "two", "", ""),
        (ThreadState("T", plan=PLAN), "", "one", "before the plan on the table"),
        (ThreadState("T", plan=PLAN), "two", NO_PLAN, "before the plan on the table"),
        (ThreadState("T", plan=PLAN), "one", "", "has been replaced"),
        (ThreadState("T", plan=LONG), "5e5552B2", "", ""),
        (ThreadState("T", plan=LONG), "5e5552b3", "", "has been replaced"),
        (ThreadState("T", plan=LONG), "5e", "", "has been replaced"),
        (ThreadState("T", plan=PLAN, approval=APPROVED), "", "one", "approved already"),
        (ThreadState("T"), "", "", "no plan to approve"),
        (planning(), "", "", "still being made"),
    ],
)
def test_only_who_can_have_read_the_plan_approves_it(
    state: ThreadState, wanted: str, seen: str, said: str
) -> None:
    why = not_for_it(state, wanted, seen)
    assert said in why if said else why == ""
