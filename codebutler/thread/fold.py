"""State is a pure function of the events: ``fold`` a whole log, or ``apply`` one event after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from codebutler import events as ev
from codebutler.agent.frame import Frame, OpenCall
from codebutler.thread.state import Exchange, Spend, ThreadState
from codebutler.types import Person


def fold(thread: str, events: Iterable[tuple[int, float, ev.Event | None]]) -> ThreadState:
    """The state after ``events``, given as (seq, unix time, event). Unknown kinds only move ``seq``."""
    state = ThreadState(thread)
    for seq, ts, event in events:
        apply(state, seq, ts, event)
    return state


def apply(state: ThreadState, seq: int, ts: float, event: ev.Event | None) -> None:
    """Move ``state`` over one event. Pure: reads no clock, no disk."""
    state.seq, state.ts = seq, ts
    if event is None:
        return
    if event.kind not in _OUTSIDE:
        state.unended = event.kind != "turn_ended"
    message = getattr(event, "message", None)
    if isinstance(message, int):
        state.unread.pop(message, None)
    handler = _HANDLERS.get(event.kind)
    if handler is not None:
        handler(state, event)


_OUTSIDE = {"thread_opened", "message_received"}
"""Kinds that doors append; all others are the doing of a turn."""
_HANDLERS: dict[str, Callable[[ThreadState, Any], None]] = {}


def _on(handler: Callable[[ThreadState, Any], None]) -> Callable[[ThreadState, Any], None]:
    _HANDLERS[handler.__name__.removeprefix("_")] = handler
    return handler


@_on
def _thread_opened(s: ThreadState, e: ev.ThreadOpened) -> None:
    s.opened, s.opened_at = e, s.ts
    _meet(s, e.owner)


@_on
def _message_received(s: ThreadState, e: ev.MessageReceived) -> None:
    s.unread[s.seq] = e
    _meet(s, e.author)


@_on
def _message_taken(s: ThreadState, e: ev.MessageTaken) -> None:
    for seq in e.messages:
        s.unread.pop(seq, None)
    s.halted = ""
    s.frames[e.frame].hear(e.content)


@_on
def _base_resolved(s: ThreadState, e: ev.BaseResolved) -> None:
    s.base = e


@_on
def _frame_started(s: ThreadState, e: ev.FrameStarted) -> None:
    frame = Frame(e.frame, e.role)
    if e.content:
        frame.hear(e.content)
    s.frames[e.frame] = frame


@_on
def _frame_ended(s: ThreadState, e: ev.FrameEnded) -> None:
    s.frames[e.frame].ended = e.outcome
    if s.frames[e.frame].role == "coder" and s.approval is not None:
        s.carried_out = s.approval.hash


@_on
def _nudged(s: ThreadState, e: ev.Nudged) -> None:
    s.frames[e.frame].nudge(e.content)


@_on
def _model_requested(s: ThreadState, e: ev.ModelRequested) -> None:
    s.requested = e


@_on
def _model_failed(s: ThreadState, _e: ev.ModelFailed) -> None:
    s.requested = None


@_on
def _model_replied(s: ThreadState, e: ev.ModelReplied) -> None:
    s.requested = None
    frame = s.frames[e.frame]
    frame.reply(e)
    spend = s.spend.setdefault((frame.role, e.model), Spend())
    spend.calls += 1
    spend.input += e.usage.input
    spend.output += e.usage.output
    spend.cached += e.usage.cached
    spend.usd += e.usd
    spend.priced = spend.priced and e.priced
    spend.tools += len(e.tool_calls)


@_on
def _tool_started(s: ThreadState, e: ev.ToolStarted) -> None:
    call: OpenCall | None = s.frames[e.frame].calls.get(e.call_id)
    if call is not None:
        call.started = True


@_on
def _tool_finished(s: ThreadState, e: ev.ToolFinished) -> None:
    s.frames[e.frame].result(e, ends_turn=e.name == "propose_plan" and e.ok)


@_on
def _plan_proposed(s: ThreadState, e: ev.PlanProposed) -> None:
    s.plan, s.plan_step = e, s.steps


@_on
def _plan_approved(s: ThreadState, e: ev.PlanApproved) -> None:
    s.approval, s.halted = e, ""
    s.checklist = []
    if s.plan is not None:
        files = s.plan.plan.files
        s.named.update(f.removeprefix("./").split(":")[0] for f in files)
        s.unnamed = s.unnamed or not files


@_on
def _plan_dropped(s: ThreadState, e: ev.PlanDropped) -> None:
    if s.plan is not None and s.plan.hash == e.hash:
        s.plan = None


@_on
def _question_asked(s: ThreadState, e: ev.QuestionAsked) -> None:
    s.question = e


@_on
def _question_answered(s: ThreadState, e: ev.QuestionAnswered) -> None:
    s.answers[e.call_id] = e.text
    s.question, s.halted = None, ""


@_on
def _escalation_asked(s: ThreadState, e: ev.EscalationAsked) -> None:
    s.exchanges.append(Exchange(e.frame, e.call_id, e.role, e.question))
    s.frames["pm"].hear(
        f"The {e.role.title()} is at work and asks you:\n\n{e.question}\n\n"
        "Your next plain answer goes back to it, word for word. Use ask_user first if a person must decide."
    )


@_on
def _escalation_answered(s: ThreadState, e: ev.EscalationAnswered) -> None:
    for exchange in s.exchanges:
        if exchange.call_id == e.call_id:
            exchange.answer = e.text
    s.said.add(f"pm:{s.frames['pm'].step}")


@_on
def _phase_changed(s: ThreadState, e: ev.PhaseChanged) -> None:
    s.phase = e.phase


@_on
def _worktree_ready(s: ThreadState, e: ev.WorktreeReady) -> None:
    s.worktree, s.head, s.removed = e, e.base, False


@_on
def _checkpoint_made(s: ThreadState, e: ev.CheckpointMade) -> None:
    s.head = e.commit
    s.files.update(e.files)


@_on
def _checklist_updated(s: ThreadState, e: ev.ChecklistUpdated) -> None:
    s.checklist = list(e.items)


@_on
def _pushed(s: ThreadState, e: ev.Pushed) -> None:
    s.pushed = e.commit


@_on
def _pr_opened(s: ThreadState, e: ev.PrOpened) -> None:
    s.pr, s.pr_state = e, "open"


@_on
def _summary_written(s: ThreadState, e: ev.SummaryWritten) -> None:
    s.summary, s.body_written = e, False


@_on
def _pr_updated(s: ThreadState, _e: ev.PrUpdated) -> None:
    s.body_written = True


@_on
def _memory_proposed(s: ThreadState, e: ev.MemoryProposed) -> None:
    s.memory = [*(s.memory or []), *e.items]


@_on
def _memory_decided(s: ThreadState, e: ev.MemoryDecided) -> None:
    s.memory = None
    if e.kept:
        s.kept.append(e)


@_on
def _memory_committed(s: ThreadState, e: ev.MemoryCommitted) -> None:
    s.memory_commits += 1
    s.head = e.commit or s.head


@_on
def _journal_committed(s: ThreadState, e: ev.JournalCommitted) -> None:
    s.journal, s.head = e, e.commit


@_on
def _merge_requested(s: ThreadState, e: ev.MergeRequested) -> None:
    s.merge, s.halted, s.refused = e, "", ""


@_on
def _merge_refused(s: ThreadState, e: ev.MergeRefused) -> None:
    s.merge, s.refused = None, e.error


@_on
def _pr_merged(s: ThreadState, e: ev.PrMerged) -> None:
    s.merged, s.pr_state = e, "merged"


@_on
def _pr_closed(s: ThreadState, _e: ev.PrClosed) -> None:
    s.pr_state = "closed"


@_on
def _worktree_removed(s: ThreadState, _e: ev.WorktreeRemoved) -> None:
    s.removed = True


@_on
def _cancelled(s: ThreadState, e: ev.Cancelled) -> None:
    s.halted, s.question, s.merge = f"cancelled: by {e.by.label}", None, None


@_on
def _limit_hit(s: ThreadState, e: ev.LimitHit) -> None:
    s.halted = f"paused: {e.what}"


@_on
def _resumed(s: ThreadState, e: ev.Resumed) -> None:
    s.halted = ""
    s.raised_usd += e.raise_usd


@_on
def _model_swapped(s: ThreadState, e: ev.ModelSwapped) -> None:
    s.models[e.role] = e.model


@_on
def _posted(s: ThreadState, e: ev.Posted) -> None:
    s.said.add(e.source)


@_on
def _turn_ended(s: ThreadState, e: ev.TurnEnded) -> None:
    s.outcome = e.outcome
    if e.outcome in {"failed", "cancelled", "paused"}:
        s.halted = s.halted or e.outcome


def _meet(s: ThreadState, person: Person) -> None:
    s.people.setdefault((person.surface, person.id), person)
