"""Asking a role's models: tries, fallbacks and circuit breakers, all of it in the log.

A model is tried until its circuit opens; then the role's next one is asked. A role whose models are all
away waits for the first probe, if that is soon, and else the turn ends in words.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Sequence
from typing import TypeAlias

from codebutler.agent.frame import Frame
from codebutler.agent.roles import Role
from codebutler.agent.thinking import AskCheaper, Thinking
from codebutler.errors import ContextTooLong, ModelError, ModelRefused, ModelUnavailable
from codebutler.events import CircuitChanged, Event, ModelFailed, ModelRequested, StoodIn
from codebutler.models.stream import hurried
from codebutler.text import opening, sentence, spoken
from codebutler.toolset.desk import EndTurn
from codebutler.toolset.registry import Toolset
from codebutler.types import Message, ModelReply, Usage

TRIES = 4
"""Calls of one step to one model before the next one is asked; its circuit mostly opens before."""
HURRY, SHARE = 60.0, 5
"""While another model is ready: the most seconds that one may send nothing, and the part of a role's time."""
LONG_PAUSE = 10.0
"""Seconds of a provider's wish that are not waited for while another model is ready."""
PATIENCE = 60.0
"""Seconds that a step waits for models that are all away."""
_ROUNDING = 0.001
"""A pause of a minute is a minute, whatever is left of it when clocks are subtracted."""

Answer: TypeAlias = tuple[ModelReply, str, float]
"""A reply, the model that was asked, and seconds."""


class _Spoken(Exception):
    """Somebody speaks while a call waits."""


async def ask(
    frame: Frame, role: Role, tools: Toolset | None, place: Thinking, messages: Sequence[Message]
) -> Answer | None:
    """The first reply that can be had. EndTurn says in a person's words why there is none.

    Without ``tools`` it is a summary that nobody watches.

    None when somebody spoke during a wait: they may want another model, or something else altogether.
    """
    try:
        return await _first(_Asking(frame, role, tools, place, messages))
    except _Spoken:
        return None


async def _first(asking: _Asking) -> Answer:
    place, role = asking.place, asking.role
    patience = PATIENCE
    while True:
        models = place.candidates(role)
        try:
            answer = await _one_of(asking, models)
        except AskCheaper:
            continue
        if answer is not None:
            return answer
        seconds = min(place.breaker.wait(m) for m in models)
        if seconds == 0 and any(place.breaker.state(m) == "open" for m in models):
            continue  # its pause went by while the others were tried: there is a probe to make
        if not 0 < seconds <= patience + _ROUNDING:
            raise EndTurn("failed", asking.lost(models, seconds))
        patience -= seconds
        await asking.wait(models, seconds)


async def _one_of(asking: _Asking, models: Sequence[str]) -> Answer | None:
    """The first answer of ``models``, in order; None when all are away."""
    for at, model in enumerate(models):
        spare = any(not asking.place.breaker.wait(other) for other in models[at + 1 :])
        answer = await asking.tries(model, spare=spare)
        if answer is not None:
            await asking.told(models[0], model)
            return answer
    return None


