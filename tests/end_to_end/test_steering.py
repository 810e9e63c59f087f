"""What people say while work is under way: who hears it, and what it stops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from codebutler.events import MessageTaken, ToolFinished
from codebutler.testing.cast import WRITES, Held, does, team
from codebutler.testing.doubles import Asked, Door, says
from codebutler.thread.state import ThreadState

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene


async def heard(scene: Scene, thread: str) -> list[tuple[str, str]]:
    """Which role was given which words, in order."""
    return [(e.frame, e.content) for e in await scene.events(thread) if isinstance(e, MessageTaken)]


async def running(scene: Scene, thread: str, tool: str) -> None:
    """Wait until the Coder's ``tool`` is under way."""
    async with asyncio.timeout(30):
        while True:
            frame = (await scene.state(thread)).frame("coder")
            if frame is not None and any(c.started and c.call.name == tool for c in frame.calls.values()):
                return
            await asyncio.sleep(0.01)


async def coding(scene: Scene) -> str:
    """A thread whose plan was just approved."""
    thread = (await scene.talk("a", "Add a note")).id
    await scene.say("a", "go")
    return thread


# ---------------------------------------------------------------------------- pause


async def test_pause_breaks_off_a_model_call_and_keeps_what_is_said(room: Room) -> None:
    held = Held(says("Six bands."))
    async with room.engine(team(pm=[held])) as scene:
        thread = await scene.say("a", "How many bands?")
        await scene.until(held.reached)
        state = await scene.talk("a", "pause")
        assert (held.broken_off, state.outcome) == (1, "paused")
        assert (await scene.posts(thread))[-1].startswith("Paused by robin.")
        await scene.talk("a", "up to the limit")
        await scene.talk("a", "and for Spain")
        state = await scene.talk("a", "/status")
        assert len(state.unread) == 2
        assert sum("I keep this" in text for text in await scene.posts(thread)) == 1
        assert len(held.asked) == 1
        held.let_go.set()
        state = await scene.talk("a", "resume")
        assert (state.outcome, state.unread) == ("answered", {})
        said = [m["content"] for m in held.asked[-1].messages if m["role"] == "user"]
        assert said == ["robin: How many bands?", "robin: up to the limit", "robin: and for Spain"]
        assert (await scene.posts(thread))[-2:] == ["Resumed by robin.", "Six bands."]


async def test_pause_lets_a_command_end_and_stops_before_the_next_step(room: Room) -> None:
    coder = [does("bash", command="sleep 1; echo all of it"), WRITES, says("Wrote it.")]
    async with room.engine(team(coder=coder)) as scene:
        thread = await coding(scene)
        await running(scene, thread, "bash")
        state = await scene.talk("a", "pause")
        assert state.outcome == "paused"
        done = [e for e in await scene.events(thread) if isinstance(e, ToolFinished) and e.name == "bash"]
        assert [(e.ok, "all of it" in e.text) for e in done] == [(True, True)]
        coder_calls = [a for a in scene.asked if a.role == "coder"]
        assert len(coder_calls) == 1
        assert (await scene.talk("a", "pause")).outcome == "paused"
        assert (await scene.posts(thread))[-1] == "This thread is paused already."
        assert (await scene.talk("a", "go")).pr is not None


async def test_a_paused_thread_stays_paused_through_a_restart_and_a_button_resumes_it(room: Room) -> None:
    held = Held(says("Six."))
    async with room.engine(team(pm=[held])) as scene:
        thread = await scene.say("a", "How many?")
        await scene.until(held.reached)
        await scene.talk("a", action="pause", text="")
        await scene.talk("a", "please")
    async with room.engine(team(pm=[says("Six.")])) as scene:
        await asyncio.sleep(0.2)
        assert scene.asked == []
        await scene.talk("a", "", action="resume")
        assert (await scene.posts(thread))[-1] == "Six."


