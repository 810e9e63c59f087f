"""State is a pure function of the events: ``fold`` a whole log, or ``apply`` one event after the other.

What each kind does stands in fold_talk.py, fold_steps.py, fold_work.py, fold_memory.py, fold_media.py,
fold_neighbours.py, fold_research.py and fold_past.py, as the kinds do in ``events``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from codebutler import events as ev
from codebutler.thread import (
    fold_media,
    fold_memory,
    fold_neighbours,
    fold_past,
    fold_research,
    fold_steps,
    fold_talk,
    fold_work,
)
from codebutler.thread.fold_neighbours import is_of_others
from codebutler.thread.lastword import undone
from codebutler.thread.state import ThreadState

_OUTSIDE = frozenset(
    {
        "thread_opened", "message_received", "message_edited", "message_deleted", "timer_fired",
        "overlap_found", "neighbour_landed",
    }
)  # fmt: skip
"""What doors, the clock and other threads append; all else is the doing of a turn."""
_ENDS = frozenset(
    {"cancelled", "paused", "limit_hit", "frame_ended", "turn_ended", "resumed", "rewound", "forked"}
)
"""What decides whether people are owed an end."""
DEALS = frozenset(
    kind.model_fields["kind"].default
    for kind in get_args(ev.Event)
    if "message" in kind.model_fields and kind.model_fields["message"].annotation is int
)
"""What deals with the message that it names. Known beforehand: to ask each event took half of a fold."""
_TABLES = (
    fold_talk,
    fold_steps,
    fold_work,
    fold_memory,
    fold_media,
    fold_past,
    fold_research,
    fold_neighbours,
)
_HANDLERS = {kind: handler for table in _TABLES for kind, handler in table.HANDLERS.items()}


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
    if isinstance(event, ev.Rewound):
        fold_past.take_back(state, event.to, _step)
    state.live.append((seq, ts, event))
    _step(state, event)


def _step(state: ThreadState, event: ev.Event) -> None:
    if event.kind in DEALS and not getattr(event, "more", False):
        state.unread.pop(getattr(event, "message", 0), None)
    handler = _HANDLERS.get(event.kind)
    if handler is not None:
        handler(state, event)
    _note_end(state, event)


def _note_end(state: ThreadState, event: ev.Event) -> None:
    """Whether a turn is under way, and which end it owes people since it was stopped."""
    if event.kind in _OUTSIDE or is_of_others(event):
        return
    state.unended = event.kind not in {"turn_ended", "forked"}
    if event.kind not in _ENDS:
        return
    match event:
        case ev.Cancelled():
            state.owed = "cancelled", f"by {event.by.label}"
        case ev.Paused():
            state.owed = "paused", f"by {event.by.label}"
        case ev.FrameEnded(outcome="failed") if state.frames[event.frame].role == "lead":
            state.owed = "failed", "the Lead's second look broke off"
        case ev.FrameEnded(outcome="failed"):
            state.owed = "failed", undone(state, event.text)
        case ev.LimitHit():
            state.owed = "paused", event.what
        case ev.Rewound(hold=True):
            state.owed = "rewound", ""
        case ev.TurnEnded() | ev.Resumed() | ev.Rewound() | ev.Forked():
            state.owed = None
        case _:
            return
