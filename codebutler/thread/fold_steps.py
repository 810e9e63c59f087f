"""How a role's run moves the state: frames, model calls, tool calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from codebutler import events as ev
from codebutler.agent.frame import Frame, OpenCall
from codebutler.thread.fold_table import Table
from codebutler.thread.state import Spend, ThreadState
from codebutler.toolset.research import REPORT

HANDLERS = Table()
_ENDS_TURN = frozenset({"propose_plan", REPORT})
_WRITES = frozenset({"write", "edit", "apply_patch"})


@HANDLERS.on
def _frame_started(s: ThreadState, e: ev.FrameStarted) -> None:
    frame = Frame(e.frame, e.role)
    if e.content:
        frame.hear(e.content)
    s.frames[e.frame] = frame


@HANDLERS.on
def _frame_ended(s: ThreadState, e: ev.FrameEnded) -> None:
    s.frames[e.frame].ended = e.outcome
    if s.frames[e.frame].role == "coder" and s.approval is not None and s.mending != e.frame:
        s.carried_out = s.approval.hash
    if s.onto is not None and s.onto.frame == e.frame:
        s.rebase, s.onto = None, None
    if s.mending == e.frame:
        s.mend, s.mending = s.mends.pop(0) if s.mends else None, ""


@HANDLERS.on
def _nudged(s: ThreadState, e: ev.Nudged) -> None:
    s.frames[e.frame].nudge(e.content)


@HANDLERS.on
def _model_requested(s: ThreadState, e: ev.ModelRequested) -> None:
    lose(s, [s.requested.pop(e.frame)] if e.frame in s.requested else [])
    s.requested[e.frame] = e
    if e.frame in s.frames:
        s.asked[s.frames[e.frame].role] = e.model


@HANDLERS.on
def _model_failed(s: ThreadState, e: ev.ModelFailed) -> None:
    s.requested.pop(e.frame, None)
    frame = s.frames.get(e.frame)
    s.standing.unreachable = frame.role if frame is not None and e.retry else ""
    if e.usd or e.usage.input or e.usage.output:
        lost = Spend(
            input=e.usage.input, output=e.usage.output, cached=e.usage.cached, usd=e.usd, priced=e.priced,
            broken=1, broken_usd=e.usd,
        )  # fmt: skip
        s.spend.setdefault((frame.role if frame else e.frame, e.model), Spend()).add(lost)
    if frame is not None:
        frame.usd += e.usd


def cut_off(calls: Iterable[ev.ModelRequested]) -> int:
    """Tokens of calls whose answer nobody will hear."""
    return sum(call.usage.input + call.usage.output for call in calls)


def lose(s: ThreadState, calls: Collection[ev.ModelRequested]) -> None:
    """Count them: they were cut off."""
    s.cut_off += cut_off(calls)
    s.cut_off_usd += sum(call.usd for call in calls)


@HANDLERS.on
def _circuit_changed(s: ThreadState, e: ev.CircuitChanged) -> None:
    s.standing.circuit(s.seq, e)
    if e.state == "open":
        s.standing.unreachable = e.role


@HANDLERS.on
def _stood_in(s: ThreadState, e: ev.StoodIn) -> None:
    s.standing.stood_in(e)


@HANDLERS.on
def _model_replied(s: ThreadState, e: ev.ModelReplied) -> None:
    s.requested.pop(e.frame, None)
    s.standing.unreachable = ""
    frame = s.frames[e.frame]
    frame.reply(e)
    _paid(s, frame.role, e).tools += len(e.tool_calls)


@HANDLERS.on
def _compacted(s: ThreadState, e: ev.Compacted) -> None:
    s.requested.pop(e.frame, None)
    frame = s.frames[e.frame]
    frame.compact(e)
    if e.model:
        _paid(s, frame.role, e)


@HANDLERS.on
def _results_cleared(s: ThreadState, e: ev.ResultsCleared) -> None:
    s.frames[e.frame].clear(e)


def _paid(s: ThreadState, role: str, e: ev.ModelReplied | ev.Compacted) -> Spend:
    """Count a model call; returns the account it was put on."""
    spend = s.spend.setdefault((role, e.model), Spend())
    spend.calls += 1
    spend.input += e.usage.input
    spend.output += e.usage.output
    spend.cached += e.usage.cached
    spend.usd += e.usd
    spend.seconds += e.seconds
    spend.priced = spend.priced and e.priced
    return spend


@HANDLERS.on
def _tool_started(s: ThreadState, e: ev.ToolStarted) -> None:
    call: OpenCall | None = s.frames[e.frame].calls.get(e.call_id)
    if call is not None:
        call.started = True


@HANDLERS.on
def _tool_finished(s: ThreadState, e: ev.ToolFinished) -> None:
    s.frames[e.frame].result(e, ends_turn=e.name in _ENDS_TURN and e.ok)
    if e.ok and e.name in _WRITES:
        paths = e.details.get("paths")
        several = paths if isinstance(paths, list) else []
        s.wrote.update(each for each in (e.details.get("path"), *several) if isinstance(each, str) and each)
    if e.frame in s.researches:
        s.researches[e.frame].learn(e)


@HANDLERS.on
def _limit_hit(s: ThreadState, e: ev.LimitHit) -> None:
    s.halted, s.limit, s.listed = f"paused: {e.what}", e, False
