"""What going back does to a thread's state, field by field.

``rewound`` computes the fields of ``RETURNED`` anew, as if the events past the point had never been. Those
of ``FACTS`` are true of the world whatever the transcript says, and stay: money is spent, messages are shown,
the pull request is open, what was pushed is pushed. ``SET`` follows from the event itself. A test holds that
every field is in one of the three.
"""

from __future__ import annotations

from collections.abc import Callable

from codebutler import events as ev
from codebutler.thread.fold_research import stop_researches
from codebutler.thread.fold_steps import lose
from codebutler.thread.fold_table import Table
from codebutler.thread.state import ThreadState

HANDLERS = Table()
Step = Callable[[ThreadState, ev.Event], None]

RETURNED = frozenset({
    "phase",
    "frames",  # transcripts, budgets of steps and of one run's dollars
    "base",  # system prompts are made of it: the next request begins as the one at the point did
    "title", "plan", "plan_step",
    "approval",  # taken back when the point is before it: the plan waits for a word again
    "named", "unnamed", "carried_out",
    "question", "answers", "exchanges", "overheard",
    "made", "buying",  # the calls that were taken back may come again under the same ids: their own pictures
    "checklist", "summary", "body_written", "flags",
    "researches", "hired",
    "marks", "turned_away", "unfit", "set_aside", "weighed", "workflow", "steps_done",
    "memory", "kept", "memory_commits", "journal",  # commits of them are undone in the tree as well
})  # fmt: skip

FACTS = frozenset({
    "id", "opened", "opened_at", "seq", "ts", "outcome", "issue", "issues", "held", "overlaps",
    "unread",  # what was said meanwhile is still to be read; what was read since is not read twice
    "begun", "heard", "late", "link", "people", "speaker", "models", "asked", "standing",
    "plugs", "unplugged",  # what servers offered at first holds for the whole thread
    "spend", "cut_off", "cut_off_usd", "raised_usd", "attached", "transcripts",
    "worktree", "wrote", "removed", "setting_up", "setup", "pushed", "pr", "pr_state", "merged", "queued",
})  # fmt: skip

SET = frozenset({
    "head", "files", "halted", "paused_at", "cancelled_at", "called_off", "merge", "broken_off", "refused",
    "requested", "limit",
    "reminder", "said", "rewinds", "live", "unended", "owed", "rebase", "onto",
    "mend", "mending", "mends", "idle", "listed",
})  # fmt: skip


def is_of(seq: int, event: ev.Event, to: int) -> bool:
    """Whether an event belongs to the thread up to the event ``to``; a checkpoint may have come after it."""
    return seq <= to or (isinstance(event, ev.CheckpointMade) and 0 < event.after < to)


def take_back(state: ThreadState, to: int, step: Step) -> None:
    """Return ``state`` to what it was after the event ``to``, but for the facts."""
    kept = [entry for entry in state.live if is_of(entry[0], entry[2], to)]
    past = ThreadState(state.id)
    for seq, ts, event in kept:
        past.seq, past.ts = seq, ts
        step(past, event)
    for name in RETURNED:
        setattr(state, name, getattr(past, name))
    state.said = past.said | {source for source in state.said if source.startswith("notice:")}
    state.live = kept


@HANDLERS.on
def _rewound(s: ThreadState, e: ev.Rewound) -> None:
    """What the event itself says, on a state that was taken back."""
    s.rewinds += 1
    s.head = e.commit or s.head
    s.files = set(e.files)
    lose(s, s.requested.values())
    s.merge, s.broken_off, s.refused, s.requested, s.limit = None, None, "", {}, None
    s.paused_at, s.reminder = 0, 0
    s.rebase, s.onto = None, None
    s.mend, s.mending, s.mends, s.idle = None, "", [], False
    s.called_off = False
    s.cancelled_at = s.seq  # what was said before it does not set the work off again
    _hold(s, e)


@HANDLERS.on
def _forked(s: ThreadState, e: ev.Forked) -> None:
    """What was copied stays as talk and plans: money, branch and mail were the other thread's."""
    fresh = ThreadState(s.id)
    for name in (
        "spend", "cut_off", "cut_off_usd", "raised_usd", "unread", "speaker", "worktree", "wrote",
        "removed", "head", "files", "queued", "pushed", "pr", "pr_state", "merged", "merge", "broken_off",
        "refused",
        "requested", "limit", "outcome", "heard", "late", "paused_at", "cancelled_at",
        "called_off", "reminder", "standing", "buying", "issues", "held", "overlaps",
        "rebase", "onto", "mend", "mending", "mends", "idle",
    ):  # fmt: skip
        setattr(s, name, getattr(fresh, name))
    s.issues = []  # who forks asks for two threads on one issue
    s.summary, s.body_written, s.memory = None, False, None  # of the other pull request
    s.marks, s.turned_away, s.unfit, s.set_aside, s.weighed = [], [], [], [], None
    s.title = s.opened.title if s.opened is not None else ""  # the plans before it are copies
    s.phase = "pm" if s.phase in {"lead", "closed"} else s.phase
    for frame in s.frames.values():
        frame.usd = 0.0
    stop_researches(s)
    _hold(s, e)


def _hold(state: ThreadState, event: ev.Rewound | ev.Forked) -> None:
    """A run that was cut off waits for a person's word, and its transcript says what happened."""
    state.halted, state.listed = "rewound" if event.hold else "", False
    frame = state.frames.get(event.frame)
    if event.note and frame is not None:
        frame.note(event.note)
