"""All threads of a repo: messages come in, turns run, messages go out.

``kick(thread)`` and ``run()`` are the whole dispatcher: one task per ready thread, strict order within a
thread, a semaphore across threads; an idle thread costs rows only.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from typing import Literal

from codebutler.errors import CodeButlerError, StaleWorker
from codebutler.events import MessageReceived, ThreadOpened, TurnEnded, dump
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store
from codebutler.thread.decisions import Interpreter
from codebutler.thread.deliver import Delivery
from codebutler.thread.host import Host
from codebutler.thread.log import ThreadLog
from codebutler.thread.state import ThreadState
from codebutler.thread.thread import Listener
from codebutler.thread.worker import run_turn
from codebutler.types import Inbound, Outbound, Surface
from codebutler.wellformed import well_formed

log = logging.getLogger("codebutler.engine")


def thread_id(surface: str, external_id: str) -> str:
    """A thread's id follows from where it was opened: a redelivered first message opens nothing new."""
    return "t" + hashlib.sha256(f"{surface}\n{external_id}".encode()).hexdigest()[:9]


async def receive(
    store: Store, inbound: Inbound, *, title: str = "", mode: Literal["team", "coder"] = "team"
) -> str:
    """Append a native event to its thread, opening one for a conversation that is new. Returns its id."""
    inbound = Inbound.model_validate(well_formed(inbound.model_dump()))
    message = message_of(inbound)
    event = NewEvent(message.kind, f"{inbound.surface}:{inbound.key}", dump(message))
    thread = await store.find(inbound.surface, inbound.external_id)
    if thread is None:
        thread = thread_id(inbound.surface, inbound.external_id)
        name = title or _title(inbound.text)
        opened = ThreadOpened(title=name, owner=inbound.author, mode=mode)
        if await store.open_thread(
            thread,
            title=name,
            owner=inbound.author.label,
            bindings=[(inbound.surface, inbound.external_id)],
            events=[NewEvent(opened.kind, "opened", dump(opened)), event],
            row={"phase": "pm", "status": "new"},
        ):
            return thread
    await store.append(thread, [event], ready=True)
    return thread


def stops(interpreter: Interpreter, inbound: Inbound) -> bool:
    """Whether this must not wait for the step that is under way to finish."""
    command = interpreter.read(ThreadState(""), message_of(inbound))
    return command is not None and command.name in {"cancel", "rewind"}


def message_of(inbound: Inbound) -> MessageReceived:
    """The event that a native event becomes."""
    return MessageReceived(
        surface=inbound.surface,
        external_id=inbound.external_id,
        author=inbound.author,
        text=inbound.text,
        action=inbound.action,
        value=inbound.value,
        attachments=inbound.attachments,
    )


def _title(text: str) -> str:
    """The first line of the request, short enough for a list."""
    line = next((x.strip() for x in text.splitlines() if x.strip()), "untitled")
    return line if len(line) <= 80 else line[:79] + "…"


class Engine:
    """Runs the threads of one repo. Only the process that owns the repo may have one (service.owner)."""

    def __init__(
        self,
        host: Host,
        interpreter: Interpreter,
        surfaces: Sequence[Surface],
        listener: Listener | None = None,
    ) -> None:
        """``surfaces`` are the doors that this process serves; posts for others wait in the outbox."""
        self.host = host
        self._interpreter = interpreter
        self._listener = listener
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._interrupted: set[str] = set()
        self.given_up: dict[str, CodeButlerError] = {}
        """Threads whose turn ended without a word in the log, because the log could not be written."""
        self._closing = False
        self.delivery = Delivery(host.store, surfaces)

    async def receive(
        self, inbound: Inbound, *, title: str = "", mode: Literal["team", "coder"] = "team"
    ) -> str:
        """Take a native event in: logged, then its thread is kicked. Returns the thread's id.

        Idempotent by ``inbound.key``: a door may acknowledge its platform when this returns, and may
        call it again with the same event.
        """
        thread = await receive(self.host.store, inbound, title=title, mode=mode)
        self.kick(thread, interrupt=stops(self._interpreter, inbound))
        return thread

    def kick(self, thread: str, *, interrupt: bool = False) -> None:
        """See to it that ``thread`` gets a turn: now, or after the one that it is having.

        ``interrupt`` breaks off a model call or tool that is under way.
        """
        if self._closing:
            return
        if thread in self._tasks:
            self._again.add(thread)
            if interrupt:
                self._interrupted.add(thread)
                self._tasks[thread].cancel()
            return
        task = asyncio.create_task(self._turns(thread), name=f"turn {thread}")
        self._tasks[thread] = task

    async def run(self) -> None:
        """Kick whatever was ready when the last process ended, and deliver until cancelled."""
        await self.host.tidy()
        for thread in await self.host.store.ready_threads():
            self.kick(thread)
        await self.delivery.run()

    async def close(self) -> None:
        """Stop all turns at their next safe point and deliver what is in the outbox."""
        self._closing = True
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self.delivery.flush()

    async def _turns(self, thread: str) -> None:
        try:
            while True:
                self._again.discard(thread)
                try:
                    await self._turn(thread)
                except asyncio.CancelledError:
                    task = asyncio.current_task()
                    if thread not in self._interrupted or self._closing or task is None:
                        raise
                    self._interrupted.discard(thread)
                    while task.uncancel():  # it may have been interrupted several times at once
                        pass
                if thread not in self._again:
                    return
        finally:
            del self._tasks[thread]

    async def _turn(self, thread: str) -> None:
        try:
            await run_turn(self.host, thread, self._interpreter, self._listener)
        except StaleWorker:
            log.info("%s was taken over by another worker", thread)
        except CodeButlerError as error:  # not even the log could be written, as on a full disk
            log.error("%s: turn given up: %s", thread, error)  # noqa: TRY400 - it says all there is to say
            self.given_up[thread] = error
        except Exception:  # a fault of ours in one thread must neither touch another nor stay silent
            log.exception("%s: turn crashed", thread)
            await self._confess(thread)
        finally:
            self.delivery.wake()

    async def _confess(self, thread: str) -> None:
        """Say in the thread that we failed it."""
        try:
            await self._say_broken(thread)
        except CodeButlerError as error:
            log.error("%s: nor could that be said: %s", thread, error)  # noqa: TRY400 - see the line above it
            self.given_up[thread] = error

    async def _say_broken(self, thread: str) -> None:
        held = await ThreadLog.claim(self.host.store, thread, self.host.redactor.text)
        await held.update_row(status="failed")
        text = (
            "Something broke inside CodeButler; the details are in its log. Your work is kept. "
            'Say **"go"** to try again.'
        )
        await held.rest(TurnEnded(outcome="failed", text="internal error"), Outbound(text=text, kind="error"))
