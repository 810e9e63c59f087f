"""One thread, from the task to its rest, with a person who says what the eval's file gives them to say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from codebutler.commands.builtin import REGISTRY
from codebutler.evaluation.shape import Evaluation
from codebutler.events import Event, parse
from codebutler.models.foreign import Client
from codebutler.models.routing import Router
from codebutler.sandbox.configured import sandbox_settings
from codebutler.sandbox.settings import SandboxSettings
from codebutler.service.app import Place, open_store
from codebutler.store.store import Store
from codebutler.surfaces.terminal import NAME, os_person
from codebutler.testing.scenario import occurs
from codebutler.thread.engine import Engine
from codebutler.thread.fold import apply
from codebutler.thread.host import Host
from codebutler.thread.state import ThreadState
from codebutler.types import Inbound

_LOOK = 2.0
"""Seconds between looks at the log without a sign from the engine."""
_APPROVALS = 5
"""Plans that the person approves before they have seen enough."""
_ANSWERS = 10


class Played(Struct, frozen=True):
    """How it went. ``stopped`` says why the run was broken off, "" if it came to rest by itself."""

    state: ThreadState
    events: list[Event]
    seconds: float
    stopped: str = ""


def cage(place: Place) -> SandboxSettings:
    """The host's sandbox, without any way into the network: an eval is the same everywhere."""
    return replace(sandbox_settings(place.config), allow=())


async def play(evaluation: Evaluation, place: Place, ledger: Path) -> Played:
    """Run the eval's task in the repo of ``place``. The caps of day and person are ``ledger``'s, a home."""
    async with _engine(place, ledger) as engine:
        run = _Conversation(engine, evaluation)
        began = time.monotonic()
        stopped = ""
        try:
            async with asyncio.timeout(evaluation.limits.seconds):
                stopped = await run.through()
        except TimeoutError:
            stopped = f"over {evaluation.limits.seconds:g} seconds"
        seconds = time.monotonic() - began
        await engine.close()
        await run.follow()
        return Played(run.state, run.events, seconds, stopped)


@asynccontextmanager
async def _engine(place: Place, ledger: Path) -> AsyncIterator[Engine]:
    router = Router(place.config)
    host = Host(
        repo=place.repo,
        config=place.config,
        home=place.home,
        store=await open_store(place),
        ledger=await Store.open(ledger / "global.db", place.redactor),
        client=Client(router),
        router=router,
        redactor=place.redactor,
        sandbox=cage(place),
    )
    engine = Engine(host, REGISTRY, [])
    running = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        await engine.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await host.close()


class _Conversation:
    """The person's side of the thread."""

    def __init__(self, engine: Engine, evaluation: Evaluation) -> None:
        self._engine = engine
        self._evaluation = evaluation
        self._said = 0
        self._thread = ""
        self.state = ThreadState("")
        self.events: list[Event] = []

    async def through(self) -> str:
        """Say the task, then whatever is due; returns why it was broken off, "" at its rest."""
        await self._say(self._evaluation.task)
        approved: set[str] = set()
        answered = 0
        while True:
            stopped = await self._rest()
            state = self.state
            answer = self._answer()
            if stopped or state.halted:
                return stopped
            if answer and answered < _ANSWERS:
                answered += 1
                await self._say(answer)
            elif self._may_approve(approved) and state.plan is not None:
                approved.add(state.plan.hash)
                await self._say(action="approve", value=state.plan.hash)
            else:
                return ""

    async def follow(self) -> bool:
        """Take in what the log has gained; whether that was anything."""
        rows = await self._engine.host.store.events(self._thread, after=self.state.seq)
        for row in rows:
            event = parse(row.body)
            apply(self.state, row.seq, row.ts, event)
            if event is not None:
                self.events.append(event)
        return bool(rows)

    def _may_approve(self, approved: set[str]) -> bool:
        plan = self.state.plan
        return (
            self._evaluation.person.approves
            and self.state.plan_waits
            and plan is not None
            and plan.hash not in approved
            and len(approved) < _APPROVALS
        )

    def _answer(self) -> str:
        """What the person says to the open question; "" for nothing."""
        question = self.state.question
        if question is None:
            return ""
        asked = "\n".join([question.question, *question.options])
        return next((a.say for a in self._evaluation.person.answers if occurs(a.match, asked)), "")

    async def _say(self, text: str = "", *, action: str = "", value: str = "") -> None:
        self._said += 1
        inbound = Inbound(
            surface=NAME, external_id="eval", key=str(self._said), author=os_person(),
            text=text, action=action, value=value,
        )  # fmt: skip
        self._thread = await self._engine.receive(inbound)
        if not self.state.id:
            self.state = ThreadState(self._thread)

    async def _rest(self) -> str:
        """Wait until nothing goes on before somebody speaks; "" then, or the limit that was passed."""
        changed = self._engine.watch(self._thread)
        most = self._evaluation.limits.turns
        while True:
            changed.clear()
            gained = await self.follow()
            if self._thread in self._engine.given_up:
                raise self._engine.given_up[self._thread]
            if self.state.steps > most:
                return f"over {most} turns"
            row = await self._engine.host.store.thread(self._thread)
            if not gained and row is not None and not row.ready and self.state.outcome is not None:
                return ""
            if gained:
                continue
            try:
                async with asyncio.timeout(_LOOK):
                    await changed.wait()
            except TimeoutError:
                continue
