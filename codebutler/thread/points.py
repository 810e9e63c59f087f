"""The points that a thread can go back to: where a batch of calls was done, and where a turn came to rest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import takewhile

from msgspec import Struct

from codebutler import events as ev
from codebutler.thread.fold import apply
from codebutler.thread.state import ThreadState
from codebutler.types import ToolCall

RESTS = frozenset({"answered", "plan", "question", "pr", "done"})
"""Turns with such an end left nothing half done."""
_CHANGES = frozenset({
    "message_taken", "model_replied", "plan_approved", "question_answered", "memory_decided",
    "memory_committed", "escalation_answered",
})  # fmt: skip
_SHOWN = 60
"""Characters of a call or title in the list."""


class Point(Struct):
    """One point. ``seq`` is the last event that stays, ``commit`` holds the files ("" = before the branch).

    ``files`` changed since the point before. ``rest``: how the turn ended there; None within a run, where the
    role of ``frame`` has just got the results of its calls. ``text`` says what happened.
    """

    number: int
    seq: int
    ts: float
    text: str
    commit: str
    frame: str
    files: tuple[str, ...] = ()
    rest: ev.Outcome | None = None
    closed: int = 0
    """The event with which the next batch began; 0 until then."""


def points(state: ThreadState) -> list[Point]:
    """The points of what no rewind has undone, oldest first; numbered from 1, and a number never moves."""
    walk = _Walk(state.id)
    for seq, ts, event in state.live:
        walk.step(seq, ts, event)
    return walk.found


class _Walk:
    """Goes over a log once. A checkpoint belongs to the batch before it, until the next call starts.

    What counts is when the folder was looked at: the commit may come later.
    """

    def __init__(self, thread: str) -> None:
        self.found: list[Point] = []
        self._state = ThreadState(thread)
        self._calls: dict[str, Sequence[ToolCall]] = {}
        self._files: list[str] = []
        self._moved = True
        """Something happened since the last point."""

    def step(self, seq: int, ts: float, event: ev.Event) -> None:
        apply(self._state, seq, ts, event)
        self._moved = self._moved or event.kind in _CHANGES
        match event:
            case ev.ModelReplied():
                self._calls[event.frame] = event.tool_calls
            case ev.ToolStarted() | ev.FrameEnded() | ev.Pushed():
                self._close(seq)
            case ev.Rewound():
                self._returned(event)
            case ev.CheckpointMade():
                self._saved(event, event.after or seq)
            case ev.MemoryCommitted():
                self._files += event.files
            case ev.ToolFinished() if self._ends_batch(event.frame):
                self._add(seq, ts, self._batch(event.frame), event.frame)
            case ev.TurnEnded() if event.outcome in RESTS:
                self._rest(seq, ts, event.outcome)
            case _:
                pass

    def _ends_batch(self, frame: str) -> bool:
        """Researchers work beside the others: there is no going back into one of their runs alone."""
        return not self._state.frames[frame].calls and frame not in self._state.researches

    def _close(self, seq: int) -> None:
        if self.found and not self.found[-1].closed:
            self.found[-1].closed = seq

    def _saved(self, event: ev.CheckpointMade, looked: int) -> None:
        """The points from then on have its commit: those after the first until they have one of their own."""
        since = list(takewhile(lambda point: not point.closed or point.closed > looked, reversed(self.found)))
        for point in since:
            point.commit = event.commit
        if since:
            since[-1].files = tuple(sorted({*since[-1].files, *event.files}))
        else:
            self._files += event.files

    def _returned(self, event: ev.Rewound) -> None:
        """What was undone may hold the checkpoint of the point itself, which was made a moment after it."""
        self._close(self._state.seq)
        self._files = []
        if self.found and self.found[-1].seq == event.to and event.commit:
            self.found[-1].commit, self.found[-1].files = event.commit, tuple(event.changed)

    def _add(self, seq: int, ts: float, text: str, frame: str, rest: ev.Outcome | None = None) -> None:
        self._close(seq)
        files = tuple(sorted(set(self._files)))
        number = len(self.found) + 1
        self.found.append(Point(number, seq, ts, text, self._state.head, frame, files, rest))
        self._files, self._moved = [], False

    def _rest(self, seq: int, ts: float, outcome: ev.Outcome) -> None:
        text, frame = self._end(outcome), self._listener()
        if self._moved:
            self._add(seq, ts, text, frame, outcome)
        elif self.found[-1].rest is None:  # the batch that ended the turn, such as a plan that was proposed
            last = self.found[-1]
            last.seq, last.ts, last.text, last.frame, last.rest = seq, ts, text, frame, outcome

    def _listener(self) -> str:
        """The frame that reads what is said next; "" while a call waits for a person's answer."""
        state = self._state
        name = "coder-1" if state.opened is not None and state.opened.mode == "coder" else "pm"
        return name if name in state.frames and not state.frames[name].calls else ""

    def _batch(self, frame: str) -> str:
        name = frame.removesuffix("-1")
        title = "PM" if name == "pm" else name.capitalize()
        calls = [_call(c) for c in self._calls.get(frame, ())]
        more = f" and {len(calls) - 3} more" if len(calls) > 3 else ""
        return f"{title}, step {self._state.frames[frame].step}: {', '.join(calls[:3])}{more}"

    def _end(self, outcome: ev.Outcome) -> str:
        state = self._state
        if outcome == "question" and state.question is not None:
            return f"question: {short(state.question.question)}"
        if outcome == "plan" and state.plan is not None:
            return f"plan: {short(state.plan.plan.title)}"
        if outcome == "pr" and state.pr is not None:
            waits = ", memory is undecided" if state.memory else ""
            return f"pull request #{state.pr.number} is open{waits}"
        if outcome == "done":
            return "Coder: done"
        pm = state.frames.get("pm")
        return f"PM: {short(pm.last_text)}" if pm is not None and pm.last_text else "at rest"


def _call(call: ToolCall) -> str:
    """A call by its name and what it is about."""
    try:
        given = json.loads(call.arguments)
    except ValueError:
        given = {}
    known = given if isinstance(given, dict) else {}
    about = next((known[k] for k in ("path", "command", "pattern", "title", "question") if k in known), "")
    return f"{call.name} {short(about)}" if about and isinstance(about, str) else call.name


def short(text: str) -> str:
    """The first line, cut."""
    line = next((x.strip() for x in text.splitlines() if x.strip()), "")
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
