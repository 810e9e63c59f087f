"""No surprise bill: every model call is reserved against caps before it is made."""

from __future__ import annotations

import time
from collections.abc import Sequence

from codebutler.agent.frame import Frame
from codebutler.agent.roles import Role
from codebutler.config import Config
from codebutler.errors import LimitReached
from codebutler.events import LimitHit
from codebutler.models.prices import worst_case
from codebutler.thread import render
from codebutler.thread.host import Host
from codebutler.thread.log import ThreadLog
from codebutler.thread.state import ThreadState
from codebutler.toolset.desk import EndTurn
from codebutler.types import Message

SAVING_FROM = 0.8
"""Share of the thread's cap from which ``onCap: cheaper`` prefers cheap models."""


class Caps:
    """The caps of role, thread, repo, person and day over one claimed thread."""

    def __init__(self, host: Host, log: ThreadLog) -> None:
        """Reservations are rows: two racing threads cannot overspend a cap."""
        self.host = host
        self.log = log
        self._run_counted = False

    @property
    def state(self) -> ThreadState:
        """The fold of the log so far."""
        return self.log.state

    @property
    def config(self) -> Config:
        """The configuration that holds for this thread."""
        return self.host.config

    async def settle_leftovers(self) -> None:
        """Reservations of a worker that died: a call that was under way counts as fully spent."""
        for store in (self.host.store, self.host.ledger):
            for key in await store.unsettled(f"{self.state.id}:"):
                call = self.state.requested
                bought = call is not None and key.startswith(f"{self.state.id}:{call.frame}:{call.step}:")
                await store.settle(key=key, usd=call.usd if bought and call is not None else 0.0)

    async def reserve(
        self, frame: Frame, role: Role, model: str, request: Sequence[Message]
    ) -> tuple[str, float]:
        """Hold the worst case of a call. On a hit the turn ends: EndTurn, paused or failed by ``onCap``."""
        tokens = self.host.client.estimate(model, request, self.host.toolset(role).wire)
        usd = worst_case(model, tokens, role.limits.max_output)
        key = f"{self.state.id}:{frame.id}:{frame.step + 1}:{time.time_ns()}"
        try:
            self._need_room(frame, role, usd, tokens)
            await self._count_run()
            await self._hold(key, usd)
        except LimitReached as error:
            await self.log.append(LimitHit(frame=frame.id, what=str(error)))
            stop = self.config.limits.on_cap == "stop"
            raise EndTurn("failed" if stop else "paused", str(error)) from error
        return key, usd

    async def settle(self, key: str, usd: float) -> None:
        """Replace a reservation by what was really spent."""
        await self.host.store.settle(key=key, usd=usd)
        await self.host.ledger.settle(key=key, usd=usd)

    def is_saving(self) -> bool:
        """Whether it is time for cheap models."""
        cap = self.config.limits.usd_per_thread
        return (
            self.config.limits.on_cap == "cheaper" and cap is not None and self.state.usd >= SAVING_FROM * cap
        )

    @staticmethod
    def cheapest_first(models: Sequence[str]) -> Sequence[str]:
        """``models`` by the price of a typical call."""
        return sorted(models, key=lambda model: worst_case(model, 20_000, 1_000))

    async def _hold(self, key: str, usd: float) -> None:
        own, shared = self._scopes()
        await self.host.store.reserve(key=key, usd=usd, caps=own)
        try:
            await self.host.ledger.reserve(key=key, usd=usd, caps=shared)
        except LimitReached:
            await self.host.store.settle(key=key, usd=0.0)
            raise

    def _scopes(self) -> tuple[dict[str, float], dict[str, float]]:
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

    def _need_room(self, frame: Frame, role: Role, usd: float, tokens: int) -> None:
        """The caps that this thread's own state decides: the role's dollars, the thread's tokens."""
        cap = role.limits.usd + self.state.raised_usd
        if frame.usd + usd > cap:
            raise LimitReached(f"the {role.title}'s cap of {render.money(cap)} for one run would be passed")
        most = self.config.limits.tokens_per_thread
        used = sum(s.input + s.output for s in self.state.spend.values())
        if most is not None and not self.state.raised_usd and used + tokens > most:
            raise LimitReached(f"the thread's cap of {most:,} tokens would be passed")

    async def _count_run(self) -> None:
        """One run of a role set off by a message: a row per hour, counted in units, not dollars."""
        if self._run_counted:
            return
        hour = time.strftime("%Y-%m-%dT%H", time.gmtime())
        cap = self.config.limits.max_calls_per_hour
        key = f"run:{self.state.id}:{time.time_ns()}"
        try:
            await self.host.store.reserve(key=key, usd=1.0, caps={f"runs:{hour}": float(cap)})
        except LimitReached as error:
            raise LimitReached(f"{cap} runs in an hour are this repo's limit") from error
        await self.host.store.settle(key=key, usd=1.0)
        self._run_counted = True