class _Asking:
    """One step's calls."""

    def __init__(
        self, frame: Frame, role: Role, tools: Toolset | None, place: Thinking, messages: Sequence[Message]
    ) -> None:
        self._frame = frame
        self.role = role
        self._tools = tools
        self.place = place
        self._messages = messages
        self._said = ""
        """What the last failure of this step said."""
        self._answered = False
        """Whether it was an answer all the same, of no use."""

    async def tries(self, model: str, *, spare: bool) -> Answer | None:
        """The model's reply; None when it is away. ``spare``: another one is ready to be asked.

        With a spare one, nobody waits long for this one: neither for silence to end nor for a long pause.
        """
        hurry = min(HURRY, self.role.limits.seconds / SHARE) if spare else math.inf
        for attempt in range(TRIES):
            started = time.monotonic()
            try:
                with hurried(hurry):
                    reply = await self._call(model)
            except ModelUnavailable as error:
                self._said, self._answered = str(error), error.answered
                await self._log_circuit(model)
                if self.place.breaker.wait(model) or attempt + 1 == TRIES:
                    return None
                if spare and (error.silent or (error.retry_after or 0.0) > LONG_PAUSE):
                    return None
                seconds = _pause(attempt, error.retry_after)
                why = f"{error.message}; next try in {seconds:.0f} s"
                if await self.place.wait(self.role, why, seconds):
                    raise _Spoken from None
                continue
            if reply is None:
                await self._log_circuit(model)
                return None
            return reply, model, time.monotonic() - started
        return None

    async def _call(self, model: str) -> ModelReply | None:
        """One call, paid for and logged; None while the circuit lets none through."""
        frame, place, step = self._frame, self.place, self._frame.step + 1
        if place.breaker.wait(model):
            return None
        await place.prepare(model)
        entry = place.breaker.enter(model)
        if entry is None:
            return None
        key, asked = "", ModelRequested(frame=frame.id, step=step, model=model)
        try:
            with place.breaker.passing(entry):
                await self._log_circuit(model)
                key, asked = await place.request(frame, self.role, model, self._messages)
                reply = await self._reply(model)
        except (ModelUnavailable, ModelRefused) as error:
            failed = _failed(asked, error, place.redact(str(error)))
            await place.settle(key, failed.usd)
            await place.append(failed)
            if failed.retry or isinstance(error, ContextTooLong):
                raise
            raise EndTurn("failed", self._refused(model, failed.error)) from error
        except asyncio.CancelledError:
            if key:
                await place.settle(key, asked.usd, at_once=True)  # it may have been answered in full
            raise
        await place.settle(key, reply.usd or 0.0)
        return reply

    def _refused(self, model: str, why: str) -> str:
        """Why the turn ends: the role's own model may be away, so that this one was asked at all."""
        own = self.place.candidates(self.role)[0]
        if model == own or not self.place.breaker.wait(own):
            return why
        away = sentence(self.place.redact(self.place.breaker.why(own)))
        again = spoken(self.place.breaker.wait(own))
        instead = f"{model}, asked in its place, cannot answer: {sentence(why)}"
        return f"{own} is away: {away} {instead} {own} may be asked again in {again}"

    async def _reply(self, model: str) -> ModelReply:
        if self._tools is None:
            return await self.place.summarise(self.role, model, self._messages)
        return await self.place.complete(self.role, model, self._messages, self._tools)

    async def _log_circuit(self, model: str) -> None:
        """What this thread meets of the model's circuit that its log does not say yet."""
        breaker = self.place.breaker
        state, known = breaker.state(model), self.place.standing.circuits.get(model)
        if state == "closed" or (known is not None and state == known.state):
            return  # ``told`` logs that it is closed, once somebody has answered this thread
        await self.place.append(
            CircuitChanged(
                frame=self._frame.id,
                role=self.role.name,
                model=model,
                state=state,
                failures=breaker.failures(model),
                seconds=round(breaker.wait(model), 1) if state == "open" else 0.0,
                why=self.place.redact(breaker.why(model)),
            )
        )

    async def told(self, wanted: str, model: str) -> None:
        """``model`` has answered: say so where that is news, who answers and why."""
        standing, role, events = self.place.standing, self.role, list[Event]()
        stands = standing.stand_ins.get(role.name)
        was_away = model in standing.circuits
        if was_away:
            events.append(CircuitChanged(frame=self._frame.id, role=role.name, model=model, state="closed"))
        if model == wanted:
            if stands is not None:
                events.append(self._stood_in(wanted, model))
            if was_away or (stands is not None and stands.wanted == model):
                await self.place.announce(f"{model} answers again for the {role.title}.", *events)
                return
        elif stands is None or (stands.wanted, stands.model) != (wanted, model):
            why = self.place.redact(self.place.breaker.why(wanted) or self._said)
            seconds = self.place.breaker.wait(wanted)
            words = f"{model} answers for the {role.title}: {wanted} is away. {opening(sentence(why))}"
            again = f" It is asked again in {spoken(seconds)}." if seconds else ""
            await self.place.announce(words + again, *events, self._stood_in(wanted, model, why))
            return
        if events:
            await self.place.append(*events)

    def _stood_in(self, wanted: str, model: str, why: str = "") -> StoodIn:
        return StoodIn(frame=self._frame.id, role=self.role.name, wanted=wanted, model=model, why=why)

    async def wait(self, models: Sequence[str], seconds: float) -> None:
        """Wait for the first of ``models`` that may be asked again; people hear of an outage once."""
        place, first = self.place, models[0]
        why = place.redact(self._said or place.breaker.why(first))
        nobody = self._nobody(models)
        words = f"{nobody[0].upper()}{nobody[1:]}: {sentence(why)} The next try is in {spoken(seconds)}."
        await place.announce(words, source=f"notice:away:{self.role.name}:{place.standing.since.get(first)}")
        if await place.wait(self.role, f"{first} is away; next try in {spoken(seconds)}", seconds):
            raise _Spoken

    def lost(self, models: Sequence[str], seconds: float) -> str:
        """Why the turn ends, in a person's words."""
        why = self.place.redact(self._said or self.place.breaker.why(models[0]))
        if self._answered:
            return why
        again = f" It is left alone for {spoken(seconds)}." if seconds else ""
        return f"{self._nobody(models)}: {sentence(why) if again else why}{again}"

    def _nobody(self, models: Sequence[str]) -> str:
        title = self.role.title
        if len(models) == 1:
            return f"the {title}'s model cannot be reached"
        return f"none of the {title}'s {len(models)} models can be reached"


def _failed(asked: ModelRequested, error: ModelError, text: str) -> ModelFailed:
    """What came of a call, in ``text``, and what it counts as."""
    came, most = error.used or Usage(), asked.usage
    if error.paid:
        came = came.model_copy(
            update={"input": max(came.input, most.input), "output": max(came.output, most.output)}
        )
    return ModelFailed(
        frame=asked.frame,
        step=asked.step,
        model=asked.model,
        error=text,
        retry=isinstance(error, ModelUnavailable),
        usd=error.lost(asked.usd),
        usage=came,
        priced=error.priced or came == Usage(),
    )


def _pause(attempt: int, wish: float | None) -> float:
    """Seconds before the next try: the provider's wish, else doubling from half a second, with jitter."""
    if wish is not None:
        return wish
    return float(0.5 * 2**attempt * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
