"""No surprise bill: every model call is reserved against caps before it is made."""

from __future__ import annotations

import hashlib
import math
import os
import time
from abc import abstractmethod
from collections.abc import Sequence

from codebutler.agent.frame import Frame
from codebutler.agent.roles import Role
from codebutler.agent.thinking import AskCheaper
from codebutler.dollars import exact
from codebutler.errors import LimitReached
from codebutler.events import Cap, Event, ImageOrdered, LimitHit, ModelFailed, ModelRequested
from codebutler.store.money import RAISED
from codebutler.store.rows import Payment
from codebutler.thread.fold_steps import cut_off
from codebutler.thread.host import Host
from codebutler.thread.log import ThreadLog
from codebutler.thread.saving import Saving
from codebutler.toolset.desk import EndTurn
from codebutler.toolset.registry import Toolset
from codebutler.types import Message, Usage

DOLLARS_PER_TOKEN_CAP = 5.0
"""Each dollar that a person raises lifts the thread's cap of tokens by one part of so many."""
CUT_OFF = "the order of a picture was cut off, and may have been paid for"
HOUR, DAY = 3600, 24 * 3600
_DOLLARS = frozenset({"role", "thread", "day", "person"})
"""Caps that a cheaper model can help with."""


class _Hit(Exception):
    """A cap that the next call would pass: which one, in words, and what would make room."""

    def __init__(
        self, cap: Cap, what: str, *, until: float = 0.0, short: float = 0.0, room: float = 0.0
    ) -> None:
        """``until`` is the unix time at which it frees itself, ``short`` the dollars that a raise must add.

        ``room`` is the dollars that are left: a cheaper model may fit them.
        """
        super().__init__(what)
        self.cap = cap
        self.what = what
        self.until = until
        self.short = short
        self.room = room


