"""What the status says of a thread that stands still."""

from __future__ import annotations

from codebutler.thread.lastword import standing
from codebutler.thread.state import ThreadState


def test_after_a_refused_merge_it_says_why_it_was_refused() -> None:
    why = 'Required status check "ci" is expected. Say merge again once that is so'
    state = ThreadState("t1", phase="lead", pr_state="open", halted="failed", refused=why)
    assert standing(state) == f"The merge did not go through: {why}"
    state.paused_at = 3
    assert why not in standing(state)
