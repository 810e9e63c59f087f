"""A conversation with one thread from this process: as the repo's owner, or beside the process that is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from codebutler.cli.common import tell_of_lost
from codebutler.cli.me import me
from codebutler.cli.recall import recalled
from codebutler.cli.silence import Silence
from codebutler.commands.builtin import REGISTRY
from codebutler.errors import UsageError
from codebutler.events import CommandHandled, Event, MessageReceived, Posted, parse
from codebutler.service import owner as owners
from codebutler.service.app import Place, open_host
from codebutler.surfaces.terminal import NAME, Terminal
from codebutler.thread.engine import Engine
from codebutler.thread.fold import apply, fold
from codebutler.thread.host import Host
from codebutler.thread.intake import Mode, Stop, receive, stops
from codebutler.thread.state import ThreadState
from codebutler.thread.thread import Listener
from codebutler.thread.watch import Entry
from codebutler.types import Attachment, Inbound, Outbound, Person, Surface

POLL = 0.1
"""Seconds between looks at the log when another process writes it."""
OWN = 2.0
"""Seconds between looks without a sign from the engine of this process: another one may have written."""


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
        self._terminals = [door for door in surfaces if isinstance(door, Terminal)]
        self._listener = listener
        self.begun = asyncio.Event()
        """Set once there is a thread to follow."""
        self._external = ""
        self._engine: Engine | None = None
        self._owner: owners.Owner | None = None
        self._running: asyncio.Task[None] | None = None
        self._giving: asyncio.Task[None] | None = None
        self._not_before = 0.0
        """When this process may take the repo again, on the monotonic clock: it gave it to another one."""
        self._seen = asyncio.Event()
        """Set whenever all of the log was followed."""
        self.refused = self.misused = False
        """The last command said here was not obeyed: not theirs to give, or too early."""
        self._me: Person | None = None
        self._keys: set[str] = set()
        self._mine: set[int] = set()
        """What was said here, by key and by place in the log: the same person may be at a second terminal."""
        self._silence = Silence(place)
        self._said = 0
        self._old = 0
        """Events of the thread before it was resumed: nobody needs to see those posts again."""

    async def begin(self, external: str) -> None:
        """Speak in the conversation ``external`` of the terminal door from here on."""
        self._external = external
        for door in self._terminals:
            door.conversation = external
            door.caught_up.clear()

    async def resume(self, thread: str, *, recall: bool = False) -> None:
        """Go on with an existing thread, whatever door it came from; ``recall`` shows what it said last."""
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
        if recall:
            await self._recall()
        await self._show_unseen()
        await self._kick(thread)

    async def say(
        self, text: str = "", *, action: str = "", value: str = "", key: str = "", mode: Mode = "team",
        files: Sequence[Attachment] = (),
    ) -> str:  # fmt: skip
        """One message or button press of the person at this terminal; ``key`` makes it once only."""
        self._said += 1
        await self._take_over()  # where nothing can be run, nothing is opened
        self._me = self._me or await me(self.place.repo)
        key = key or f"{self._external}:{asyncio.get_running_loop().time()}:{self._said}"
        self._keys.add(key)
        self.refused = self.misused = False
        inbound = Inbound(
            surface=NAME,
            external_id=self._external,
            key=key,
            author=self._me,
            text=self.place.redactor.text(text),
            action=action,
            value=value,
            attachments=list(files),
        )
        thread = await receive(self.host.store, inbound, mode=mode)
        if thread != self.thread:
            self.thread, self.state = thread, ThreadState(thread)
            self.begun.set()
        rows = [] if self.state.seq else await self.host.store.events(thread)
        now = fold(thread, ((r.seq, r.ts, parse(r.body)) for r in rows)) if rows else self.state
        await self._kick(thread, stops(REGISTRY, inbound, now))
        return thread

    async def batches(self) -> AsyncIterator[list[Entry]]:
        """What the thread's log gains, oldest first; an empty batch says that all was seen. Never ends."""
        while True:
            changed = self._engine.watch(self.thread) if self._engine is not None else None
            if changed is not None:
                changed.clear()
            batch: list[Entry] = changed.take(self.state.seq) if changed is not None else []
            if not batch:
                rows = await self.host.store.events(self.thread, after=self.state.seq)
                batch = [(row, parse(row.body)) for row in rows]
            for row, event in batch:
                apply(self.state, row.seq, row.ts, event)
                if row.seq > self._old:
                    self._hear(row.seq, event)
            if self._engine is None and any(isinstance(event, Posted) for _, event in batch):
                await self._show_unseen()
            yield batch
            if batch and (changed is None or changed.is_set()):
                continue
            if batch:
                yield []
            self._seen.set()
            self._let_doors_go()
            await self._take_over()
            if batch or self._engine is not None:
                self._silence.heard()
            else:
                await self._silence.look()
            await _sign(changed)

    def _hear(self, seq: int, event: Event | None) -> None:
        if isinstance(event, Posted):
            self._show(event)
        elif isinstance(event, MessageReceived) and event.key in self._keys:
            self._mine.add(seq)
        elif isinstance(event, CommandHandled) and event.message in self._mine:
            self.refused, self.misused = event.refused, event.misused

    def _show(self, posted: Posted) -> None:
        """Show a post here. The outbox's own copy may have gone to whichever process runs the turns."""
        mark = f"{self.thread}:{posted.source}@{NAME}:{self._external}"
        for door in self._terminals:
            door.show(posted.post, mark)

    async def _recall(self) -> None:
        """It may be this person that the thread waits for."""
        said, posts = recalled(parse(row.body) for row in await self.host.store.events(self.thread))
        for door in self._terminals:
            door.quote(said)
        for posted in posts:
            self._show(posted)

    async def _show_unseen(self) -> None:
        """Show what was posted here while no terminal of this conversation was open; note that it was seen.

        Whoever runs the turns (a service, another terminal) does not. A status card comes anew by itself.
        """
        doors = [door for door in self._terminals if not door.quiet]
        for post in await self.host.store.posts(self.thread) if doors else ():
            here = (post.surface, post.conversation) == (NAME, self._external)
            if not here or post.slot or post.external_id or post.state == "failed":
                continue
            mark = f"{self.thread}:{post.key}"
            for door in doors:
                door.show(Outbound.model_validate_json(post.payload), mark)
            await self.host.store.post_sent(post.id, mark)

    def _let_doors_go(self) -> None:
        for door in self._terminals:
            door.caught_up.set()

    async def at_rest(self) -> bool:
        """Nothing goes on in the thread, nothing will before somebody speaks, and ``state`` has it all."""
        if self._engine is not None and self.thread in self._engine.given_up:
            raise self._engine.given_up[self.thread]
        if self.state.outcome is None:
            return False
        row = await self.host.store.thread(self.thread)
        if row is None or row.ready:
            return False
        return not await self.host.store.events(self.thread, after=self.state.seq)

    async def rested(self) -> None:
        """Wait until the thread is at rest, while something else takes the batches."""
        await self.begun.wait()
        while not await self.at_rest():
            self._seen.clear()
            await self._seen.wait()

    async def _kick(self, thread: str, stop: Stop = "") -> None:
        await self._take_over()
        if self._engine is not None:
            self._engine.kick(thread, stop)
            self._engine.watch(thread).set()
        else:
            await owners.kick(self.place.repo.root, self.place.home, thread, stop)

    async def _take_over(self) -> None:
        """Run the repo's turns here if nobody does."""
        if self._engine is not None or time.monotonic() < self._not_before:
            return
        owner = owners.Owner.take(self.place.repo, self.place.home)
        if owner is None:
            return
        self._owner = owner
        engine = self._engine = Engine(self.host, REGISTRY, self._surfaces, self._listener)
        await owner.listen(engine.kick, self._give_way, away=self.host.breaker.away)
        self._running = asyncio.create_task(engine.run())

    def _give_way(self) -> None:
        """Another process asks for the repo's turns: it has them once the steps under way are done."""
        if self._giving is None or self._giving.done():
            self._giving = asyncio.create_task(self._hand_over())

    async def _hand_over(self) -> None:
        engine = self._engine
        if engine is not None:
            await engine.hand_over()
            self._not_before = time.monotonic() + owners.GRACE
            await self._let_go()
            engine.watch(self.thread).set()

    async def _let_go(self) -> None:
        running, owner = self._running, self._owner
        self._engine = self._running = self._owner = None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        if owner is not None:
            await owner.release()

    async def close(self) -> None:
        """Stop at the next safe point; the thread goes on when somebody next runs it."""
        self._let_doors_go()
        if self._engine is not None:
            await self._engine.close(patience=self.place.config.threads.stop_seconds)
        if self._giving is not None:
            self._giving.cancel()
            await asyncio.gather(self._giving, return_exceptions=True)
        await self._let_go()


async def _sign(changed: asyncio.Event | None) -> None:
    """Wait for a sign that there may be more to follow: from the engine, or just a while."""
    if changed is None:
        await asyncio.sleep(POLL)
        return
    try:
        async with asyncio.timeout(OWN):
            await changed.wait()
    except TimeoutError:
        return


@asynccontextmanager
async def open_session(
    place: Place, surfaces: Sequence[Surface], listener: Listener | None = None
) -> AsyncIterator[Session]:
    """A session on the repo's store; everything is closed on the way out."""
    host = await open_host(place)
    await tell_of_lost(place, host.store)
    session = Session(place, host, surfaces, listener)
    try:
        yield session
    finally:
        await session.close()
        await host.close()
