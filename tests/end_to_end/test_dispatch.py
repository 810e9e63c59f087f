"""The dispatcher's own promises: faults stay where they are, an end loses nothing, lost kicks are found."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from typing import TYPE_CHECKING

import pytest

from codebutler.events import ModelReplied, ToolFinished, TurnEnded
from codebutler.testing.cast import WRITES, Held, call, does, team
from codebutler.testing.doubles import Asked, Door, says
from codebutler.thread import intake
from codebutler.types import Inbound, ModelReply, Person

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene


class Unraised:
    """What asyncio complains of: exceptions that nobody fetched, tasks that nobody ended."""

    def __init__(self) -> None:
        self.said: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, how: self.said.append(str(how)))


async def tool_result(scene: Scene, thread: str, name: str) -> ToolFinished:
    """The result of the tool that ended last."""
    return [e for e in await scene.events(thread) if isinstance(e, ToolFinished) and e.name == name][-1]


async def acting(scene: Scene, thread: str) -> None:
    """Wait until a tool is under way."""
    async with asyncio.timeout(20):
        while True:
            frames = (await scene.state(thread)).frames.values()
            if any(c.started for f in frames for c in f.calls.values()):
                return
            await asyncio.sleep(0.02)


async def test_a_kick_of_no_thread_is_nothing(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    complaints = Unraised()
    async with room.engine(team(pm=[says("Here.")])) as scene:
        with caplog.at_level(logging.CRITICAL):
            for junk in ("nope", "", "t" * 200, "!give-way"):
                scene.engine.kick(junk)
                scene.engine.kick(junk, "now")
            while scene.engine._tasks:  # noqa: ASYNC110 - of the engine's own
                await asyncio.sleep(0.01)
        assert scene.engine.given_up == {}
        assert (await scene.talk("a", "Anybody?")).outcome == "answered"
    assert complaints.said == []


async def test_a_ready_thread_that_nobody_kicked_is_found_at_the_start_and_by_the_sweep(room: Room) -> None:
    """As of a process that wrote a message and died before its kick."""
    async with room.engine(team(pm=[says("Here.")])) as scene:
        robin = Person(surface="terminal", id="robin")
        inbound = Inbound(surface="terminal", external_id="a", key="m", author=robin, text="Anybody?")
        thread = await intake.receive(scene.host.store, inbound)
        assert scene.asked == []
        await scene.engine._kick_ready()
        assert (await scene.rest(thread)).outcome == "answered"


async def test_a_thread_that_breaks_again_and_again_is_not_tried_by_itself(room: Room) -> None:
    """A person's word makes it try once; the sweep does not. Other threads go on."""
    breaking = asyncio.Event()
    tried = 0

    async def mind(asked: Asked) -> ModelReply:
        nonlocal tried
        if any("boom" in str(m["content"]) for m in asked.messages):
            tried += 1
            breaking.set()
            await asyncio.sleep(0.2)
            raise ZeroDivisionError("a fault in the client")
        return says("fine")

    complaints = Unraised()
    async with room.engine(mind) as scene:
        bad = await scene.say("bad", "boom")
        await scene.until(breaking)
        await scene.say("bad", "and this")
        state = await scene.rest(bad)
        before = tried
        await scene.engine._kick_ready()
        assert (await scene.talk("good", "hello")).outcome == "answered"
        assert (tried, state.outcome) == (before, "failed")
        assert (await scene.talk("bad", "go")).outcome == "failed"
        assert tried == before + 1
    assert complaints.said == []


