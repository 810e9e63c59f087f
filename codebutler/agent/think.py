"""One model step: reserve the worst case, ask, log the reply. Retries and fallbacks are in the log too."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Protocol

from codebutler.agent.frame import Frame
from codebutler.agent.roles import Role
from codebutler.errors import ModelRefused, ModelUnavailable
from codebutler.events import Event, ModelFailed, ModelReplied, ModelRequested, Nudged
from codebutler.toolset.desk import EndTurn
from codebutler.toolset.registry import Toolset
from codebutler.types import Message, ModelReply

TRIES = 4
"""Calls to one model before its fallback, if it has one, is asked."""
NUDGES = 2
"""Empty replies in a row that are put right with a word before the turn ends."""
REPEATS = 4
"""The same call with the same arguments so often in a row is a loop."""
STUCK = 8
EMPTY = "Your last reply was empty. Call a tool, or answer in words if you are done."
LOOPING = (
    "You made the same call several times in a row and it changes nothing. "
    "Do something else, or say what blocks you."
)


class Thinking(Protocol):
    """What a model step needs of a thread."""

    async def append(self, *events: Event) -> None:
        """Log events; they are on disk when this returns."""
        ...

    def redact(self, text: str) -> str:
        """``text`` without secrets."""
        ...

    def candidates(self, role: Role) -> Sequence[str]:
        """Model ids to try, first choice first."""
        ...

    def system(self, role: Role) -> str:
        """The role's system prompt; byte-stable for the life of the thread's base commit."""
        ...

    async def reserve(
        self, frame: Frame, role: Role, model: str, request: Sequence[Message]
    ) -> tuple[str, float]:
        """Hold the worst case of a call against every cap: (key, dollars). Raises LimitReached."""
        ...

    async def settle(self, key: str, usd: float) -> None:
        """Replace a reservation by what was really spent."""
        ...

    async def wait(self, role: Role, why: str, seconds: float) -> None:
        """Wait, and let people see that ``role`` does, and for what."""
        ...

    async def complete(
        self, role: Role, model: str, messages: Sequence[Message], tools: Toolset
    ) -> ModelReply:
        """The one call to the model client."""
        ...


async def think(frame: Frame, role: Role, tools: Toolset, place: Thinking) -> None:
    """Ask the role's model for its next step and log what it says."""
    await _look_for_loops(frame, role, place)
    messages = [{"role": "system", "content": place.system(role)}, *frame.messages]
    reply, model, seconds = await _ask(frame, role, tools, place, messages)
    await place.append(
        ModelReplied(
            frame=frame.id,
            step=frame.step + 1,
            model=reply.model or model,
            content=place.redact(reply.content),
            tool_calls=list(reply.tool_calls),
            usage=reply.usage,
            usd=reply.usd or 0.0,
            priced=reply.usd is not None,
            finish=reply.finish,
            reasoning=reply.reasoning,
            seconds=round(seconds, 3),
        )
    )
    if not reply.content.strip() and not reply.tool_calls:
        await _empty(frame, role, place)


async def _look_for_loops(frame: Frame, role: Role, place: Thinking) -> None:
    if frame.steps_since_heard >= role.limits.iterations:
        raise EndTurn("failed", f"the {role.title} used its {role.limits.iterations} steps without finishing")
    if frame.busy >= role.limits.seconds:
        raise EndTurn(
            "failed", f"the {role.title} worked for {role.limits.seconds} seconds without finishing"
        )
    if frame.repeats >= STUCK:
        raise EndTurn(
            "failed", f"the {role.title} repeats the same call ({frame.recent[-1][0]}) without progress"
        )
    if frame.repeats == REPEATS and frame.messages[-1]["role"] == "tool":
        await place.append(Nudged(frame=frame.id, content=LOOPING, reason="loop"))


async def _empty(frame: Frame, role: Role, place: Thinking) -> None:
    if frame.nudges >= NUDGES:
        raise EndTurn("failed", f"the {role.title}'s model answers with nothing")
    await place.append(Nudged(frame=frame.id, content=EMPTY, reason="empty"))


async def _ask(
    frame: Frame, role: Role, tools: Toolset, place: Thinking, messages: Sequence[Message]
) -> tuple[ModelReply, str, float]:
    error: ModelUnavailable | None = None
    for model in place.candidates(role):
        for attempt in range(TRIES):
            started = time.monotonic()
            try:
                reply = await _call(frame, role, tools, place, messages, model=model)
                return reply, model, time.monotonic() - started
            except ModelUnavailable as unavailable:
                error = unavailable
                if attempt + 1 < TRIES:
                    seconds = _pause(attempt, unavailable.retry_after)
                    why = f"{unavailable.message}; next try in {seconds:.0f} s"
                    await place.wait(role, why, seconds)
    raise EndTurn("failed", f"the {role.title}'s model cannot be reached: {error}")


async def _call(
    frame: Frame, role: Role, tools: Toolset, place: Thinking, messages: Sequence[Message], *, model: str
) -> ModelReply:
    key, usd = await place.reserve(frame, role, model, messages)
    step = frame.step + 1
    await place.append(ModelRequested(frame=frame.id, step=step, model=model, usd=usd))
    try:
        reply = await place.complete(role, model, messages, tools)
    except (ModelUnavailable, ModelRefused) as error:
        retry = isinstance(error, ModelUnavailable)
        await place.settle(key, 0.0)
        text = place.redact(str(error))
        await place.append(ModelFailed(frame=frame.id, step=step, model=model, error=text, retry=retry))
        if retry:
            raise
        raise EndTurn("failed", text) from error
    await place.settle(key, reply.usd or 0.0)
    return reply


def _pause(attempt: int, wish: float | None) -> float:
    """Seconds before the next try: the provider's wish, else doubling from half a second, with jitter."""
    if wish is not None:
        return min(wish, 120.0)
    return float(0.5 * 2**attempt * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