class Caps(Saving):
    """The caps of role, thread, repo, person and day over one claimed thread."""

    halts = True
    """Whether a cap that is hit stops the thread; else it ends this one run."""

    def __init__(self, host: Host, log: ThreadLog) -> None:
        """Reservations are rows: two racing threads cannot overspend a cap."""
        super().__init__(host, log)
        self._run_counted = False

    @abstractmethod
    def toolset(self, role: Role) -> Toolset:
        """The role's tools in this thread: their schemas are paid for with each call."""

    @abstractmethod
    def cheaper(self, role: Role, *, than: str, tokens: int, room: float) -> str:
        """A model of the role's whose call of ``tokens`` fits ``room`` dollars; "" if there is none."""

    async def settle_leftovers(self) -> None:
        """Reservations of a worker that died: a call that was under way counts as fully spent.

        A picture is not ordered again by itself, so reports have that one's dollars from here.
        """
        orders = self.state.buying
        bought = {self._key(f"{c.frame}:{c.step}:"): c.usd for c in self.state.requested.values()}
        bought |= {self._key(f"{name}:"): order.usd for name, order in orders.items()}
        left = set[str]()
        for key in await self.host.store.unsettled(self._key("")):
            usd = next((usd for start, usd in bought.items() if key.startswith(start)), 0.0)
            await self.host.store.settle(key=key, usd=usd)
            left.add(key)
        held = await self.host.ledger.unsettled(self._key(""))
        paid = await self.host.store.paid(held)  # a power cut may have taken what the ledger knew of it
        for key in held:
            await self.host.ledger.settle(key=key, usd=paid.get(key, 0.0))
            left.add(key)
        for name, order in orders.items():
            if isinstance(order, ImageOrdered) and any(key.startswith(self._key(f"{name}:")) for key in left):
                await self._lost_picture(order)

    async def _lost_picture(self, order: ImageOrdered) -> None:
        step = self.state.frames[order.frame].step
        lost = ModelFailed(
            frame=order.frame, step=step, model=order.model, error=CUT_OFF, usd=order.usd, usage=order.usage
        )
        await self.log.append(lost)

    async def request(
        self, frame: Frame, role: Role, model: str, messages: Sequence[Message]
    ) -> tuple[str, ModelRequested]:
        """Hold the worst case of a call, and log the call. On a hit: EndTurn or AskCheaper, by ``onCap``."""
        tokens = self.host.client.estimate(model, messages, self.toolset(role).wire)
        most = Usage(input=tokens, output=role.limits.max_output)
        usd = self.host.router.worst_case(model, most.input, most.output)
        key = self._key(f"{frame.id}:{frame.step + 1}:{time.time_ns()}")
        try:
            self._need_room(frame, role, usd, most)
            self.log.promised[key] = most.input + most.output
            await self._count_run()
            asked = ModelRequested(frame=frame.id, step=frame.step + 1, model=model, usd=usd, usage=most)
            await self._hold(key, usd, asked)
        except _Hit as hit:
            if hit.cap not in _DOLLARS:
                raise await self._stopped(hit, frame, role, usd) from hit
            hit.what += self._lost(hit.cap, frame)
            if await self.saves(hit.what, role, model, tokens, room=hit.room):
                raise AskCheaper from hit
            other = self.cheaper(role, than=model, tokens=tokens, room=hit.room)
            raise await self._stopped(hit, frame, role, usd, other) from hit
        finally:
            self.log.promised.pop(key, None)
        return key, asked

    def _lost(self, cap: Cap, frame: Frame) -> str:
        """What of a cap counts for calls that were cut off: reports do not have it."""
        last = self.state.requested.get(frame.id)  # nobody hears its answer any more
        usd = (last.usd if last is not None else 0.0) + (self.state.cut_off_usd if cap == "thread" else 0.0)
        if cap == "role" or not usd:
            return ""
        return f"; {exact(round(usd, 4))} of it count for calls that were cut off, at their worst case"

    async def reserve_picture(self, frame: Frame, role: Role, name: str, usd: float, most: Usage) -> str:
        """Hold the worst case of a picture, called ``name``. On a hit the turn ends as in ``request``."""
        key = self._key(f"{name}:{time.time_ns()}")
        try:
            self._need_room(frame, role, usd, most)
            await self._hold(key, usd)
        except _Hit as hit:
            raise await self._stopped(hit, frame, role, usd) from hit
        return key

    async def reserve_speech(self, name: str, usd: float) -> str:
        """Hold the worst case of a transcript. LimitReached on a hit: nobody's work stops for want of it."""
        key = self._key(f"{name}:{time.time_ns()}")
        try:
            await self._hold(key, usd)
        except _Hit as hit:
            raise LimitReached(hit.what, short=hit.short) from hit
        return key

    async def _stopped(self, hit: _Hit, frame: Frame, role: Role, usd: float, other: str = "") -> EndTurn:
        """Log the hit; returns the end of the turn. ``other`` is a cheaper model that would fit."""
        end = EndTurn("failed" if self.config.limits.on_cap == "stop" else "paused", hit.what)
        if not self.halts:
            return end
        wish = math.ceil(max(hit.short, self._lacking(frame, role, usd), 1.0)) if hit.short else 0.0
        await self.log.append(
            LimitHit(
                frame=frame.id, what=hit.what, cap=hit.cap, until=hit.until, raise_usd=wish, cheaper=other
            )
        )
        return end

    async def settle(self, key: str, usd: float, *, at_once: bool = False) -> None:
        """Replace a reservation by what was spent: in the commit of the next events, or ``at_once``.

        In the ledger a power cut may leave it held: ``settle_leftovers`` then asks the store.
        """
        self.log.owe(Payment(key, usd))
        await self.host.ledger.settle(key=key, usd=usd, sync=False)
        if at_once:
            await self.log.append()

    def _key(self, rest: str) -> str:
        """A reservation's key. Threads of two repos may have the same id, and they share the ledger."""
        repo = hashlib.sha256(os.fsencode(self.host.repo.root)).hexdigest()[:12]
        return f"{repo}:{self.state.id}:{rest}"

    async def _hold(self, key: str, usd: float, *events: Event) -> None:
        """In the host's ledger and, in one commit with ``events``, in the repo's store; or in neither."""
        await self._hold_in_ledger(key, usd)
        cap = self.usd_cap
        own = {} if cap is None else {f"thread:{self.state.id}": cap}
        try:
            await self.log.append(*events, hold=Payment(key, usd, own))
        except LimitReached as error:
            await self.host.ledger.settle(key=key, usd=0.0)
            what = f"the thread's cap of {exact(cap or 0.0)} leaves too little for the next call"
            raise _Hit("thread", what, short=error.short, room=usd - error.short) from error

    async def _hold_in_ledger(self, key: str, usd: float) -> None:
        day = time.strftime("%Y-%m-%d", time.gmtime())
        caps = {scope: most for scope, (_, most) in self.set_caps(day).items()}
        try:
            await self.host.ledger.reserve(key=key, usd=usd, caps=caps)
        except LimitReached as error:
            which, most = (await self.shared(day))[error.scope]
            what = f"{self.whose(error.scope)} cap of {exact(most)} a day leaves too little for the next call"
            raise _Hit(which, what, until=_next(DAY), short=error.short, room=usd - error.short) from error

    async def shared(self, day: str) -> dict[str, tuple[Cap, float]]:
        """The same, with what was raised."""
        caps = self.set_caps(day)
        raised = await self.host.ledger.spent_in([RAISED + scope for scope in caps])
        return {scope: (cap, most + raised[RAISED + scope]) for scope, (cap, most) in caps.items()}

    async def lift(self, cap: str, usd: float, message: int) -> None:
        """Raise a shared cap of today by ``usd``, for all threads; once for each ``message`` that says so."""
        scopes = self.set_caps(time.strftime("%Y-%m-%d", time.gmtime()))
        key = f"raise:{self._key(str(message))}"  # not one of the calls that ``settle_leftovers`` settles
        for scope in [s for s, (which, _) in scopes.items() if which == cap]:
            await self.host.ledger.reserve(key=key, usd=usd, caps={RAISED + scope: math.inf})
            await self.host.ledger.settle(key=key, usd=usd)

    def _need_room(self, frame: Frame, role: Role, usd: float, call: Usage) -> None:
        """The caps that this thread's own state decides: the role's dollars, the thread's tokens.

        Tokens of calls that are under way beside this one count in full, as dollars do.
        """
        cap, most = self.role_cap(role), self.token_cap
        if frame.usd + usd > cap:
            what = f"the {role.title}'s cap of {exact(cap)} for one run leaves too little for the next call"
            raise _Hit("role", what, short=frame.usd + usd - cap, room=cap - frame.usd)
        held = cut_off(self.state.requested.values()) + sum(self.log.promised.values())
        tokens = self.tokens_used + held + call.input + call.output
        if most is not None and tokens > most:
            what = f"the thread's cap of {most:,} tokens leaves too little for the next call"
            raise _Hit("tokens", what, short=(tokens - most) / self._dollar_in_tokens)

    @property
    def owner(self) -> str:
        """Whose money it is, in words."""
        return self.state.opened.owner.label if self.state.opened else "one person"

    def role_cap(self, role: Role) -> float:
        """Dollars that one run of the role may cost."""
        return role.limits.usd + self.state.raised_usd

    @property
    def _dollar_in_tokens(self) -> float:
        return (self.config.limits.tokens_per_thread or 0) / DOLLARS_PER_TOKEN_CAP

    @property
    def token_cap(self) -> int | None:
        """Tokens in and out that this thread may use."""
        cap = self.config.limits.tokens_per_thread
        return None if cap is None else cap + int(self.state.raised_usd * self._dollar_in_tokens)

    @property
    def tokens_used(self) -> int:
        """Tokens in and out so far; a call that was cut off counts in full."""
        return self.state.cut_off + sum(s.input + s.output for s in self.state.spend.values())

    def _lacking(self, frame: Frame, role: Role, usd: float) -> float:
        """Dollars that role and thread lack for a call of ``usd``: one raise should do for both."""
        raised, cap = self.state.raised_usd, self.usd_cap
        thread = 0.0 if cap is None else self.state.usd + usd - cap
        return max(frame.usd + usd - role.limits.usd - raised, thread)

    async def _count_run(self) -> None:
        """One run of roles set off by a message: a row per hour, counted in units, not dollars.

        Its first call is held next, and that is synced, in both files.
        """
        if self._run_counted:
            return
        limits, hour = self.config.limits, time.strftime("%Y-%m-%dT%H", time.gmtime())
        key, free = self._key(f"run:{time.time_ns()}"), _next(HOUR)
        try:
            caps = {f"runs:{hour}": limits.max_calls_per_hour}
            await self.host.store.reserve(key=key, usd=1.0, caps=caps, sync=False)
        except LimitReached as error:
            what = f"{limits.max_calls_per_hour} runs in an hour are this repo's limit"
            raise _Hit("hour", what, until=free) from error
        who, most = self.state.speaker, limits.max_calls_per_person_per_hour
        if who is not None and most is not None:
            scope = f"runs:{who.surface}:{who.id}:{hour}"
            try:
                await self.host.ledger.reserve(key=key, usd=1.0, caps={scope: most}, sync=False)
            except LimitReached as error:
                await self.host.store.settle(key=key, usd=0.0)
                what = f"{most} runs in an hour are {who.label}'s limit"
                raise _Hit("person_hour", what, until=free) from error
            await self.host.ledger.settle(key=key, usd=1.0, sync=False)
        await self.host.store.settle(key=key, usd=1.0, sync=False)
        self._run_counted = True


def _next(seconds: int) -> float:
    """When the running hour or day (UTC) ends, in unix time."""
    return (time.time() // seconds + 1) * seconds
