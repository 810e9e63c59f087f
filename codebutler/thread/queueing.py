"""What a word to merge has put into the forge's merge queue lands by itself, unless it is taken out."""

from __future__ import annotations

from codebutler.errors import CodeButlerError, InMergeQueue, RepoError
from codebutler.events import MergeRefused, QueueLeft
from codebutler.thread.desk import ThreadDesk
from codebutler.types import Outbound

OUT = 'Pull request #{number} is out of the merge queue again: it lands once somebody says **"merge"** anew.'
MAY_LAND = "Pull request #{number} may land all the same by the merge queue: {why}"


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


async def refusal(desk: ThreadDesk, error: CodeButlerError) -> tuple[MergeRefused, str]:
    """What a merge that did not go through is logged as, and what is said of it.

    An earlier word, or this one before a crash, may have queued it: what is left open is taken out first.
    """
    words = f"The merge did not go through: {error}"
    pr = desk.state.pr
    if isinstance(error, InMergeQueue) or pr is None:
        return MergeRefused(error=str(error), queued=isinstance(error, InMergeQueue)), words
    try:
        if await (await desk.space.forge()).leave_queue(pr.number):
            words = f"{words}\n\n{OUT.format(number=pr.number)}"
    except CodeButlerError as why:
        known = any(isinstance(event, MergeRefused) and event.queued for _, _, event in desk.state.live)
        if known or type(why) is not type(error):  # what kept it from merging keeps it from being asked about
            words = f"{words}\n\n{MAY_LAND.format(number=pr.number, why=why)}"
        return MergeRefused(error=str(error), queued=True), words
    return MergeRefused(error=str(error)), words
