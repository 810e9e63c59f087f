"""What waits in the forge's merge queue is taken out once somebody speaks against it at GitHub."""

from __future__ import annotations

from codebutler.errors import RepoError
from codebutler.events import Event, MergeRequested, QueueLeft, dump
from codebutler.forges.github.merging import Merging
from codebutler.forges.github.pulls import Pulls, state_of
from codebutler.service import awaiting
from codebutler.store.rows import NewEvent
from codebutler.surfaces.github.hearing import Hearing
from codebutler.thread.state import ThreadState
from codebutler.thread.warning import plain
from codebutler.types import Json

OUT = "#{number} is out of the merge queue again: {why}. Say **merge** once it shall land."
STAYS = "#{number} may land all the same by the merge queue, though {why}: {error}"


async def heeded(hearing: Hearing, state: ThreadState, pull: Json) -> tuple[str, str, Event | None] | None:
    """What to tell people under which key, and what happened; None when nobody has spoken against it.

    A thread that is at its merge asks by itself.
    """
    if not state.queued or state.merge is not None:
        return None
    found = ((seq, e) for seq, _, e in reversed(state.live) if isinstance(e, MergeRequested))
    seq, asked = next(found, (0, None))
    if asked is None:
        return None
    why = awaiting.pushed_since(state, pull) or await awaiting.called_off(
        hearing, state.id, pull, asked, queued=True
    )
    if not why:
        return None
    store, number, why, key = hearing.store, int(pull["number"]), plain(why), f"queue:{seq}"
    pulls = Pulls(hearing.calls, hearing.full_name)
    begun = await store.noted(f"{key}:{state.id}")
    await store.note(f"{key}:{state.id}", why)  # a crash after it was taken out leaves that to be said
    try:
        out = await Merging(hearing.calls, pulls, queue_seconds=0).leave_queue(number)
    except RepoError as error:
        how = f"{plain(error.message)}. {error.fix}".strip()
        return f"stays:{key}", STAYS.format(number=number, why=why, error=how), None
    if not out and state_of(await pulls.get(number)) != "open":
        return None  # it was faster, which the next look says
    if out or begun:
        return key, OUT.format(number=number, why=why), awaiting.left_open(number, why)
    left = QueueLeft(number=number)  # it was in none
    await store.append(state.id, [NewEvent(left.kind, f"github:{key}", dump(left))])
    return None
