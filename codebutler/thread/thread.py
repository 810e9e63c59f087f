"""One worker's view of a thread: log, workspace, rules, models. The base of desk, mail and phases."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence

from codebutler.agent.frame import Frame
from codebutler.agent.roles import Role
from codebutler.config import Config
from codebutler.errors import LimitReached
from codebutler.events import Event, FrameStarted, LimitHit
from codebutler.models.prices import worst_case
from codebutler.thread import render
from codebutler.thread.host import Host, Rules
from codebutler.thread.log import ThreadLog
from codebutler.thread.state import ThreadState
from codebutler.thread.workspace import Workspace
from codebutler.toolset.desk import EndTurn
from codebutler.toolset.registry import Toolset
from codebutler.types import Message, ModelReply, Outbound

Listener = Callable[[str, str, str], Awaitable[None]]
"""Told of text as it is written: (thread, role, delta). Nothing durable hangs on it."""


class Thread:
    """Log, workspace and model access of a claimed thread."""

    def __init__(self, host: Host, log: ThreadLog, listener: Listener | None = None) -> None:
        """``listener`` gets streamed text."""
        self.host = host
        self.log = log
        self.space = Workspace(host, log)
        self._listener = listener
        self._rules: Rules | None = None

    @property
    def state(self) -> ThreadState:
        """The fold of the log so far."""
        return self.log.state

    @property
    def config(self) -> Config:
        """The configuration that holds for this thread."""
        return self.host.config

    async def append(self, *events: Event) -> None:
        """Log events; they are on disk when this returns."""
        await self.log.append(*events)

    async def post(self, message: Outbound, *, key: str, before: Sequence[Event] = ()) -> None:
        """Show a message at every door, once per key."""
        await self.log.post(message, key=key, before=before)

    async def show_status(self, activity: str = "") -> None:
        """Refresh the status card."""
        card = render.status(self.state, activity)
        await self.log.post(card, key=f"status:{self.state.seq}:{time.time_ns()}")

    def redact(self, text: str) -> str:
        """``text`` without secrets."""
        return self.log.redact(text)

    # -- roles and models

    async def load_rules(self) -> Rules:
        """The rules of the thread's base commit."""
        base = await self.space.base()
        for notice in base.notices:
            await self.tell_once(notice)
        self._rules = await self.host.rules(base.commit)
        return self._rules

    @property
    def rules(self) -> Rules:
        """The rules; ``load_rules`` comes first."""
        if self._rules is None:
            raise RuntimeError("load_rules was not called")
        return self._rules

    def role(self, name: str) -> Role:
        """A role of this thread."""
        return self.host.role(self.rules, name)

    def toolset(self, role: Role) -> Toolset:
        """The role's tools."""
        return self.host.toolset(role)

    def system(self, role: Role) -> str:
        """The role's system prompt."""
        return self.rules.system(role)

    def candidates(self, role: Role) -> Sequence[str]:
        """Model ids to try: a swap in the thread wins over the configuration."""
        return self.host.router.candidates(role, self.state.models.get(role.name))

    async def start_frame(self, name: str, role: str, content: str) -> Frame:
        """The frame called ``name``, started with ``content`` if it is new."""
        if name not in self.state.frames:
            await self.append(FrameStarted(frame=name, role=role, content=content))
        return self.state.frames[name]

    async def reserve(
        self, frame: Frame, role: Role, model: str, request: Sequence[Message]
    ) -> tuple[str, float]:
        """Hold the worst case against the caps of role, thread, person and day. Raises EndTurn on a hit."""
        tokens = self.host.client.estimate(model, request, self.toolset(role).wire)
        usd = worst_case(model, tokens, role.limits.max_output)
        key = f"{self.state.id}:{frame.id}:{frame.step + 1}:{time.time_ns()}"
        own, shared = self._caps()
        try:
            _need_room(frame, role, usd, self.state.raised_usd)
            await self.host.store.reserve(key=key, usd=usd, caps=own)
            try:
                await self.host.ledger.reserve(key=key, usd=usd, caps=shared)
            except LimitReached:
                await self.host.store.settle(key=key, usd=0.0)
                raise
        except LimitReached as error:
            await self.append(LimitHit(frame=frame.id, what=str(error)))
            raise EndTurn("paused", str(error)) from error
        return key, usd

    def _caps(self) -> tuple[dict[str, float], dict[str, float]]:
        """Caps by scope: the thread's own, and those that hold over all threads of a person and a day."""
        limits, day = self.config.limits, time.strftime("%Y-%m-%d", time.gmtime())
        own, shared = {}, {}
        if limits.usd_per_thread is not None:
            own[f"thread:{self.state.id}"] = limits.usd_per_thread + self.state.raised_usd
        if limits.usd_per_day is not None:
            shared[f"day:{day}"] = limits.usd_per_day
        if self.state.opened is not None and limits.usd_per_person_per_day is not None:
            owner = self.state.opened.owner
            shared[f"person:{owner.surface}:{owner.id}:{day}"] = limits.usd_per_person_per_day
        return own, shared

    async def settle(self, key: str, usd: float) -> None:
        """Replace a reservation by what was really spent."""
        await self.host.store.settle(key=key, usd=usd)
        await self.host.ledger.settle(key=key, usd=usd)

    async def complete(
        self, role: Role, model: str, messages: Sequence[Message], tools: Toolset
    ) -> ModelReply:
        """Ask the model; a due checkpoint is made meanwhile."""

        async def on_text(delta: str) -> None:
            if self._listener is not None:
                await self._listener(self.state.id, role.name, delta)

        self.space.checkpoint_later()
        reply = await self.host.client.complete(
            model=model,
            messages=messages,
            tools=tools.wire,
            max_output=role.limits.max_output,
            role=role.name,
            on_text=on_text if self._listener is not None else None,
        )
        if reply.usd is None:
            await self.tell_once(
                f"No price is known for {reply.model}: its calls count as $0 against the caps."
            )
        for notice in self.host.router.notices:
            await self.tell_once(notice)
        return reply

    async def tell_once(self, notice: str) -> None:
        """Say in the thread what a person should know, the first time only."""
        source = "notice:" + hashlib.sha256(notice.encode()).hexdigest()[:12]
        if source not in self.state.said:
            await self.post(Outbound(text=notice, kind="notice"), key=source)


def _need_room(frame: Frame, role: Role, usd: float, raised: float) -> None:
    """The role's own cap for one run."""
    if frame.usd + usd > role.limits.usd + raised:
        raise LimitReached(f"the {role.title}'s cap of {render.money(role.limits.usd)} would be passed")
