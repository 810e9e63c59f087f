"""State is a pure function of the events: ``fold`` a whole log, or ``apply`` one event after the other.

What each kind does stands in fold_talk.py, fold_steps.py and fold_work.py, as the kinds do in ``events``.
"""

from __future__ import annotations

from collections.abc import Iterable

from codebutler import events as ev
from codebutler.thread import fold_steps, fold_talk, fold_work
from codebutler.thread.state import ThreadState

_HANDLERS = {**fold_talk.HANDLERS, **fold_steps.HANDLERS, **fold_work.HANDLERS}


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
    message = getattr(event, "message", None)
    if isinstance(message, int):
        state.unread.pop(message, None)
    handler = _HANDLERS.get(event.kind)
    if handler is not None:
        handler(state, event)
