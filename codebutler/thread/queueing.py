"""What a word to merge has put into the forge's merge queue lands by itself, unless it is taken out."""

from __future__ import annotations

from codebutler.errors import RepoError
from codebutler.events import QueueLeft
from codebutler.thread.desk import ThreadDesk
from codebutler.types import Outbound

OUT = 'Pull request #{number} is out of the merge queue again: it lands once somebody says **"merge"** anew.'


def is_called_off(desk: ThreadDesk) -> bool:
    """Whether a person has stopped the thread since it may have been queued."""
    state = desk.state
    return state.queued and state.merge is None and (state.halted == "cancelled" or bool(state.paused_at))


async def leave(desk: ThreadDesk) -> None:
    """Take it out before anything else is done; said if it was in one. RepoError when it may still land."""
    pr = desk.state.pr
    if not desk.state.queued or desk.state.merge is not None or pr is None or desk.state.pr_state != "open":
        return
    if await (await desk.space.forge()).leave_queue(pr.number):
        words = Outbound(text=OUT.format(number=pr.number), kind="notice")
        await desk.post(words, key=f"notice:queue:{desk.state.seq}", before=[QueueLeft(number=pr.number)])
    else:
        await desk.append(QueueLeft(number=pr.number))


async def leave_if_called_off(desk: ThreadDesk) -> None:
    """After a stop; what stands in the way is said, for then it may land all the same."""
    if not is_called_off(desk):
        return
    try:
        await leave(desk)
    except RepoError as error:
        await desk.tell_once(f"The merge queue could not be asked: {error}", source=f"queue:{desk.state.seq}")
