"""Back to a point of the thread: files and transcript as they were, in the same branch and pull request.

Nothing is taken out of the branch: its tip moves forward to a commit with the older files. Safe to repeat
after a crash: the message stays unread until the one commit of the log that holds event and answer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from codebutler.events import Rewound
from codebutler.thread import lessons, render
from codebutler.thread.fold import fold
from codebutler.thread.points import Point, points
from codebutler.thread.state import ThreadState
from codebutler.thread.thread import Thread
from codebutler.toolset.desk import EndTurn
from codebutler.types import Choice, Outbound, Person

NOTE = (
    "({who} took the thread back to this point: what was done after it is undone, and the files are as they "
    "were here.{outside} Look before you rely on anything else.)"
)
NOTHING = "There is no point to go back to yet: nothing was done."
LISTED = 40
"""Points that one message lists, the newest."""


async def rewind(thread: Thread, message: int, by: Person, number: int) -> str:
    """Take ``thread`` back to point ``number`` and end the turn; returns why not when it cannot be done."""
    state = thread.state
    await thread.space.rest()
    known = points(state)
    refusal = _refusal(state, known, number)
    if refusal:
        return refusal
    point, commit, undone, files = known[number - 1], "", "", list[str]()
    if state.worktree is not None:
        commit, undone, files = await thread.space.return_to(
            point.commit or state.worktree.base, f"Rewind to point {number}: {point.text}\n"
        )
    note = NOTE.format(who=by.label, outside=outside(state)) if point.frame else ""
    event = Rewound(
        message=message, by=by, number=number, to=point.seq, commit=commit, undone=undone, files=files,
        changed=list(point.files), frame=point.frame, note=note, hold=point.rest is None,
    )  # fmt: skip
    then = at(state, point)
    timers = thread.reminder(then.question) if then.question is not None else {}
    told = _told(state, then, point, event)
    await thread.post(told, key=f"rewound:{message}", before=[event], timers=timers)
    await thread.show_status()
    raise EndTurn(point.rest or "rewound")


def listing(state: ThreadState) -> str:
    """The points as a table, with how to go back to one."""
    known = points(state)
    if not known:
        return NOTHING
    rows = [f"| {p.number} | {clock(p.ts)} | {p.text} | {p.commit[:10]} | {changed(p)} |" for p in known]
    lines = ["| point | time (UTC) | what happened | commit | files changed |", "|--:|---|---|---|---|"]
    lines += rows[-LISTED:]
    if len(rows) > LISTED:
        lines += [
            "",
            f"{len(rows) - LISTED} older points are not shown; they can be returned to all the same.",
        ]
    lines += [
        "",
        'Say **"rewind N"** to go back to point N, **"fork N"** to go on from it in a second thread.',
    ]
    return "\n".join(lines)


def clock(ts: float) -> str:
    """A time of day, UTC."""
    return time.strftime("%m-%d %H:%M:%S", time.gmtime(ts))


def changed(point: Point) -> str:
    """The files that changed since the point before."""
    more = f" and {len(point.files) - 4} more" if len(point.files) > 4 else ""
    return ", ".join(f"`{path}`" for path in point.files[:4]) + more


def no_such_point(known: Sequence[Point], number: int) -> str:
    """What to say of a number that is none."""
    if not known:
        return NOTHING
    has = f"1 to {len(known)}" if len(known) > 1 else "point 1 only"
    return f'There is no point {number}: this thread has {has}. Say **"rewind"** to see them.'


def outside(state: ThreadState) -> str:
    """What no rewind undoes, for the transcript."""
    facts = []
    if state.pr is not None:
        facts.append(f"pull request #{state.pr.number} is {state.pr_state or 'open'}")
    if state.pushed:
        facts.append(f"the remote's branch is at {state.pushed[:12]}, and the next push brings it up to date")
    return f" Not undone: {'; '.join(facts)}." if facts else ""


def _refusal(state: ThreadState, known: Sequence[Point], number: int) -> str:
    if state.merged is not None or state.phase == "closed":
        what = f"#{state.merged.number} is merged" if state.merged else "this thread is closed"
        return (
            f"{what[0].upper()}{what[1:]}: nothing can be taken back here. "
            f'Say **"fork {number}"** to go on from that point in a second thread, or open a new one.'
        )
    return no_such_point(known, number) if not 1 <= number <= len(known) else ""


def _told(state: ThreadState, then: ThreadState, point: Point, event: Rewound) -> Outbound:
    """The one visible message: where we are, where the undone work is, what stays, how to go on."""
    lines = [f"Back at point {point.number} ({point.text})."]
    if event.commit and state.worktree is not None:
        lines.append(
            f"The files are as they were then (`{event.commit[:12]}`); what came after stays in the "
            f"history of `{state.worktree.branch}` at `{event.undone[:12]}`."
        )
    stays = outside(state).removeprefix(" Not undone: ").rstrip(".")
    stays = (
        f"{stays}; what was said, and the {render.money(state.usd)} spent"
        if stays
        else (f"what was said, and the {render.money(state.usd)} spent")
    )
    lines.append(f"Not undone: {stays}.")
    way, choices = onward(state, then, hold=event.hold)
    return Outbound(text=f"{' '.join(lines)}\n\n{way}", kind="notice", choices=choices)


def at(state: ThreadState, point: Point) -> ThreadState:
    """The state as it was at ``point``."""
    return fold(state.id, (entry for entry in state.live if entry[0] <= point.seq))


def onward(state: ThreadState, then: ThreadState, *, hold: bool) -> tuple[str, list[Choice]]:
    """How a person goes on, in words and as buttons: what waited in ``then`` waits again."""
    if hold:
        button = Choice(action="retry", label="Go on", style="primary")
        return 'Say **"go"** to go on from here, or say what to do instead.', [button]
    if then.question is not None:
        asked = [then.question.question, *(f"- {o}" for o in then.question.options)]
        choices = [Choice(action="answer", label=o, value=o) for o in then.question.options]
        return "\n".join(["The question is open again:", "", *asked]), choices
    if then.plan_waits and then.plan is not None:
        name = then.plan.plan.title
        choices = render.plan(then.plan).choices
        return f'The plan "{name}" waits again: say **"go"** to approve it, or say what to change.', choices
    if then.memory:
        shown = lessons.card(then.memory, then.marks)
        return f"What to remember waits again.\n\n{shown.text}", shown.choices
    if state.pr is not None and state.pr_state == "open" and then.phase == "lead":
        button = Choice(action="merge", label="Merge", value=str(state.pr.number))
        return 'Say what to do next, or **"merge"** to land the branch as it is now.', [button]
    return "Say what to do next.", []
