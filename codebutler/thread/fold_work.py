"""How what the thread makes moves the state: plan, branch, pull request."""

from __future__ import annotations

from codebutler import events as ev
from codebutler.thread.fold_table import Table
from codebutler.thread.state import ThreadState

HANDLERS = Table()


@HANDLERS.on
def _base_resolved(s: ThreadState, e: ev.BaseResolved) -> None:
    s.base = e


@HANDLERS.on
def _mcp_listed(s: ThreadState, e: ev.McpListed) -> None:
    if e.server not in s.plugs or s.plugs[e.server].problem:
        s.plugs[e.server] = e
    if e.problem:
        s.unplugged.add((e.role, e.server))


@HANDLERS.on
def _plan_proposed(s: ThreadState, e: ev.PlanProposed) -> None:
    s.plan, s.plan_step, s.title = e, s.steps, e.plan.title[:120]


@HANDLERS.on
def _plan_approved(s: ThreadState, e: ev.PlanApproved) -> None:
    s.approval, s.halted, s.paused_at, s.cancelled_at, s.called_off = e, "", 0, 0, False
    s.checklist = []
    if e.unplanned and (pm := s.frames.get("pm")) is not None:
        pm.due = False
    if s.plan is not None:
        files = s.plan.plan.files
        s.named.update(f.removeprefix("./").split(":")[0] for f in files)
        s.unnamed = s.unnamed or not files


@HANDLERS.on
def _plan_dropped(s: ThreadState, e: ev.PlanDropped) -> None:
    if s.plan is not None and s.plan.hash == e.hash:
        s.plan = None


@HANDLERS.on
def _phase_changed(s: ThreadState, e: ev.PhaseChanged) -> None:
    s.phase = e.phase


@HANDLERS.on
def _worktree_ready(s: ThreadState, e: ev.WorktreeReady) -> None:
    s.worktree, s.head, s.removed = e, e.base, False


@HANDLERS.on
def _setup_started(s: ThreadState, e: ev.SetupStarted) -> None:
    s.setting_up = e


@HANDLERS.on
def _setup_finished(s: ThreadState, e: ev.SetupFinished) -> None:
    s.setup = e


@HANDLERS.on
def _checkpoint_made(s: ThreadState, e: ev.CheckpointMade) -> None:
    s.head = e.commit
    s.files.update(e.files)


@HANDLERS.on
def _checklist_updated(s: ThreadState, e: ev.ChecklistUpdated) -> None:
    s.checklist = list(e.items)


@HANDLERS.on
def _pushed(s: ThreadState, e: ev.Pushed) -> None:
    s.pushed = e.commit


@HANDLERS.on
def _pr_opened(s: ThreadState, e: ev.PrOpened) -> None:
    s.pr, s.pr_state = e, "open"


@HANDLERS.on
def _summary_written(s: ThreadState, e: ev.SummaryWritten) -> None:
    s.summary, s.body_written = e, False


@HANDLERS.on
def _pr_flagged(s: ThreadState, e: ev.PrFlagged) -> None:
    s.flags = e


@HANDLERS.on
def _pr_updated(s: ThreadState, e: ev.PrUpdated) -> None:
    s.body_written = True
    if s.pr is not None:
        s.pr = ev.PrOpened(number=s.pr.number, url=s.pr.url, title=e.title)


@HANDLERS.on
def _journal_committed(s: ThreadState, e: ev.JournalCommitted) -> None:
    s.journal, s.head = e, e.commit


@HANDLERS.on
def _merge_requested(s: ThreadState, e: ev.MergeRequested) -> None:
    s.merge, s.broken_off, s.refused, s.queued = e, None, "", True
    s.halted, s.paused_at, s.cancelled_at, s.called_off = "", 0, 0, False


@HANDLERS.on
def _merge_refused(s: ThreadState, e: ev.MergeRefused) -> None:
    s.merge, s.refused, s.queued = None, e.error, e.queued


@HANDLERS.on
def _queue_left(s: ThreadState, e: ev.QueueLeft) -> None:
    s.queued = False
    if s.refused:
        s.refused = f"#{e.number} is out of the merge queue again. Say merge once it shall land"


@HANDLERS.on
def _pr_merged(s: ThreadState, e: ev.PrMerged) -> None:
    s.merged, s.pr_state, s.queued = e, "merged", False
    s.halted, s.paused_at, s.cancelled_at = "", 0, 0  # by hand at the forge: what stood still is over


@HANDLERS.on
def _pr_closed(s: ThreadState, _e: ev.PrClosed) -> None:
    s.pr_state, s.queued = "closed", False


@HANDLERS.on
def _mend_requested(s: ThreadState, e: ev.MendRequested) -> None:
    if s.mend is None:
        s.mend = e
    else:
        s.mends.append(e)
    if e.message or s.only_unmerged:
        s.halted, s.paused_at, s.cancelled_at, s.refused = "", 0, 0, ""
    s.called_off = s.called_off and not e.message


@HANDLERS.on
def _mend_begun(s: ThreadState, e: ev.MendBegun) -> None:
    s.mending = e.frame


@HANDLERS.on
def _workspace_idle(s: ThreadState, _e: ev.WorkspaceIdle) -> None:
    s.idle = True


@HANDLERS.on
def _workspace_put_away(s: ThreadState, _e: ev.WorkspacePutAway) -> None:
    s.idle = False


@HANDLERS.on
def _worktree_removed(s: ThreadState, _e: ev.WorktreeRemoved) -> None:
    s.removed = True
