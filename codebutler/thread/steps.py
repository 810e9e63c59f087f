"""The chosen workflow as the status card shows it."""

from __future__ import annotations

from codebutler.events import WorkflowStep
from codebutler.thread.state import ThreadState

SHOWN = 90
"""Characters of a step on the card."""


def steps(state: ThreadState) -> str:
    """The workflow and its steps for the status card; "" before one is chosen."""
    if state.workflow is None:
        return ""
    lines = [f"Workflow **{state.workflow.name}**"]
    for number, step in enumerate(state.workflow.steps, 1):
        text = step.text if len(step.text) <= SHOWN else step.text[: SHOWN - 1] + "…"
        lines.append(f"{'☑' if _is_past(state, step) else '☐'} {number}. {text}{' ⚙' * step.automatic}")
    return "\n".join(lines)


def now(state: ThreadState) -> str:
    """The workflow's first step that does not lie behind, in one line; "" for none."""
    if state.workflow is None or state.phase == "closed":
        return ""
    ahead = [(n, s) for n, s in enumerate(state.workflow.steps, 1) if not _is_past(state, s)]
    if not ahead:
        return ""
    number, step = ahead[0]
    return f"{state.workflow.name} {number}/{len(state.workflow.steps)} {' '.join(step.text.split())}"


def _is_past(state: ThreadState, step: WorkflowStep) -> bool:
    """Whether what is done by this one lies behind the thread, as far as its phases tell."""
    if step.id in state.steps_done:
        return not state.steps_done[step.id].startswith(("not done", "failed"))
    if state.phase == "closed":
        return True
    planned = state.approval is not None or state.phase in {"coder", "lead"}
    return {
        "pm": planned, "researcher": planned, "person": planned,
        "coder": state.phase == "lead", "artist": state.phase == "lead",
        "lead": state.summary is not None,
    }.get(step.who, False)  # fmt: skip
