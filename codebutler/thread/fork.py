"""A second thread from a point of this one: own id, owner, branch, caps; this one is left as it is.

Its log begins with copies of the events up to the point, under keys that name where they come from. Safe to
repeat after a crash: the id follows from the message that asked for it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence

from codebutler import events as ev
from codebutler.forges.choose import taken_branches
from codebutler.repo import worktrees
from codebutler.repo.git import move_ref, resolve
from codebutler.repo.index import sync_index
from codebutler.store.rows import NewEvent, NewPost, Timer
from codebutler.thread import render
from codebutler.thread.fold import fold
from codebutler.thread.fold_past import is_of
from codebutler.thread.identity import GITHUB
from codebutler.thread.points import Point, points
from codebutler.thread.relocated import filled
from codebutler.thread.rewind import at, no_such_point, onward
from codebutler.thread.thread import Thread
from codebutler.types import Outbound, Person, Usage

NOTE = (
    "({who} made a second thread from this point of thread {source}. It has a branch of its own{branch}, "
    "with the files as they were here, and no pull request. What else was done there is not here.)"
)
ONE = (
    "An issue or pull request has one thread. Say fork in a chat in which this thread is shown, or describe "
    "the other way in an issue of its own."
)
OWN = frozenset({
    "message_edited", "message_deleted", "paused", "limit_hit", "model_requested", "model_failed",
    "timer_fired", "worktree_ready", "worktree_removed", "pushed", "pr_opened", "pr_updated", "pr_closed",
    "pr_merged", "merge_requested", "merge_refused", "overlap_found", "neighbour_landed", "issue_held",
    "rebase_requested", "rebase_begun", "mend_requested", "mend_begun",
    "workspace_idle", "workspace_put_away", "queue_left",
})  # fmt: skip
"""Kinds that tell of the first thread's own doings, and are not copied."""


async def fork(thread: Thread, message: int, by: Person, number: int | None) -> str:
    """Start the second thread from point ``number`` (None = the last); returns what to tell in this one."""
    if by.surface == GITHUB:
        return ONE
    await thread.space.rest()
    source = thread.state
    known = points(source)
    number = len(known) if number is None else number
    if not 1 <= number <= len(known):
        return no_such_point(known, number)
    point = known[number - 1]
    name = conversation(source.id, message)
    new = "t" + hashlib.sha256(f"{by.surface}\n{name}".encode()).hexdigest()[:9]
    if await thread.host.store.thread(new) is None:
        await _open(thread, point, by, new, name)
    await _greet(thread, point, new, by.surface, name)
    return (
        f"Thread `{new}` goes on from point {point.number} ({point.text}) on its own; this one is as it was. "
        f"Go on there: `codebutler chat --thread {new}`"
    )


def conversation(source: str, message: int) -> str:
    """Where the second thread is, at the door of the person who asked for it with the event ``message``."""
    return f"fork-{source}-{message}"


async def _open(thread: Thread, point: Point, by: Person, new: str, name: str) -> None:
    """Branch and folder first, then the whole log in one commit."""
    tree = await _worktree(thread, point, new)
    log = await _log(thread, point, by, tree)
    state = fold(new, ((seq, thread.state.ts, event) for seq, (_, event) in enumerate(log, 1)))
    await thread.host.store.open_thread(
        new,
        title=state.opened.title if state.opened else new,
        owner=by.label,
        bindings=[(by.surface, name)],
        events=[NewEvent(event.kind, key, ev.dump(event)) for key, event in log],
        row={
            "phase": state.phase,
            "status": state.outcome or "new",
            "branch": state.worktree.branch if state.worktree else "",
        },
        ready=False,
    )


async def _worktree(thread: Thread, point: Point, new: str) -> worktrees.Worktree | None:
    """The second thread's branch and folder, with the point's files; None if there was no branch yet."""
    source, host = thread.state, thread.host
    if source.worktree is None or not point.commit:
        return None
    base, gitdir = source.worktree.base, host.repo.gitdir
    others = await taken_branches(host.repo, host.config, home=host.home)
    name = render.pr_title(at(source, point))
    tree = await worktrees.create(host.repo, name, base, thread=new, fresh=True, taken=others)
    if await resolve(gitdir, tree.ref) == base:  # else a crash came after the files were laid out
        await (await filled(tree.path, point.commit, host.sandbox)).close()
        if point.commit != base:
            await move_ref(gitdir, tree.ref, point.commit, base, why=f"codebutler: forked from {source.id}")
            await sync_index(gitdir, tree.ref, point.commit)
    return tree


