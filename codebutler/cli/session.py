"""A conversation with one thread from this process: as the repo's owner, or beside the process that is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from codebutler.commands.builtin import REGISTRY
from codebutler.errors import UsageError
from codebutler.events import Event, Posted, parse
from codebutler.service import owner as owners
from codebutler.service.app import Place, open_host
from codebutler.store.rows import StoredEvent
from codebutler.surfaces.terminal import NAME, Terminal, os_person
from codebutler.thread import engine as engines
from codebutler.thread.fold import apply
from codebutler.thread.host import Host
from codebutler.thread.state import ThreadState
from codebutler.thread.thread import Listener
from codebutler.types import Inbound, Surface

POLL = 0.1
"""Seconds between looks at the log when another process writes it."""


class Session:
    """Says things to a thread and follows its log. ``state`` is the fold of what was followed so far."""

    def __init__(
        self, place: Place, host: Host, surfaces: Sequence[Surface], listener: Listener | None
    ) -> None:
        """Use ``open_session``."""
        self.place = place
        self.host = host
        self.thread = ""
        self.state = ThreadState("")
        self._surfaces = surfaces
        self._listener = listener
        self.begun = asyncio.Event()
        """Set once there is a thread to follow."""
        self._external = ""
        self._engine: engines.Engine | None = None
        self._owner: owners.Owner | None = None
        self._running: asyncio.Task[None] | None = None
        self._said = 0
        self._old = 0
        """Events of the thread before it was resumed: nobody needs to see those posts again."""

    async def begin(self, external: str) -> None:
        """Speak in the conversation ``external`` of the terminal door from here on."""
        self._external = external
        for door in self._surfaces:
            if isinstance(door, Terminal):
                door.conversation = external

    async def resume(self, thread: str) -> None:
        """Go on with an existing thread, whatever door it came from."""
        if await self.host.store.thread(thread) is None:
            raise UsageError(f"no thread {thread!r} in this repo", fix="codebutler threads lists them.")
        mine = [e for s, e in await self.host.store.bindings(thread) if s == NAME]
        await self.begin(mine[0] if mine else f"resume-{thread}")
        if not mine:
            await self.host.store.bind(thread, NAME, self._external)
        self._old = len(await self.host.store.events(thread))
        self.thread = thread
        self.state = ThreadState(thread)
        self.begun.set()
        await self._kick(thread)

    async def say(
        self, text: str = "", *, action: str = "", value: str = "", key: str = "",
        mode: Literal["team", "coder"] = "team",
    ) -> str:  # fmt: skip
        """One message or button press of the person at this terminal; ``key`` makes it once only."""
        self._said += 1
        inbound = Inbound(
            surface=NAME,
            external_id=self._external,
            key=key or f"{self._external}:{asyncio.get_running_loop().time()}:{self._said}",
            author=os_person(),
            text=self.place.redactor.text(text),
            action=action,
            value=value,
        )
        thread = await engines.receive(self.host.store, inbound, mode=mode)
        if thread != self.thread:
            self.thread, self.state = thread, ThreadState(thread)
            self.begun.set()
        await self._kick(thread, interrupt=engines.stops(REGISTRY, inbound))
        return thread

    async def batches(self) -> AsyncIterator[list[tuple[StoredEvent, Event | None]]]:
        """What the thread's log gains, oldest first; an empty batch says that all was seen. Never ends."""
        while True:
            rows = await self.host.store.events(self.thread, after=self.state.seq)
            batch = [(row, parse(row.body)) for row in rows]
            for row, event in batch:
                apply(self.state, row.seq, row.ts, event)
                if isinstance(event, Posted) and row.seq > self._old:
                    await self._show(event)
            yield batch
            if not rows:
                await self._take_over()
                await asyncio.sleep(POLL if self._engine is None else POLL / 5)

    async def _show(self, posted: Posted) -> None:
        """Show a post here. The outbox's own copy may have gone to whichever process runs the turns."""
        mark = f"{self.thread}:{posted.source}@{NAME}:{self._external}"
        for door in self._surfaces:
            await door.deliver(self._external, posted.post, mark=mark, replaces="")

    async def at_rest(self) -> bool:
        """Nothing goes on in the thread, nothing will before somebody speaks, and ``state`` has it all."""
        if self._engine is not None and self.thread in self._engine.given_up:
            raise self._engine.given_up[self.thread]
        row = await self.host.store.thread(self.thread)
        if row is None or row.ready or self.state.outcome is None:
            return False
        return not await self.host.store.events(self.thread, after=self.state.seq)

    async def rested(self) -> None:
        """Wait until the thread is at rest, while something else takes the batches."""
        await self.begun.wait()
        while True:
            if await self.at_rest():
                return
            await asyncio.sleep(POLL)

    async def _kick(self, thread: str, *, interrupt: bool = False) -> None:
        await self._take_over()
        if self._engine is not None:
            self._engine.kick(thread, interrupt=interrupt)
        else:
            await owners.kick(self.place.repo.root, self.place.home, thread)

    async def _take_over(self) -> None:
        """Run the repo's turns here if nobody does."""
        if self._engine is not None:
            return
        owner = owners.Owner.take(self.place.repo, self.place.home)
        if owner is None:
            return
        self._owner = owner
        self._engine = engines.Engine(self.host, REGISTRY, self._surfaces, self._listener)
        await owner.listen(self._engine.kick)
        self._running = asyncio.create_task(self._engine.run())

    async def close(self) -> None:
        """Stop at the next safe point; the thread goes on when somebody next runs it."""
        if self._engine is not None:
            await self._engine.close()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        if self._owner is not None:
            await self._owner.release()


@asynccontextmanager
async def open_session(
    place: Place, surfaces: Sequence[Surface], listener: Listener | None = None
) -> AsyncIterator[Session]:
    """A session on the repo's store; everything is closed on the way out."""
    host = await open_host(place)
    session = Session(place, host, surfaces, listener)
    try:
        yield session
    finally:
        await session.close()
        await host.close()
