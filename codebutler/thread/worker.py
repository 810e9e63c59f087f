"""One turn of one thread: from being ready to a visible end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from codebutler.errors import CodeButlerError, StaleWorker, StoreGone
from codebutler.events import Outcome, Posted, Resumed, TurnEnded
from codebutler.thread import phases, queueing, radar
from codebutler.thread.decisions import Interpreter
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.fold import DEALS
from codebutler.thread.fold_neighbours import is_of_others
from codebutler.thread.host import Host
from codebutler.thread.houses import place_of
from codebutler.thread.lastword import last_word
from codebutler.thread.log import ThreadLog
from codebutler.thread.mail import CLOSED
from codebutler.thread.rewind import onward
from codebutler.thread.state import ThreadState
from codebutler.thread.team import TeamDesk
from codebutler.thread.thread import Listener
from codebutler.thread.turn import Turn
from codebutler.toolset.desk import EndTurn
from codebutler.types import Outbound

AGAIN = "Once more, then: what fails is looked at anew."


async def run_turn(
    host: Host,
    thread: str,
    interpreter: Interpreter,
    listener: Listener | None = None,
    turn: Turn | None = None,
) -> ThreadState:
    """Claim the thread and go on until nothing is left to do before somebody speaks.

    Ends with exactly one ``turn_ended`` if anything happened. Raises StaleWorker when another worker
    took the thread over; everything else that people can mend becomes a message in the thread.
    """
    log = await ThreadLog.claim(host.store, thread, host.redactor.text, turn.wrote if turn else None)
    if turn is not None:
        turn.epoch, turn.state = log.epoch, log.state
    desk = TeamDesk(host, log, interpreter, listener, turn)
    desk.obey(await host.houses.of(await place_of(host.store, thread)))
    await desk.settle_leftovers()
    try:
        while not await _until_quiet(desk):
            pass
    finally:
        await _to_the_end(desk.space.close())
    return log.state


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Finish ``work`` even when cancelled meanwhile; the cancel takes effect afterwards."""
    task = asyncio.create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


async def _until_quiet(desk: ThreadDesk) -> bool:
    """Run steps to their end; False when messages wait that another pass can deal with."""
    start, waiting = desk.state.seq, set(desk.state.unread)
    end = owed = _cut_off(desk)
    try:
        async with desk.looked_at():
            while owed is None and await phases.step(desk):
                pass
            await radar.look(desk)
    except EndTurn as stop:
        end = stop
    except (StaleWorker, StoreGone):
        raise
    except CodeButlerError as error:
        end = EndTurn("failed", str(error))
    try:
        if not desk.space.never_filled:  # else there is nothing to save, and who waited for it was told
            await desk.space.rest()  # what a stopped Coder wrote
    except CodeButlerError as error:
        if end is None or end.text != str(error):  # else nothing was begun, so nothing is unsaved
            end = EndTurn("failed", f"the last changes could not be saved as a commit: {error}")
    await queueing.leave_if_called_off(desk)
    stuck = set() if owed else _stuck(desk.state, waiting)
    if desk.state.seq == start and end is None and not desk.state.unended:
        if desk.state.withdrawn:
            await desk.log.update_row(title=desk.state.title, phase=desk.state.phase, status="closed")
        return await desk.log.rest(stuck=stuck)
    outcome = end.outcome if end else outcome_of(desk.state)
    text = end.text if end else ""
    await desk.log.update_row(title=desk.state.title, phase=desk.state.phase, status=outcome)
    await desk.wait_over()
    word = last_word(desk.state, outcome, text) if end else unsaid(desk.state)
    return await desk.log.rest(TurnEnded(outcome=outcome, text=text), word, stuck=stuck)


def unsaid(state: ThreadState) -> Outbound | None:
    """For a turn in which a person's word was obeyed and nothing was shown: where the thread stands."""
    obeyed = False
    for _, _, event in reversed(state.live):
        if isinstance(event, TurnEnded):
            break
        if isinstance(event, Posted) and not is_of_others(event):
            return None
        obeyed = obeyed or event.kind in DEALS
    if not obeyed:
        return None
    if state.phase == "closed":
        return Outbound(text=CLOSED, kind="notice")
    way, choices = onward(state, state, hold=False)
    if _tries_again(state):
        return Outbound(text=AGAIN, kind="notice")
    waits = state.question is not None or state.plan_waits or bool(state.memory)
    text = way if waits else f"There is nothing to go on with. {way}"
    return Outbound(text=text, kind="notice", choices=choices)


def _tries_again(state: ThreadState) -> bool:
    """Whether a person said to try again what is looked after beside the turns: its checks."""
    resumed = False
    for _, _, event in reversed(state.live):
        if isinstance(event, Posted) and event.post.choices:
            return resumed and is_of_others(event) and event.post.choices[0].action == "retry"
        resumed = resumed or isinstance(event, Resumed)
    return False


def _cut_off(desk: ThreadDesk) -> EndTurn | None:
    """The end that a worker owed people when it died: the log says why it stopped, not that it said so."""
    if desk.state.owed is None:
        return None
    outcome, words = desk.state.owed
    if outcome == "paused" and not desk.state.paused_at and desk.config.limits.on_cap == "stop":
        outcome = "failed"
    return EndTurn(outcome, words)


def _stuck(state: ThreadState, waiting: set[int]) -> set[int]:
    """The messages with which nothing can be done now: another pass would not read them either."""
    left = set(state.unread)
    if left != waiting or (state.question is not None and not state.halted):
        return set()  # what people said while a question was on its way is its answer
    return left


def outcome_of(state: ThreadState) -> Outcome:
    """What a turn that came to its own end has left people with."""
    if state.phase == "closed":
        return "closed"
    if state.halted:
        return state.outcome or "failed"
    if state.question is not None:
        return "question"
    if state.refused:
        return "failed"
    if state.pr is not None and state.pr_state == "open":
        return "pr"
    return "plan" if state.plan_waits else "answered"
