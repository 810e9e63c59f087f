"""One model step: what to ask, in which room, and the reply into the log; asking.py has the calls.

Whatever a model does, the step has an end: a reply, or an ``EndTurn`` that says in a person's words why not.
"""

from __future__ import annotations

import asyncio

from codebutler.agent.asking import Answer, ask
from codebutler.agent.clearing import clear
from codebutler.agent.compact import compact, limit
from codebutler.agent.frame import FILTERED, Frame
from codebutler.agent.roles import Role
from codebutler.agent.thinking import Thinking
from codebutler.errors import ContextTooLong
from codebutler.events import ModelReplied, Nudged
from codebutler.text import fit
from codebutler.toolset.desk import EndTurn
from codebutler.toolset.registry import Toolset
from codebutler.types import Message

NUDGES = 2
"""Empty replies in a row that are put right with a word before the turn ends."""
REPEATS = 4
"""The same calls with the same results so often in a row are a loop: the model is told."""
STUCK = 8
"""So often, and the turn ends."""
SAID = 3_000
"""Characters that are shown of a reply that never came to its end."""
FAILING, HOPELESS = 10, 20
"""Failed calls in a row after which the model is told, and after which the turn ends."""
EMPTY = "Your last reply was empty. Call a tool, or answer in words if you are done."
LOOPING = (
    "You made the same call several times in a row and it changes nothing. "
    "Do something else, or say what blocks you."
)
ALL_FAIL = (
    "Your last calls all failed. Read what they said, do something else, or say plainly what blocks you."
)

CUTS = 2
"""Replies in a row that may be cut at their limit and are gone on with before the turn ends."""
GO_ON = (
    "Your last reply was cut off at the most tokens that a reply may have. If you were writing an answer, "
    "go on exactly where it broke off, and be brief. If work is left, call tools, in smaller steps."
)
SPELLS = 2
"""Replies in a row whose calls are text, before the turn ends."""
SPELLED = (
    "Your last reply holds a tool call as plain text, so it was not made. Make it as a real tool call. If "
    "you only meant to show one, give your whole answer anew, with that in a code block."
)
FILTER = "The provider's filter kept back the rest of your last reply. Answer anew, in other words."


async def think(frame: Frame, role: Role, tools: Toolset, place: Thinking) -> None:
    """Ask the role's model for its next step and log what it says."""
    await _look_for_loops(frame, role, place)
    if frame.cut or frame.torn:  # looked for here, not behind the reply: a crash in between must not lose it
        await _cut(frame, role, place)
    if frame.filtered:
        await _filtered(frame, role, place)
    if frame.spelled:
        await _spelled(frame, role, place)
    answer = await _answer(frame, role, tools, place)
    if answer is None:
        return  # somebody spoke while the model was away: they are heard first
    reply, model, seconds = answer
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
    if frame.filtered:
        await _filtered(frame, role, place)
    elif not reply.content.strip() and not reply.tool_calls and not frame.cut:
        if reply.finish in FILTERED:  # its provider has chosen this: asking again would bring the same
            raise EndTurn(
                "failed", f"the filter of {reply.model or model} kept back the {role.title}'s reply"
            )
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
    if frame.failing >= HOPELESS:
        raise EndTurn("failed", f"{frame.failing} calls of the {role.title} in a row failed")
    if frame.messages[-1]["role"] == "tool":
        if frame.repeats == REPEATS:
            await place.append(Nudged(frame=frame.id, content=LOOPING, reason="loop"))
        elif frame.failing == FAILING:
            await place.append(Nudged(frame=frame.id, content=ALL_FAIL, reason="failing"))


async def _empty(frame: Frame, role: Role, place: Thinking) -> None:
    if frame.nudges >= NUDGES:
        raise EndTurn("failed", f"the {role.title}'s model answers with nothing")
    await place.append(Nudged(frame=frame.id, content=EMPTY, reason="empty"))


async def _cut(frame: Frame, role: Role, place: Thinking) -> None:
    if frame.cuts > CUTS:
        words = f"{frame.cuts} replies of the {role.title} in a row were cut off at their limit"
        said = f". It said: {fit(frame.last_text, SAID)}" if frame.last_text.strip() else ""
        raise EndTurn("failed", f"{words} of {role.limits.max_output} tokens{said}")
    if frame.cut:  # the result of a torn call has said it already
        await place.append(Nudged(frame=frame.id, content=GO_ON, reason="cut"))


async def _filtered(frame: Frame, role: Role, place: Thinking) -> None:
    """Half an answer is not taken for one. It stands in the log: a crash in between does not lose it."""
    if frame.stands_filtered:
        words = f"the filter of its model's provider kept back the rest of the {role.title}'s reply"
        raise EndTurn("failed", f"{words}. It said: {fit(frame.last_text, SAID)}")
    await place.append(Nudged(frame=frame.id, content=FILTER, reason="filtered"))


async def _spelled(frame: Frame, role: Role, place: Thinking) -> None:
    """A call that stands in the text is no answer: taken for one, half the work would count as done."""
    if frame.spells > SPELLS:
        words = f"the {role.title}'s model writes its tool calls as text, which its server does not read"
        fix = "switch on the server's parser for the model's tool calls, or choose another model"
        raise EndTurn("failed", f"{words}: {fix}. It said: {fit(frame.last_text, SAID)}")
    await place.append(Nudged(frame=frame.id, content=SPELLED, reason="spelled"))


async def _answer(frame: Frame, role: Role, tools: Toolset, place: Thinking) -> Answer | None:
    """The reply within what is left of the role's time: retries, a model's silence and a summary end, too."""
    try:
        async with asyncio.timeout(max(1.0, role.limits.seconds - frame.busy)):
            return await _fitting(frame, role, tools, place)
    except TimeoutError as error:
        words = f"the {role.title} had no answer from its model within its {role.limits.seconds} seconds"
        raise EndTurn("failed", words) from error


async def _fitting(frame: Frame, role: Role, tools: Toolset, place: Thinking) -> Answer | None:
    """The reply. A transcript that fills the window, or turns out to, is summarised on the way."""
    await clear(frame, place)
    models = place.candidates(role)
    model = next((m for m in models if not place.breaker.wait(m)), models[0])
    await place.prepare(model)
    window, size = place.window(model), place.tokens(model, _request(frame, role, place), tools)
    full = window is not None and size > limit(window, role.limits.max_output)
    if window is not None and full and await compact(frame, role, place, model, window) is None:
        return None
    try:
        return await ask(frame, role, tools, place, _request(frame, role, place))
    except ContextTooLong as error:
        made = await compact(frame, role, place, model, min(size, window or size))
        if not made:
            if made is None:
                return None
            raise EndTurn("failed", str(error)) from error
    try:
        return await ask(frame, role, tools, place, _request(frame, role, place))
    except ContextTooLong as error:
        raise EndTurn("failed", f"even after its older part was summarised, {error}") from error


def _request(frame: Frame, role: Role, place: Thinking) -> list[Message]:
    return [{"role": "system", "content": place.system(role)}, *frame.messages]
