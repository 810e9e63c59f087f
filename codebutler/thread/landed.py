"""After a merge: other threads that work on the same files hear of it, and are offered the way onto it."""

from __future__ import annotations

from codebutler.events import NeighbourLanded
from codebutler.thread import warning
from codebutler.thread.reach import load, reach
from codebutler.thread.thread import Thread
from codebutler.thread.warning import Neighbour, told
from codebutler.types import Choice

_OFFER = (
    'Say **"rebase"** to bring this branch onto it now: the Coder settles what conflicts and runs the tests '
    "again."
)
_LATER = "This thread has no branch yet: it will begin on what has landed."


async def tell_others(thread: Thread) -> None:
    """Once to each thread that shares a file with this one, or was told of it. Safe to repeat."""
    state, merged = thread.state, thread.state.merged
    if merged is None:
        return
    mine = reach(state)
    files = frozenset(path for path in state.files if not path.startswith(".codebutler/"))
    here = Neighbour(state.id, "", mine)
    words = []
    async with thread.host.radar.lock:
        for row in await thread.host.store.live():
            theirs = load(row.data)
            same = files & theirs.paths
            if row.id == state.id or not (same or (row.id in state.overlaps and theirs.base)):
                continue
            event = NeighbourLanded(
                other=state.id, number=merged.number, commit=merged.commit, files=sorted(same)
            )
            text = [f"{warning.name(here)} has landed: #{merged.number}, as `{merged.commit[:12]}`."]
            text += [f"It changed {warning.code(same)}, which this thread is about, too."] if same else []
            text.append(_OFFER if theirs.base else _LATER)
            button = [Choice(action="rebase", label="Rebase", style="primary")] if theirs.base else []
            words.append(told(row.id, f"landed:{state.id}", event, thread.redact(" ".join(text)), button))
        await thread.log.tell(words)
