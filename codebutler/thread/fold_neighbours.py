"""How what other threads do moves the state."""

from __future__ import annotations

from codebutler import events as ev
from codebutler.thread.fold_table import Table
from codebutler.thread.state import ThreadState

HANDLERS = Table()
SOURCE = "notice:radar:"
"""Begins the sources of messages that one thread puts into another's log."""


def is_of_others(event: ev.Event) -> bool:
    """Whether this message is no doing of the thread's own turn: it neither begins nor answers anything."""
    return isinstance(event, ev.Posted) and event.source.startswith(SOURCE)


@HANDLERS.on
def _overlap_found(s: ThreadState, e: ev.OverlapFound) -> None:
    s.overlaps.setdefault(e.other, set()).update(e.causes)


@HANDLERS.on
def _neighbour_landed(s: ThreadState, e: ev.NeighbourLanded) -> None:
    s.overlaps.pop(e.other, None)


@HANDLERS.on
def _issue_held(s: ThreadState, e: ev.IssueHeld) -> None:
    s.held = list(e.issues)


@HANDLERS.on
def _rebase_requested(s: ThreadState, e: ev.RebaseRequested) -> None:
    s.rebase, s.onto, s.refused = e, None, ""
    s.halted, s.paused_at, s.cancelled_at, s.called_off = "", 0, 0, False


@HANDLERS.on
def _rebase_begun(s: ThreadState, e: ev.RebaseBegun) -> None:
    s.onto, s.refused = e if e.frame else None, ""
    if not e.frame:
        s.rebase = None
