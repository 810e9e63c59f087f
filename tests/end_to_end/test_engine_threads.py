"""The dispatcher: order within a thread, threads beside each other, faults that stay where they are."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.events import MessageReceived, ModelReplied, TurnEnded
from codebutler.testing.doubles import Asked, says
from codebutler.thread.host import PLANNERS
from codebutler.types import ModelReply, ToolCall

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


async def echo(asked: Asked) -> ModelReply:
    return says(f"re {asked.heard}")


class Gate:
    """A mind that waits at a gate before each reply, and counts who waits."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.waiting = 0
        self.most = 0
        self.broken_off = 0
        self.reached = asyncio.Event()

    async def __call__(self, asked: Asked) -> ModelReply:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        self.reached.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        finally:
            self.waiting -= 1
        return await echo(asked)


async def test_messages_of_one_thread_are_taken_in_order_and_each_once(room: Room) -> None:
    async with room.engine(echo) as scene:
        for number in range(8):
            thread = await scene.say("a", f"m{number}", key=f"k{number}")
            await scene.say("a", f"m{number}", key=f"k{number}")  # the platform delivers again
        state = await scene.rest(thread)
        said = [m["content"] for m in state.frames["pm"].messages if m["role"] == "user"]
        assert said == [f"robin: m{number}" for number in range(8)]
        assert len([e for e in await scene.events(thread) if isinstance(e, MessageReceived)]) == 8


async def test_many_threads_run_beside_each_other_within_the_places(room: Room) -> None:
    room.configure(limits={"maxConcurrentThreads": 2})
    gate = Gate()
    async with room.engine(gate) as scene:
        threads = [await scene.say(f"c{n}", f"m{n}") for n in range(25)]
        async with asyncio.timeout(20):
            while gate.waiting < PLANNERS:  # noqa: ASYNC110 - a count, not an event
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert gate.most == PLANNERS  # planning never waits behind the two Coders
        gate.open.set()
        for number, thread in enumerate(threads):
            await scene.rest(thread)
            assert await scene.posts(thread) == [f"re robin: m{number}"]
        assert scene.engine._tasks == {}
        assert await scene.host.store.ready_threads() == []


async def test_a_fault_of_ours_is_confessed_where_it_was_and_nowhere_else(room: Room) -> None:
    broken = True

    async def mind(asked: Asked) -> ModelReply:
        if broken and "boom" in asked.heard:
            raise ZeroDivisionError("a fault in the client")
        return await echo(asked)

    async with room.engine(mind) as scene:
        bad, good = await scene.say("bad", "boom"), await scene.say("good", "fine")
        assert (await scene.rest(good)).outcome == "answered"
        state = await scene.rest(bad)
        assert state.outcome == "failed"
        said = (await scene.posts(bad))[-1]
        assert "Something broke" in said
        assert "ZeroDivisionError" not in said
        assert await scene.posts(good) == ["re robin: fine"]
        assert (await scene.talk("good", "again")).outcome == "answered"
        broken = False
        state = await scene.talk("bad", "go")
        assert state.outcome == "answered"
        assert (await scene.posts(bad))[-1] == "re robin: boom"


async def test_what_the_machine_has_no_more_of_is_named_in_the_thread(room: Room) -> None:
    async def mind(asked: Asked) -> ModelReply:
        raise OSError(errno.EMFILE, "Too many open files")

    async with room.engine(mind) as scene:
        thread = await scene.say("a", "hello")
        assert (await scene.rest(thread)).outcome == "failed"
        said = (await scene.posts(thread))[-1]
        assert said.startswith("Too many open files. Raise the limit (ulimit -n 1024)")
        assert 'Say **"go"**' in said


async def test_a_message_during_a_turn_is_answered_and_the_first_answer_is_not_lost(room: Room) -> None:
    gate = Gate()
    async with room.engine(gate) as scene:
        thread = await scene.say("a", "first")
        await scene.until(gate.reached)
        await scene.say("a", "second")
        gate.open.set()
        await scene.rest(thread)
        assert await scene.posts(thread) == ["re robin: first", "re robin: second"]
        roles = [m["role"] for m in (await scene.state(thread)).frames["pm"].messages]
        assert roles == ["user", "assistant", "user", "assistant"]