async def test_cancel_ends_a_pause(room: Room) -> None:
    held = Held(says("Six."))
    async with room.engine(team(pm=[held])) as scene:
        thread = await scene.say("a", "How many?")
        await scene.until(held.reached)
        await scene.talk("a", "pause")
        await scene.talk("a", "for Spain")
        state = await scene.talk("a", "cancel")
        assert (state.outcome, state.paused_at, len(state.unread)) == ("cancelled", 0, 1)
        assert (await scene.posts(thread))[-1].endswith("What you wrote before that is read then.")
        held.let_go.set()
        await scene.talk("a", "go")
        assert "for Spain" in held.asked[-1].heard


# ---------------------------------------------------------------------------- cancel


async def test_cancel_does_not_wait_behind_words_and_they_do_not_set_the_work_off_again(room: Room) -> None:
    coder = [does("bash", command="sleep 60"), says("Stopped there.")]
    async with room.engine(team(coder=coder)) as scene:
        thread = await coding(scene)
        await running(scene, thread, "bash")
        await scene.say("a", "use tabs")
        state = await scene.talk("a", "cancel")
        assert (state.outcome, len(state.unread)) == ("cancelled", 1)
        assert (await scene.talk("a", "/status")).outcome == "cancelled"
        assert len([a for a in scene.asked if a.role == "coder"]) == 1
        stopped = [text for text in await scene.posts(thread) if text.startswith("Stopped by robin")]
        assert len(stopped) == 1
        state = await scene.talk("a", "go")
        assert [words for frame, words in await heard(scene, thread) if frame == "coder-1"] == [
            "(while you work) robin: use tabs"
        ]


async def test_cancel_ends_a_command_with_all_its_children_and_background_jobs(room: Room) -> None:
    """Nothing writes any more, and what was written is in a checkpoint."""
    ticks = "while :; do echo tick >> {}; sleep 0.05; done"
    job = does("bash", command=ticks.format("JOB"), background=True)
    work = does("bash", command=f"({ticks.format('CHILD')}) & setsid sh -c '{ticks.format('AWAY')}' | cat")
    async with room.engine(team(coder=[job, work, says("Done.")])) as scene:
        thread = await coding(scene)
        names = ("AWAY", "CHILD", "JOB")
        async with asyncio.timeout(30):
            while len(found := _sizes(room, names)) < len(names):  # noqa: ASYNC110 - of the sandbox's files
                await asyncio.sleep(0.02)
        state = await scene.talk("a", "", action="cancel")  # a button, or a door's ❌
        assert state.outcome == "cancelled"
        found = _sizes(room, names)
        await asyncio.sleep(0.5)
        assert _sizes(room, names) == found
        assert state.files == set(names)
        assert state.head[:12] in (await scene.posts(thread))[-1]


def _sizes(room: Room, names: tuple[str, ...]) -> dict[str, int]:
    """The sizes of those files of the one worktree that are there."""
    files = [p for name in names for p in room.sample.repo.glob(f".codebutler/branches/*/{name}")]
    return {p.name: p.stat().st_size for p in files}


async def test_a_cancel_comes_too_late_for_what_is_merged(room: Room) -> None:
    async with room.engine(team(coder=[WRITES, says("Wrote it.")])) as scene:
        thread = await coding(scene)
        await scene.rest(thread)
        assert (await scene.talk("a", "merge")).phase == "closed"
        state = await scene.talk("a", "cancel")
        assert (state.phase, state.outcome, state.halted) == ("closed", "closed", "")
        assert (await scene.posts(thread))[-1] == "It is merged already."


async def test_cancel_ends_the_wait_for_a_model_that_is_away(room: Room) -> None:
    from codebutler.errors import ModelUnavailable

    reached = asyncio.Event()

    async def away(asked: Asked) -> None:
        reached.set()
        raise ModelUnavailable("the server is away", retry_after=60.0)

    async with room.engine(team(pm=[away])) as scene:  # type: ignore[list-item] # as above
        await scene.say("a", "How many?")
        await scene.until(reached)
        await asyncio.sleep(0.1)
        assert (await scene.talk("a", "nvm")).outcome == "cancelled"


# ------------------------------------------------------------------------- the line