async def test_an_engine_that_closes_lets_a_command_end_but_not_a_model_call(room: Room) -> None:
    """The next engine goes on with both by itself, and nothing is done twice."""
    held = Held(says("Six."))
    coder = [does("bash", command="sleep 1; echo once >> COUNT"), WRITES, says("Wrote it.")]
    mind = team(coder=coder)

    async def first(asked: Asked) -> ModelReply:
        return await held(asked) if "How many" in str(asked.messages[1]["content"]) else await mind(asked)

    complaints = Unraised()
    async with room.engine(first) as scene:
        coding = (await scene.talk("a", "Add a note")).id
        await scene.say("a", "go")
        asking = await scene.say("b", "How many?")
        await scene.until(held.reached)
        await acting(scene, coding)
        await scene.engine.close(patience=20)
        assert held.broken_off == 1
        assert (await tool_result(scene, coding, "bash")).ok
        assert not any(isinstance(e, TurnEnded) for e in await scene.events(asking))
    held.let_go.set()
    async with room.engine(first) as scene:
        assert (await scene.rest(asking)).outcome == "answered"
        state = await scene.rest(coding)
        assert state.pr is not None
        assert state.files == {"COUNT", "NOTE"}
        shown = scene.host.repo.gitdir
        assert await _branch_file(shown, state.head, "COUNT") == "once\n"
        assert sum(isinstance(e, ModelReplied) for e in await scene.events(asking)) == 1
    assert complaints.said == []


async def _branch_file(gitdir: object, head: str, path: str) -> str | None:
    from pathlib import Path

    from codebutler.repo.objects import show_file

    return await show_file(Path(str(gitdir)), head, path)


async def test_past_its_patience_a_command_is_cut_and_the_model_is_told(room: Room) -> None:
    mind = team(coder=[does("bash", command="sleep 60"), WRITES, says("Wrote it.")])
    async with room.engine(mind) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        await scene.say("a", "go")
        await acting(scene, thread)
        await scene.engine.close(patience=0.1)
    async with room.engine(mind) as scene:
        assert (await scene.rest(thread)).pr is not None
        assert "was interrupted" in (await tool_result(scene, thread, "bash")).text


async def test_a_branch_that_is_lost_is_told_to_people_and_not_to_the_model(room: Room) -> None:
    async def loses(asked: Asked) -> ModelReply:
        ref = "refs/heads/codebutler/add-a-note"
        subprocess.run(["git", "-C", str(room.sample.repo), "update-ref", "-d", ref], check=True)
        return does("git_commit", message="Add a note")

    async with room.engine(team(coder=[WRITES, loses])) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        state = await scene.talk("a", "go")
        assert state.outcome == "failed"
        assert len([a for a in scene.asked if a.role == "coder"]) == 2
        last = (await scene.posts(thread))[-1]
        assert "the branch codebutler/add-a-note is gone. git branch" in last
        assert ".." not in last


async def test_handing_over_cuts_nothing_short(room: Room) -> None:
    held = Held(says("", call("list_threads")))
    mind = team(pm=[held, says("None.")])
    async with room.engine(mind) as scene:
        thread = await scene.say("a", "Any others?")
        await scene.until(held.reached)
        giving = asyncio.create_task(scene.engine.hand_over())
        await asyncio.sleep(0.1)
        assert not giving.done()
        held.let_go.set()
        await giving
        assert held.broken_off == 0
        assert len(scene.asked) == 1
    async with room.engine(mind) as scene:
        assert (await scene.rest(thread)).outcome == "answered"
        assert sum(isinstance(e, ModelReplied) for e in await scene.events(thread)) == 2


async def test_what_is_posted_is_shown_before_its_turn_ends(room: Room) -> None:
    held = Held(says("Done."))
    door = Door()
    looks = says("", call("list_threads"), usd=None)  # whose unknown price is told at once
    async with room.engine(team(pm=[looks, held]), door) as scene:
        thread = await scene.say("a", "How many?")
        await scene.until(held.reached)
        async with asyncio.timeout(20):
            while not door.texts("a"):  # noqa: ASYNC110 - the door's own list
                await asyncio.sleep(0.01)
        assert not scene.engine._tasks[thread].done()
        held.let_go.set()
        await scene.rest(thread)
