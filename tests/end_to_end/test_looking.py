"""Words that only look are answered while a step is under way, and disturb nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from codebutler.events import CommandHandled, MessageTaken, Posted, ToolFinished, TurnEnded
from codebutler.testing.cast import Held, does, team
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

LOOKS = ["points", "Status", "/usage", "cost", "threads", "help", "rewind"]


async def answered(scene: Scene, thread: str, count: int) -> list[str]:
    """The commands that were answered, once there are so many."""
    async with asyncio.timeout(30):
        while True:
            done = [e for e in await scene.events(thread) if isinstance(e, CommandHandled)]
            if len(done) >= count:
                return [e.name for e in done]
            await asyncio.sleep(0.01)


async def test_looks_are_answered_while_a_model_thinks_and_plain_words_wait(room: Room) -> None:
    held = Held(says("Six bands."))
    async with room.engine(team(pm=[held, says("For Spain: six.")])) as scene:
        thread = await scene.say("a", "How many bands?")
        await scene.until(held.reached)
        await scene.say("a", "and for Spain")
        for word in LOOKS:
            await scene.say("a", word)
        names = await answered(scene, thread, len(LOOKS))
        assert names == ["points", "status", "usage", "usage", "threads", "help", "points"]
        state = await scene.state(thread)
        assert [m.text for m in state.unread.values()] == ["and for Spain"]
        assert any(f"`{thread}` pm" in text for text in await scene.posts(thread))
        held.let_go.set()
        state = await scene.rest(thread)
        assert (held.broken_off, state.unread, state.outcome) == (0, {}, "answered")
        events = await scene.events(thread)
        assert len([e for e in events if isinstance(e, CommandHandled)]) == len(LOOKS)
        assert len([e for e in events if isinstance(e, Posted) and e.source.startswith("command:")]) == len(
            LOOKS
        )
        assert [e.content for e in events if isinstance(e, MessageTaken)][-1].endswith("and for Spain")
        assert isinstance(events[-1], TurnEnded)


async def test_a_look_does_not_disturb_a_command_that_runs(room: Room) -> None:
    work = does("bash", command="touch BEGUN; while [ ! -e GO ]; do sleep 0.05; done; echo all of it")
    async with room.engine(team(coder=[work, says("Done.")])) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        await scene.say("a", "go")
        await scene.where(thread, lambda s: s.worktree is not None)
        folder = scene.folder(await scene.state(thread))
        async with asyncio.timeout(30):
            while not (folder / "BEGUN").exists():  # noqa: ASYNC110 - of the sandbox's files
                await asyncio.sleep(0.02)
        await scene.say("a", "status")
        assert await answered(scene, thread, 1) == ["status"]
        assert "coding" in (await scene.posts(thread))[-1]
        (folder / "GO").touch()
        await scene.rest(thread)
        done = [e for e in await scene.events(thread) if isinstance(e, ToolFinished) and e.name == "bash"]
        assert [(e.ok, "all of it" in e.text) for e in done] == [(True, True)]


async def test_a_look_at_a_thread_at_rest_is_one_turn_and_an_answer_to_a_question_stays_one(
    room: Room,
) -> None:
    asks = does("ask_user", question="Which page is meant?")
    async with room.engine(team(pm=[asks, says("Help it is.")])) as scene:
        thread = (await scene.talk("a", "Mend the page")).id
        state = await scene.talk("a", "help")
        assert (state.question, state.outcome) == (None, "answered")
        assert (await scene.posts(thread))[-1] == "Help it is."
        await scene.talk("a", "help")
        assert "/points" in (await scene.posts(thread))[-1]
