"""One thread at a time works on an issue: who names it first holds it until it is closed or cancelled."""

from __future__ import annotations

from msgspec.structs import replace

from codebutler.events import IssueHeld
from codebutler.thread.issues import of_repo
from codebutler.thread.reach import Reach, load
from codebutler.thread.thread import Thread
from codebutler.thread.warning import Neighbour, code, name
from codebutler.toolset.desk import EndTurn


async def hold(thread: Thread) -> None:
    """See to it that the issues of the request are this thread's; EndTurn when another one is at work on one.

    Looked up once in a turn: a thread that was cancelled has let go, and may find them taken.
    """
    state, store = thread.state, thread.host.store
    wanted = of_repo(state.issues or (), thread.host.repo.remote_url)
    if thread.held or not wanted:
        return
    async with thread.host.radar.lock:
        rows = await store.live()
        own = next((load(row.data) for row in rows if row.id == state.id), Reach())
        for row in rows:
            theirs = load(row.data)
            if row.id != state.id and row.status != "cancelled" and wanted & theirs.held:
                if state.held:
                    await thread.append(IssueHeld(issues=[]))
                    await _show(thread, own)
                other = name(Neighbour(row.id, row.branch, theirs), issues=False)
                raise EndTurn("failed", _busy(sorted(wanted & theirs.held), other))
        if set(state.held) != wanted:
            await thread.append(IssueHeld(issues=sorted(wanted)))
        await _show(thread, own)
    thread.held = True


async def _show(thread: Thread, own: Reach) -> None:
    """Others see it in the thread's row, beside what else stands there."""
    await thread.log.update_row(data=replace(own, held=frozenset(thread.state.held)).dump())


def _busy(issues: list[str], other: str) -> str:
    return (
        f"{other} is at work on {code(issues)}, and one thread at a time works on an issue. Go on there; "
        "here once it is closed or cancelled"
    )