async def _log(
    thread: Thread, point: Point, by: Person, tree: worktrees.Worktree | None
) -> list[tuple[str, ev.Event]]:
    """The events that the second thread begins with, each with its key."""
    source, log = thread.state, list[tuple[str, ev.Event]]()
    places: list[int] = []
    for seq, _, event in source.live:
        if is_of(seq, event, point.seq) and event.kind not in OWN:
            log.append((f"fork:{source.id}:{seq}", _copied(event, by, places)))
            places.append(seq)
    reviewed = point.frame.startswith("lead")  # there is no pull request to look back on
    frame = "pm" if reviewed else point.frame
    branch = f", {tree.branch}" if tree is not None else ""
    forked = ev.Forked(
        thread=source.id, number=point.number, to=point.seq, by=by, commit=point.commit, frame=frame,
        note=NOTE.format(who=by.label, source=source.id, branch=branch) if frame else "",
        hold=point.rest is None and not reviewed,
    )  # fmt: skip
    log.append(("forked", forked))
    if tree is not None:
        ready = ev.WorktreeReady(branch=tree.branch, path=str(tree.path), base=tree.base)
        files = sorted(await thread.space.moved_files(tree.base, point.commit))
        made = ev.CheckpointMade(commit=point.commit, message=f"forked from {source.id}", files=files)
        log += [("forked:worktree", ready), ("forked:files", made)]
    end: ev.Outcome = "rewound" if forked.hold else point.rest or "answered"
    return [*log, ("forked:end", ev.TurnEnded(outcome="answered" if end == "pr" else end))]


def _copied(event: ev.Event, by: Person, places: Sequence[int]) -> ev.Event:
    """An event for the second thread: its owner is who forked, its money unspent, the events that it names
    have the numbers that they have there.

    ``places`` are the numbers that the events before it have in the first one.
    """
    named = {name: seq for name in ("message", "after") if isinstance(seq := getattr(event, name, None), int)}
    event = event.model_copy(update={name: bisect_right(places, seq) for name, seq in named.items()})
    match event:
        case ev.ThreadOpened():
            return event.model_copy(update={"owner": by, "title": f"{event.title[:100]} (fork)"})
        case ev.ModelReplied() | ev.Compacted() | ev.ImageMade() | ev.Transcribed():
            return event.model_copy(update={"usd": 0.0, "usage": Usage()})
        case ev.Rewound():
            return event.model_copy(update={"to": len(places)})  # what it undid is not copied
        case _:
            return event


async def _greet(thread: Thread, point: Point, new: str, surface: str, name: str) -> None:
    """The second thread's first message, once."""
    store = thread.host.store
    rows = await store.events(new)
    state = fold(new, ((r.seq, r.ts, ev.parse(r.body)) for r in rows))
    files = ""
    if state.worktree is not None:
        files = f" Its files are those of that point, on the branch `{state.worktree.branch}`."
    way, choices = onward(state, state, hold=bool(state.halted))
    owner = f", for {state.opened.owner.label}" if state.opened else ""
    text = (
        f"This thread begins at point {point.number} ({point.text}) of thread `{thread.state.id}`, which is "
        f"left as it is.{files} Its money is counted anew{owner}."
    )
    words = Outbound(text=f"{text}\n\n{way}", kind="notice", choices=choices)
    posted = ev.Posted(post=words, source="forked")
    timers = thread.reminder(state.question) if state.question is not None else {}
    await store.append(
        new,
        [NewEvent(posted.kind, "post:forked", ev.dump(posted))],
        posts=[NewPost(f"forked@{surface}:{name}", surface, name, ev.dump(words))],
        timers=[Timer(new, key, due) for key, due in timers.items()],
    )
