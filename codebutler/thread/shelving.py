"""Folders of threads in which nothing happens are put away. Branches stay: the next step brings them back."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

from codebutler.events import WorkspaceIdle, WorkspacePutAway, dump
from codebutler.repo import worktrees
from codebutler.store.rows import NewEvent
from codebutler.thread.decisions import Decisions, Word
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.host import Host
from codebutler.thread.lastword import TERMINAL
from codebutler.types import Person

DAY = 24 * 3600


async def put_away(desk: ThreadDesk) -> None:
    """The folder goes, unless it holds what is saved nowhere else; that is in the log, and nobody is told."""
    await desk.append(WorkspacePutAway(kept=await desk.space.put_away()))


async def sweep(host: Host, before: float, *, by: Person | None = None, but: str = "") -> list[str]:
    """Have the folders of all threads put away that are at rest since ``before`` (unix time); says whose."""
    found = []
    for thread, branch in await host.store.at_rest(before):
        if thread != but and await asyncio.to_thread(worktrees.stands, host.repo, branch):
            idle = WorkspaceIdle(by=by)
            await host.store.append(thread, [NewEvent(idle.kind, uuid4().hex, dump(idle))], ready=True)
            found.append(thread)
    return found


async def cleanup(decide: Decisions, word: Word, days: float) -> str:
    """An admin wants room now; returns what to tell them."""
    return await make_room(decide.thread.host, word.by, days, but=decide.state.id)


async def make_room(host: Host, by: Person, days: float, *, but: str = "") -> str:
    """The same wherever it was said; the thread ``but`` keeps its folder."""
    if not (by.admin or by.surface == TERMINAL):
        return "Only an admin may have workspaces put away."
    found = await sweep(host, time.time() - days * DAY, by=by, but=but)
    if not found:
        return f"No workspace has been idle for {days:g} days."
    names = ", ".join(f"`{name}`" for name in found[:20])
    what = "1 workspace is" if len(found) == 1 else f"{len(found)} workspaces are"
    return f"{what} put away within a minute: {names}. Their branches stay, and so does unsaved work."
