"""The thread's cap of tokens: whole replies are reserved, and whatever was used counts, also in vain."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from codebutler.commands.builtin import REGISTRY
from codebutler.errors import ModelRefused
from codebutler.events import FrameStarted, ModelRequested, Posted
from codebutler.testing.doubles import Asked, Mind, says
from codebutler.thread.log import ThreadLog
from codebutler.thread.team import TeamDesk
from codebutler.toolset.desk import EndTurn
from codebutler.types import ModelReply, Outbound, ToolCall, Usage

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

MODEL = "openai/gpt-4o-mini"


def using(tokens: int) -> Mind:
    async def mind(asked: Asked) -> ModelReply:
        return ModelReply(f"re {asked.heard}", usage=Usage(input=tokens), usd=0.0, model=MODEL)

    return mind


async def last(scene: Scene, thread: str) -> Outbound:
    return [e.post for e in await scene.events(thread) if isinstance(e, Posted)][-1]


async def test_a_raise_lifts_the_token_cap_by_a_part_and_not_wholly(room: Room) -> None:
    room.configure(limits={"tokensPerThread": 10_000})
    async with room.engine(using(7_000)) as scene:
        thread = (await scene.talk("a", "one")).id
        state = await scene.talk("a", "two")
        assert state.outcome == "paused"
        post = await last(scene, thread)
        assert "10,000 tokens" in post.text
        assert "another model" not in post.text, "tokens are tokens, whatever the model"
        state = await scene.talk("a", "raise 1")
        assert (state.outcome, len(scene.asked)) == ("answered", 2)
        state = await scene.talk("a", "three")
        assert (state.outcome, len(scene.asked)) == ("paused", 2)
        assert "12,000 tokens" in (await last(scene, thread)).text


async def test_answers_that_break_off_use_up_the_cap(room: Room) -> None:
    """It is the only one that holds a model of unknown price: what never ends well must not go on for ever."""

    async def mind(_asked: Asked) -> ModelReply:
        error = ModelRefused("it answered with more than 32 MB")
        error.used, error.priced = Usage(input=3_000, output=3_000), False
        raise error

    room.configure(limits={"tokensPerThread": 20_000})
    async with room.engine(mind) as scene:
        states = [await scene.talk("a", "go on") for _ in range(4)]
        assert [state.outcome for state in states] == ["failed"] * 3 + ["paused"]
        assert len(scene.asked) == 3
        assert not states[-1].spend["pm", scene.asked[0].model].priced


async def test_a_reply_is_reserved_in_full_and_what_is_under_way_counts(room: Room) -> None:
    """Two Researchers of one thread must not both find the same room for their calls."""
    room.configure(limits={"tokensPerThread": 5_000})
    async with room.engine(using(10)) as scene:
        thread = (await scene.talk("a", "one")).id
        log = await ThreadLog.claim(scene.host.store, thread, scene.host.redactor.text)
        desks = [TeamDesk(scene.host, log, REGISTRY) for _ in range(2)]
        for desk in desks:
            await desk.load_rules()
        role = desks[0].role("researcher")
        await log.append(*(FrameStarted(frame=name, role=role.name) for name in ("r-1", "r-2")))
        calls = [
            desk.request(log.state.frames[name], role, MODEL, [])
            for desk, name in zip(desks, ("r-1", "r-2"), strict=True)
        ]
        made = await asyncio.gather(*calls, return_exceptions=True)
        held = [e.usage for e in await scene.events(thread) if isinstance(e, ModelRequested)][1:]
        assert held == [Usage(input=100, output=role.limits.max_output)]
        assert sum(isinstance(each, EndTurn) for each in made) == 1
        assert log.promised == {}


async def test_a_run_goes_on_where_its_cap_paused_it(room: Room) -> None:
    """What was done before the hit is not done again."""
    room.configure(limits={"tokensPerThread": 10_000})

    async def mind(asked: Asked) -> ModelReply:
        if len(scene.asked) == 1:
            call = ToolCall(id="c1", name="list_threads", arguments="{}")
            return ModelReply("", (call,), Usage(input=7_000, output=0), 0.0, MODEL)
        return says("done", usd=0.0)

    async with room.engine(mind) as scene:
        state = await scene.talk("a", "go on")
        assert (state.outcome, len(scene.asked)) == ("paused", 1)
        state = await scene.talk("a", "raise 1")
        assert (state.outcome, len(scene.asked)) == ("answered", 2)
        assert [m["role"] for m in scene.asked[-1].messages][-2:] == ["assistant", "tool"]