async def test_a_coder_in_line_says_its_place_and_people_are_heard_meanwhile(room: Room) -> None:
    room.configure(limits={"maxConcurrentThreads": 1})
    held = Held(says("Nothing to do."))
    door = Door()

    async def mind(asked: Asked) -> object:
        if asked.role == "coder":
            return await held(asked)
        words = asked.heard
        return says("Soon.") if "How long" in words else does("propose_plan", title=words[-1], summary="s",
                                                              steps=[{"text": "x"}], files=["NOTE"])  # fmt: skip

    async with room.engine(mind, door) as scene:  # type: ignore[arg-type] # a reply in either case
        threads = [(await scene.talk(c, f"note {c}")).id for c in "abc"]
        await scene.say("a", "go")
        await scene.until(held.reached)
        await scene.say("b", "go")
        await posted(scene, threads[1], "All 1 Coders are at work; this thread is number 1 in line.")
        await scene.say("c", "go")
        await posted(scene, threads[2], "All 1 Coders are at work; this thread is number 2 in line.")
        await scene.say("c", "How long will it be?")
        await posted(scene, threads[2], "Soon.")
        assert (await scene.talk("b", "cancel")).outcome == "cancelled"
        async with asyncio.timeout(10):
            while not any("number 1 in line" in t for t in cards(door, "c")):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        held.let_go.set()
        state: ThreadState = await scene.rest(threads[2])
        assert state.frames["coder-1"].ended == "failed", "it changed nothing"
        assert (await scene.state(threads[1])).frame("coder") is None


def cards(door: Door, conversation: str) -> list[str]:
    """What the status card of a conversation has shown."""
    return [s.message.text for s in door.shown if s.conversation == conversation and s.message.slot]


async def posted(scene: Scene, thread: str, text: str) -> None:
    """Wait until the thread says this."""
    async with asyncio.timeout(20):
        while text not in await scene.posts(thread):  # noqa: ASYNC110 - of the log
            await asyncio.sleep(0.02)


# ----------------------------------------------------------------- a word before others


async def test_stop_before_other_words_stops_at_once_and_the_words_reach_the_coder(room: Room) -> None:
    coder = [does("bash", command="sleep 60"), WRITES, says("Wrote it.")]
    async with room.engine(team(coder=coder)) as scene:
        thread = await coding(scene)
        await running(scene, thread, "bash")
        state = await scene.talk("a", "stop, that's wrong: use tabs")
        assert (state.outcome, len(state.unread)) == ("cancelled", 1)
        assert (await scene.posts(thread))[-1].endswith("What you wrote before that is read then.")
        assert len([a for a in scene.asked if a.role == "coder"]) == 1
        state = await scene.talk("a", "go")
        assert (state.pr is not None, state.unread) == (True, {})
        assert [words for frame, words in await heard(scene, thread) if frame == "coder-1"] == [
            "(while you work) robin: stop, that's wrong: use tabs"
        ]


async def test_wait_before_other_words_pauses_and_the_words_are_kept_through_a_restart(room: Room) -> None:
    held = Held(says("Never."))
    async with room.engine(team(coder=[held])) as scene:
        thread = await coding(scene)
        await scene.until(held.reached)
        state = await scene.talk("a", "Wait, that's the wrong file")
        assert (state.outcome, held.broken_off, len(state.unread)) == ("paused", 1, 1)
        assert (await scene.posts(thread))[-1].endswith("What you wrote is read then.")
    async with room.engine(team(coder=[WRITES, says("Wrote it.")])) as scene:
        state = await scene.talk("a", "resume")
        assert (state.pr is not None, state.unread) == (True, {})
        assert [words for frame, words in await heard(scene, thread) if frame == "coder-1"] == [
            "(while you work) robin: Wait, that's the wrong file"
        ]


async def test_what_only_begins_like_a_stop_is_mail_for_the_coder(room: Room) -> None:
    coder = [does("bash", command="sleep 1"), WRITES, says("Wrote it.")]
    async with room.engine(team(coder=coder)) as scene:
        thread = await coding(scene)
        await running(scene, thread, "bash")
        state = await scene.talk("a", "wait for the tests, then push")
        assert (state.outcome, state.halted) == ("pr", "")
        assert [words for frame, words in await heard(scene, thread) if frame == "coder-1"] == [
            "(while you work) robin: wait for the tests, then push"
        ]