async def test_cancel_breaks_off_a_model_call_that_is_under_way(room: Room) -> None:
    gate = Gate()
    async with room.engine(gate) as scene:
        thread = await scene.say("a", "first")
        await scene.until(gate.reached)
        started = asyncio.get_running_loop().time()
        await scene.say("a", "cancel")
        await scene.say("a", "", action="cancel")  # twice, as impatient people do
        state = await scene.rest(thread)
        assert asyncio.get_running_loop().time() - started < 5
        assert (gate.broken_off, state.outcome) == (1, "cancelled")
        assert "Stopped by robin" in "".join(await scene.posts(thread))
        gate.open.set()
        assert (await scene.talk("a", "go")).outcome == "answered"
        assert (await scene.posts(thread))[-1] == "re robin: first"


async def test_the_next_engine_goes_on_where_the_last_one_was_dropped(room: Room) -> None:
    gate = Gate()
    async with room.engine(gate) as scene:
        threads = [await scene.say(f"c{n}", f"m{n}") for n in range(3)]
        await scene.until(gate.reached)
    async with room.engine(echo) as scene:
        for number, thread in enumerate(threads):
            await scene.rest(thread)
            assert await scene.posts(thread) == [f"re robin: m{number}"]
            events = await scene.events(thread)
            assert sum(isinstance(e, ModelReplied) for e in events) == 1
            assert isinstance(events[-1], TurnEnded)


async def test_a_closing_engine_takes_no_more_turns(room: Room) -> None:
    async with room.engine(echo) as scene:
        await scene.engine.close()
        thread = await scene.say("a", "late")
        await asyncio.sleep(0.1)
        assert scene.asked == []
        assert await scene.host.store.ready_threads() == [thread]


@pytest.mark.parametrize("breaks", [False, True])
async def test_a_worker_that_was_replaced_stops_without_a_word(room: Room, *, breaks: bool) -> None:
    """Also in the middle of tool calls that run side by side, and when it breaks on what the other did."""
    taken = asyncio.Event()

    async def mind(asked: Asked) -> ModelReply:
        if asked.messages[-1]["role"] == "tool":
            return says("done")
        calls = [ToolCall(id=f"c{n}", name="list_threads") for n in range(3)]
        await scene.host.store.claim(thread)
        taken.set()
        if breaks:
            raise RuntimeError("what it worked with is gone")
        return says("", *calls)

    async with room.engine(mind) as scene:
        thread = await scene.say("a", "look")
        await scene.until(taken)
        await asyncio.wait([scene.engine._tasks[thread]], timeout=10)
        assert await scene.posts(thread) == []
        assert not any(isinstance(e, ModelReplied | TurnEnded) for e in await scene.events(thread))


def children() -> set[str]:
    """Processes that this one has started and that are still there."""
    return {
        pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()
    }


async def look_then_answer(asked: Asked) -> ModelReply:
    if asked.messages[-1]["role"] == "user":
        return says("", ToolCall(id="c", name="grep", arguments='{"pattern": "def"}'))
    return says("found")


@pytest.mark.parametrize("twice", [False, True])
async def test_an_engine_that_is_closed_leaves_no_process(room: Room, *, twice: bool) -> None:
    """Even when its turn is just closing the executor, and when the person presses Ctrl-C again."""
    before = children()
    async with room.engine(look_then_answer) as scene:
        thread = await scene.say("a", "look")
        async with asyncio.timeout(20):
            while not any(isinstance(e, TurnEnded) for e in await scene.events(thread)):  # noqa: ASYNC110 - of the log
                await asyncio.sleep(0.001)
        turn = scene.engine._tasks[thread]
        turn.cancel()  # it has ended, its executor most often not yet
        await asyncio.sleep(0)
        if twice:
            turn.cancel()
        await asyncio.wait({turn})
        assert children() == before
