"""What people are pointed at in a pull request: TODO and FIXME that it adds, files that run by themselves."""

from __future__ import annotations

from codebutler.events import PrFlagged
from codebutler.repo.objects import changed_paths, diff
from codebutler.repo.risks import notes, risks
from codebutler.thread.flags import flagged
from codebutler.thread.host import FOLDER
from codebutler.thread.shipping import Shipping

LIMIT = 16 * 1024 * 1024
"""Bytes of a diff that are looked through."""


async def flag(desk: Shipping) -> None:
    """Look at the branch as it is now; what is new in it is said in the thread and put into the PR's body."""
    state = desk.state
    if state.worktree is None or not state.head:
        return
    ends = desk.host.repo.gitdir, state.worktree.base, state.head
    text, cut = await diff(*ends, limit=LIMIT)
    ours = (f"{FOLDER}/journals/", f"{FOLDER}/memory/")
    todo = [f"`{n.path}:{n.line}` {n.text}" for n in notes(text) if not n.path.startswith(ours)]
    if cut:
        todo.append(f"The change is over {LIMIT >> 20} MiB: only its beginning was looked through for these.")
    risky = [f"`{path}` ({why})" for path, why in risks(await changed_paths(*ends))]
    found = PrFlagged(todo=[desk.redact(x) for x in todo], risky=[desk.redact(x) for x in risky])
    if (found.todo, found.risky) == (state.flags.todo, state.flags.risky):
        return
    await desk.append(found)
    if words := flagged(found):
        await desk.tell_once(words)
