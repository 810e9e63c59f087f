"""How what the team learns moves the state."""

from __future__ import annotations

from codebutler import events as ev
from codebutler.thread.fold_table import Table
from codebutler.thread.state import ThreadState
from codebutler.thread.weighing import is_like
from codebutler.types import MemoryItem, Person

HANDLERS = Table()


def overtaken(s: ThreadState, seq: int, by: Person) -> bool:
    """Whether somebody else decided on the list that ``by``, whose word is ``seq``, had before their eyes."""
    for number, _, event in reversed(s.live):
        if isinstance(event, ev.MemoryDecided) and not event.apart:
            return seq < number and (event.by.surface, event.by.id) != (by.surface, by.id)
    return False


def unseen(s: ThreadState, seq: int) -> bool:
    """Whether something was put on the list that no message had shown when the word ``seq`` was said."""
    for number, _, event in reversed(s.live):
        if isinstance(event, ev.MemoryProposed) and event.items:
            return True
        if number < seq and isinstance(event, ev.Posted) and event.post.data.get("items"):
            return False
    return False


def apart(s: ThreadState) -> list[str]:
    """The branches of what was kept in pull requests of its own, the oldest first."""
    return [e.branch for _, _, e in s.live if isinstance(e, ev.MemoryCommitted) and e.branch]


def alone(s: ThreadState) -> bool:
    """Whether a list waits, and nothing of the thread's own that a word to merge could be about."""
    return bool(s.memory) and s.pr_state != "open" and not s.coding and not s.plan_waits


def decided(s: ThreadState) -> tuple[list[MemoryItem], list[MemoryItem]]:
    """What people have kept in this thread, and what they have dropped for good, the oldest first."""
    events = [e for _, _, e in s.live if isinstance(e, ev.MemoryDecided) and not e.apart]
    kept = [x for e in events for x in e.kept]
    return kept, [x for e in events for x in e.dropped if not any(is_like(x, y) for y in kept)]


def carried_out(s: ThreadState) -> list[tuple[ev.MemoryDecided, ev.MemoryCommitted]]:
    """Each decision with what came of it, the oldest first: ``s.kept`` without one that is still to come."""
    made = (e for _, _, e in s.live if isinstance(e, ev.MemoryCommitted))
    return list(zip(s.kept, made, strict=False))


def committed(s: ThreadState) -> list[MemoryItem]:
    """What was kept and is committed, the oldest first; not what was taken back, or could not be put in."""
    kept = [x for e, done in carried_out(s) if done.commit for x in e.kept]
    found, out = list[MemoryItem](), [*s.set_aside, *(s.memory or [])]
    for item in kept:  # one that was taken back and up again came twice
        if item.kind != "revert" and not any(is_like(item, other) for other in [*out, *found]):
            found.append(item)
    return found


def remembered_by(s: ThreadState, branch: str = "") -> list[Person]:
    """Who decided on the memory that is committed to a branch ("" = the thread's own), the first first."""
    both = carried_out(s)
    return [decided.by for decided, done in both if done.branch == branch and done.commit and done.files]


@HANDLERS.on
def _memory_proposed(s: ThreadState, e: ev.MemoryProposed) -> None:
    if e.items:
        s.memory = [*(s.memory or []), *e.items]
        s.marks = s.marks + [""] * len(e.items)
        s.listed = bool(s.halted)
    s.turned_away += [text for text in e.known if text not in s.turned_away]
    s.set_aside = [*(x for x in s.set_aside if not any(is_like(x, y) for y in e.items)), *e.aside]
    s.unfit += e.unfit


@HANDLERS.on
def _memory_marked(s: ThreadState, e: ev.MemoryMarked) -> None:
    s.set_aside = s.set_aside if s.memory is not None else []  # without a list, it was what is one now
    s.memory, s.marks, s.listed = list(e.items), list(e.marks), bool(s.halted)


@HANDLERS.on
def _memory_decided(s: ThreadState, e: ev.MemoryDecided) -> None:
    if not e.apart:
        s.memory, s.marks, s.turned_away, s.unfit = None, [], [], []
        s.set_aside = [*s.set_aside, *e.dropped]
    if e.kept:
        s.kept.append(e)


@HANDLERS.on
def _memory_committed(s: ThreadState, e: ev.MemoryCommitted) -> None:
    s.memory_commits += 1
    s.set_aside = [*s.set_aside, *e.aside]
    if not e.branch:
        s.head = e.commit or s.head


@HANDLERS.on
def _memory_weighed(s: ThreadState, e: ev.MemoryWeighed) -> None:
    s.weighed = e


@HANDLERS.on
def _workflow_chosen(s: ThreadState, e: ev.WorkflowChosen) -> None:
    s.workflow = e


@HANDLERS.on
def _step_done(s: ThreadState, e: ev.StepDone) -> None:
    s.steps_done[e.id] = e.what
