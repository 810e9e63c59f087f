"""The plan on the table: why a word of approval is not for it, and how one that was taken off comes back."""

from __future__ import annotations

from codebutler.events import MessageTaken, PlanDropped, PlanProposed
from codebutler.thread.state import ThreadState

SHORT = 8
"""Letters of a plan's hash by which people are shown it, and may name it."""
MAKING = "The plan is still being made. Say it again once you have read it."
CHANGING = (
    "That plan (`{plan}`) is being changed: more was said since it was posted. Say it again once the new one "
    "stands here, or the PM has answered."
)
NONE = "There is no plan to approve."
REPLACED = "That plan has been replaced. The one on the table is `{plan}`."
APPROVED = "This plan is approved already."
UNSEEN = (
    "You said that before the plan on the table (`{plan}`) was posted. Read it, and say it again if it holds."
)


def not_for_it(state: ThreadState, wanted: str, seen: str) -> str:
    """Why an approval does nothing here, or "".

    ``wanted`` is the hash of the plan that was meant, or how it begins ("" = whichever is on the table),
    ``seen`` that of the newest one that whoever said it can have read ("" = not known: they were heard at
    once).
    """
    plan = state.plan
    if plan is None:
        pm = state.frames.get("pm")
        return MAKING if state.phase == "pm" and pm is not None and (pm.due or pm.calls) else NONE
    short = len(wanted) >= SHORT and plan.hash.startswith(wanted.lower())
    if wanted and wanted != plan.hash and not short:
        return REPLACED.format(plan=plan.hash[:8])
    if not state.plan_waits:
        return APPROVED
    return "" if seen in {"", plan.hash} else UNSEEN.format(plan=plan.hash[:8])


def changing(state: ThreadState) -> str:
    """Why nothing is approved while the PM has not answered words that were said of the plan on the table, or
    "".
    """
    pm, plan = state.frames.get("pm"), state.plan
    if plan is None or state.halted or not state.plan_waits or pm is None or not (pm.due or pm.calls):
        return ""
    for _, _, event in reversed(state.live):
        if isinstance(event, PlanProposed):
            return ""
        if isinstance(event, MessageTaken) and event.frame == pm.id:
            return CHANGING.format(plan=plan.hash[:8])
    return ""


def dropped_plan(state: ThreadState) -> PlanProposed | None:
    """The plan that waited when the thread was cancelled: it is on the table again once people go on."""
    if not state.cancelled_at:
        return None
    gone = {e.hash for seq, _, e in state.live if seq > state.cancelled_at and isinstance(e, PlanDropped)}
    plans = (e for _, _, e in reversed(state.live) if isinstance(e, PlanProposed))
    return next((plan for plan in plans if plan.hash in gone), None)
