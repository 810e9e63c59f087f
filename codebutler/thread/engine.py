"""All threads of a repo: messages come in, turns run, messages go out.

``kick(thread)`` and ``run()`` are the whole dispatcher: one task per ready thread, strict order within a
thread, places across threads; an idle thread costs rows only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context

from codebutler.errors import CodeButlerError, StaleWorker, StoreGone
from codebutler.events import TimerFired, TurnEnded, dump
from codebutler.shortage import shortage
from codebutler.store.rows import NewEvent
from codebutler.thread import retention
from codebutler.thread.clock import Clock
from codebutler.thread.decisions import Interpreter
from codebutler.thread.deliver import Delivery
from codebutler.thread.host import Host
from codebutler.thread.intake import Mode, Stop, stops, take_in
from codebutler.thread.log import ThreadLog
from codebutler.thread.state import ThreadState
from codebutler.thread.thread import Listener
from codebutler.thread.turn import Turn
from codebutler.thread.watch import Entry, Watch
from codebutler.thread.worker import run_turn
from codebutler.types import Inbound, Outbound, Surface

log = logging.getLogger("codebutler.engine")
SWEEP = 30.0
"""Seconds between looks for threads whose kick was lost: whoever wrote may have died before it."""
FLUSH = 5.0
"""Seconds that the last messages get when the engine closes; what is left waits in the outbox."""


class Engine:
    """Runs the threads of one repo. Only the process that owns the repo may have one (service.owner)."""

    def __init__(
        self,
        host: Host,
        interpreter: Interpreter,
        surfaces: Sequence[Surface],
        listener: Listener | None = None,
        rested: Callable[[str], None] | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        """``surfaces`` are the doors that this process serves; posts for others wait in the outbox.

        ``rested`` hears of a thread whenever it has nothing more to do for now.
        """
        self._rested = rested
        self._clock = clock or Clock()
        self._context = copy_context()
        """What holds for this repo (git's time, its log), whoever kicks a thread of it."""
        self.host = host
        host.kick = self.kick
        self._interpreter = interpreter
        self._listener = listener
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, Turn] = {}
        self._watched: dict[str, Watch] = {}
        self._look = asyncio.Event()
        self.given_up: dict[str, CodeButlerError] = {}
        """Threads whose turn ended without a word in the log, because the log could not be written."""
        self._closing = False
        self._gone: StoreGone | None = None
        self._bursts = {s.name for s in surfaces if s.capabilities.bursts}
        self.delivery = Delivery(host.store, surfaces)

    async def receive(self, inbound: Inbound, *, title: str = "", mode: Mode = "team") -> str:
        """Take a native event in: logged, then its thread is kicked. Returns the thread's id.

        Idempotent by ``inbound.key``: a door may acknowledge its platform when this returns, and may
        call it again with the same event. "" for a change to a message of no thread.
        """
        thread, opened = await take_in(self.host.store, inbound, title=title, mode=mode)
        if thread:
            burst = opened and inbound.surface in self._bursts
            wait = self.host.config.threads.burst_seconds if burst else 0.0
            turn = self._turns.get(thread)
            stop = stops(self._interpreter, inbound, turn.state) if turn is not None else ""
            self.kick(thread, stop, wait=wait)
        return thread

    def kick(self, thread: str, stop: Stop = "", *, wait: float = 0.0) -> None:
        """See to it that ``thread`` gets a turn: now, or after the one that it is having.

        ``stop`` breaks off what is under way; ``wait`` is seconds before a turn that has not begun.
        """
        if self._closing:
            return
        if thread not in self._tasks:
            turn = self._turns[thread] = Turn(lambda posted, news: self._wrote(thread, news, posted=posted))
            work, ours = self._run(thread, turn, wait), self._context.copy()
            turn.task = asyncio.create_task(work, name=f"turn {thread}", context=ours)
            self._tasks[thread] = turn.task
            return
        turn = self._turns[thread]
        turn.mail.set()
        turn.news.set()
        if stop == "now":
            turn.interrupt()
        elif stop == "soft":
            turn.halt()

    def watch(self, thread: str) -> Watch:
        """Hears of what this process does in the thread."""
        return self._watched.setdefault(thread, Watch())

    async def run(self) -> None:
        """Kick whatever was ready when the last process ended; deliver and keep time until cancelled.

        Raises StoreGone, in a group, when the store is no longer the file at its path.
        """
        await self.host.tidy()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_time())
            group.create_task(self.delivery.run())
            group.create_task(retention.daily(self.host))

    async def close(self, *, patience: float = 0.0) -> None:
        """Stop: model calls and waits at once, steps under way when they are done or ``patience`` is over.

        Then deliver what is in the outbox. Every thread goes on by itself where it was at the next start.
        """
        await self._finish(patience, urgent=True)

    async def hand_over(self) -> None:
        """Stop without haste, so that another process can go on: also a model call comes to its end."""
        await self._finish(None, urgent=False)

    async def _finish(self, patience: float | None, *, urgent: bool) -> None:
        self._closing = True
        for turn in self._turns.values():
            turn.finish(urgent=urgent)
        tasks, threads = list(self._tasks.values()), list(self._tasks)
        if tasks and patience != 0:
            await asyncio.wait(tasks, timeout=patience)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            self.host.store.standing.check()
            async with asyncio.timeout(FLUSH):
                await self.delivery.flush()
        except TimeoutError:
            log.warning("a door was too slow; its last messages wait in the outbox")
        except StoreGone as error:
            log.error("%s", error)  # noqa: TRY400 - it says all
            for thread in threads:  # what was open of the store can still be read
                await self.host.keep(thread)

    async def _keep_time(self) -> None:
        """Timers that come due, and ready threads that nobody kicked."""
        swept = -SWEEP
        while True:
            if self._gone is not None:
                raise self._gone
            self._look.clear()
            due: float | None = None
            try:
                if by := self._clock.jumped():
                    log.warning("the clock was set by %+.0f s: timers move along with it", by)
                    await self.host.store.shift_timers(by)
                if time.monotonic() >= swept + SWEEP:
                    swept = time.monotonic()
                    await self._kick_ready()
                    await self._draw_timers()
                await self._fire(self._clock.now())
                due = await self.host.store.next_due()
            except StoreGone:
                raise
            except CodeButlerError as error:  # the store itself: nothing is lost, and it may come back
                log.error("timers cannot be read or written: %s", error)  # noqa: TRY400 - it says all
            pause = SWEEP if due is None else min(SWEEP, max(0.0, due - self._clock.now()))
            try:
                async with asyncio.timeout(pause):
                    await self._look.wait()
            except TimeoutError:
                continue

    async def _kick_ready(self) -> None:
        for thread in await self.host.store.ready_threads():
            if thread not in self._tasks:
                self.kick(thread)

    async def _draw_timers(self) -> None:
        """A reminder that was set by a clock far ahead comes when one that is set now would."""
        threads, now = self.host.config.threads, self._clock.now()
        hours = max(threads.remind_after_hours or 0.0, threads.remind_every_hours or 0.0)
        due = await self.host.store.last_due()
        if due is not None and due > now + hours * 3600 + SWEEP:
            await self.host.store.draw_timers(now + hours * 3600)

    async def _fire(self, now: float) -> None:
        for timer in await self.host.store.due_timers(now):
            fired = TimerFired(key=timer.key)
            event = NewEvent(fired.kind, f"timer:{timer.key}:{timer.due}", dump(fired))
            await self.host.store.append(timer.thread, [event], drop_timers=[timer.key], ready=True)
            self.kick(timer.thread)

    def _wrote(self, thread: str, news: Sequence[Entry] = (), *, posted: bool) -> None:
        if posted:
            self.delivery.wake()
        if thread in self._watched:
            self._watched[thread].tell(news)

    async def _run(self, thread: str, turn: Turn, wait: float) -> None:
        """Turns of one thread, one after the other, until nothing calls for another."""
        turn.begun = True
        try:
            while True:
                turn.hear()  # whatever came before this is found in the log
                try:
                    with turn.calm():
                        await asyncio.sleep(wait)
                    await self._turn(thread, turn)
                except asyncio.CancelledError:
                    if not turn.goes_on():
                        raise
                    turn.mail.set()
                wait = 0.0
                if not turn.mail.is_set():
                    return
        finally:
            del self._tasks[thread], self._turns[thread]
            self._look.set()
            self._wrote(thread, posted=True)
            if self._rested is not None:
                self._rested(thread)

    async def _turn(self, thread: str, turn: Turn) -> None:
        turn.epoch, turn.state = None, ThreadState("")
        await self.host.keep(thread)
        try:
            await run_turn(self.host, thread, self._interpreter, self._listener, turn)
            await self.host.keep(thread)
        except StaleWorker:
            log.info("%s was taken over by another worker", thread)
        except StoreGone as error:
            await self.host.keep(thread)
            self._gone = error
            await self._give_up(thread, error)
            self._look.set()
        except CodeButlerError as error:  # not even the log could be written, as on a full disk
            await self._give_up(thread, error)
        except Exception as error:  # a fault of ours in one thread must neither touch another nor stay silent
            log.exception("%s: turn crashed", thread)
            await self._confess(thread, turn.epoch, shortage(error))

    async def _give_up(self, thread: str, error: CodeButlerError) -> None:
        log.error("%s: turn given up: %s", thread, error)
        try:
            known = await self.host.store.thread(thread) is not None
        except CodeButlerError:  # the store cannot be read either: it may well have the thread
            known = True
        if known:
            self.given_up[thread] = error

    async def _confess(self, thread: str, held: int | None, short: str) -> None:
        """Say in the thread that we failed it, unless somebody else works on it. ``short``: what ran out."""
        try:
            await self._say_broken(thread, held, short)
        except StaleWorker:  # which may well be what the turn broke on
            log.info("%s had been taken over by another worker", thread)
        except CodeButlerError as error:
            await self._give_up(thread, error)
        except Exception as error:  # such as a damaged log: no turn can read it, so none can speak of it
            log.exception("%s: nor could that be said", thread)
            self.given_up[thread] = CodeButlerError(f"thread {thread} cannot be read: {error}")

    async def _say_broken(self, thread: str, epoch: int | None, short: str) -> None:
        held = await ThreadLog.claim(self.host.store, thread, self.host.redactor.text, held=epoch)
        await held.update_row(status="failed")
        cause = short or "Something broke inside CodeButler; the details are in its log."
        word = Outbound(text=f'{cause} Your work is kept. Say **"go"** to try again.', kind="error")
        # what is unread waits for that word: another turn by itself would break in the same place
        await held.rest(
            TurnEnded(outcome="failed", text=short or "internal error"), word, stuck=held.state.unread
        )
