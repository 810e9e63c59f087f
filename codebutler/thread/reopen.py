"""A closed thread goes on in a new one: one thread, one branch, one pull request stays true.

Safe to repeat after a crash: the new thread's id follows from the message that asked for it.
"""

from __future__ import annotations

import hashlib

from codebutler import events as ev
from codebutler.store.rows import NewEvent, NewPost
from codebutler.text import fit
from codebutler.thread.state import ThreadState
from codebutler.thread.thread import Thread
from codebutler.types import Outbound, Person

STORY = 4_000
OPEN = "This thread is open: say what to do next."


async def reopen(thread: Thread, message: int, by: Person, wish: str) -> str:
    """Start the thread that goes on from this one; returns what to tell here."""
    state = thread.state
    if state.phase != "closed":
        return OPEN
    if (before := await _goes_on(thread)) is not None:
        return f"Thread `{before}` goes on from here already: `codebutler chat --thread {before}`"
    new, name = _names(state, message, by)
    title = f"{state.opened.title[:100] if state.opened else state.id} (again)"
    opened = ev.ThreadOpened(title=title, owner=by)
    frame = ev.FrameStarted(frame="pm", role="pm", content=thread.redact(_story(state, wish)))
    words = Outbound(
        text=f"This goes on from thread `{state.id}`, {_landed(state)}. It begins on the base branch as that "
        "is now. Say what to do.",
        kind="notice",
    )
    posted = ev.Posted(post=words, source="reopened")
    await thread.host.store.open_thread(
        new,
        title=title,
        owner=by.label,
        bindings=[(by.surface, name)],
        events=[
            NewEvent(opened.kind, "opened", ev.dump(opened)),
            *_issues(state),
            NewEvent(frame.kind, "pm", ev.dump(frame)),
            NewEvent(posted.kind, "post:reopened", ev.dump(posted)),
        ],
        row={"phase": "pm", "status": "new"},
        ready=False,
    )
    rows = [NewPost(f"reopened@{by.surface}:{name}", by.surface, name, ev.dump(words))]
    await thread.host.store.append(new, [], posts=rows)
    return f"Thread `{new}` goes on from here, with a branch of its own: `codebutler chat --thread {new}`"


def _names(state: ThreadState, message: int, by: Person) -> tuple[str, str]:
    """The id and the conversation of the thread that ``message`` asks for."""
    name = f"reopen-{state.id}-{message}"
    return "t" + hashlib.sha256(f"{by.surface}\n{name}".encode()).hexdigest()[:9], name


async def _goes_on(thread: Thread) -> str | None:
    """The thread that goes on from this one and is not over: the work must not be done in two."""
    asked = (e for _, _, e in thread.state.live if isinstance(e, ev.CommandHandled) and e.name == "reopen")
    for each in asked:
        row = await thread.host.store.thread(_names(thread.state, each.message, each.by)[0])
        if row is not None and row.phase != "closed" and row.status != "cancelled":
            return row.id
    return None


def _issues(state: ThreadState) -> list[NewEvent]:
    """The issues of the thread that was closed are those of the one that goes on from it."""
    held = ev.IssueHeld(issues=state.issues or [])
    return [NewEvent(held.kind, "held", ev.dump(held))] if held.issues else []


def _landed(state: ThreadState) -> str:
    if state.merged is None:
        return "which was closed"
    return f"whose pull request #{state.merged.number} landed as `{state.merged.commit[:12]}`"


def _story(state: ThreadState, wish: str) -> str:
    lines = [f"This thread goes on from thread {state.id}, {_landed(state)}."]
    if state.plan is not None:
        lines += ["Its plan was:", state.plan.plan.title, state.plan.plan.summary]
    if state.summary is not None:
        lines += ["What was done:", state.summary.summary, *(f"- {x}" for x in state.summary.changes)]
    lines += [wish] if wish.strip() else []
    return fit("\n".join(lines), STORY)
