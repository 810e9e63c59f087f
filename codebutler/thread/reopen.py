"""A closed thread goes on in a new one: one thread, one branch, one pull request stays true.

Safe to repeat after a crash: the new thread's id follows from the message that asked for it.
"""

from __future__ import annotations

import hashlib

from codebutler import events as ev
from codebutler.store.rows import NewEvent, NewPost
from codebutler.text import fit
from codebutler.thread.identity import GITHUB
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
        where = await _take_over(thread, *before)
        await _wish(thread, before[0], message, by, wish)
        return f"Thread `{before[0]}` goes on from here already{where}"
    new, name = _names(state, message, by)
    title = f"{state.opened.title[:100] if state.opened else state.id} (again)"
    opened = ev.ThreadOpened(title=title, owner=by)
    frame = ev.FrameStarted(frame="pm", role="pm", content=thread.redact(_story(state)))
    words = Outbound(
        text=f"This goes on from thread `{state.id}`, {_landed(state)}. It begins on the base branch as that "
        f"is now.{'' if wish.strip() else ' Say what to do.'}",
        kind="notice",
    )
    posted = ev.Posted(post=words, source="reopened")
    store = thread.host.store
    await store.open_thread(
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
    where = await _take_over(thread, new, name)
    posts = [
        NewPost(f"reopened@{surface}", surface, at, ev.dump(words))
        for surface, at in await store.bindings(new)
    ]
    await store.append(new, [], posts=posts)
    await _wish(thread, new, message, by, wish)
    return f"Thread `{new}` goes on from here, with a branch of its own{where}"


async def passed_on(thread: Thread, message: ev.MessageReceived) -> bool:
    """What was said to a closed thread just before another took its issue over goes to that one."""
    if message.surface != GITHUB or not message.key or (found := await _goes_on(thread)) is None:
        return False
    store = thread.host.store
    if await store.find(message.surface, message.external_id) != found[0]:
        return False
    event = NewEvent(message.kind, f"{message.surface}:{message.key}", ev.dump(message))
    await store.append(found[0], [event], ready=True)
    thread.host.kick(found[0])
    return True


async def _take_over(thread: Thread, new: str, name: str) -> str:
    """An issue has one thread, which is the new one now. Returns where that is, to end a sentence with."""
    place = await thread.host.store.take_over(thread.state.id, new, GITHUB, name)
    return f", in {place}." if place else f": `codebutler chat --thread {new}`"


async def _wish(thread: Thread, new: str, message: int, by: Person, wish: str) -> None:
    """What was said with the word is the new thread's to answer."""
    if not wish.strip():
        return
    store = thread.host.store
    there = [at for surface, at in await store.bindings(new) if surface == by.surface]
    said = ev.MessageReceived(
        surface=by.surface, external_id="".join(there[:1]), author=by, text=wish.strip()
    )
    await store.append(new, [NewEvent(said.kind, f"reopened:{message}", ev.dump(said))], ready=True)
    thread.host.kick(new)


def _names(state: ThreadState, message: int, by: Person) -> tuple[str, str]:
    """The id and the conversation of the thread that ``message`` asks for."""
    name = f"reopen-{state.id}-{message}"
    return "t" + hashlib.sha256(f"{by.surface}\n{name}".encode()).hexdigest()[:9], name


async def _goes_on(thread: Thread) -> tuple[str, str] | None:
    """The thread that goes on from this one and is not over, and what it was first called at its door: the
    work must not be done in two.
    """
    asked = (e for _, _, e in thread.state.live if isinstance(e, ev.CommandHandled) and e.name == "reopen")
    for each in asked:
        new, name = _names(thread.state, each.message, each.by)
        row = await thread.host.store.thread(new)
        if row is not None and row.phase != "closed" and row.status != "cancelled":
            return new, name
    return None


def _issues(state: ThreadState) -> list[NewEvent]:
    """The issues of the thread that was closed are those of the one that goes on from it."""
    held = ev.IssueHeld(issues=state.issues or [])
    return [NewEvent(held.kind, "held", ev.dump(held))] if held.issues else []


def _landed(state: ThreadState) -> str:
    if state.merged is None:
        return "which was closed"
    return f"whose pull request #{state.merged.number} landed as `{state.merged.commit[:12]}`"


def _story(state: ThreadState) -> str:
    lines = [f"This thread goes on from thread {state.id}, {_landed(state)}."]
    if state.plan is not None:
        lines += ["Its plan was:", state.plan.plan.title, state.plan.plan.summary]
    if state.summary is not None:
        lines += ["What was done:", state.summary.summary, *(f"- {x}" for x in state.summary.changes)]
    return fit("\n".join(lines), STORY)
