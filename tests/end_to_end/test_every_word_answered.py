"""Every command in every phase ends with something that a person sees; "go" after "cancel" shows what waits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Literal

import pytest

from codebutler.commands.builtin import REGISTRY
from codebutler.events import ModelRequested, PrMerged, QuestionAsked, TurnEnded
from codebutler.testing.cast import Cast, Line, call, lead, plan, write
from codebutler.testing.doubles import Asked, says
from codebutler.testing.stage import Stage
from codebutler.thread.mending import spoken
from codebutler.thread.points import points
from codebutler.thread.warning import told
from codebutler.thread.worker import AGAIN
from codebutler.types import Choice, ModelReply

if TYPE_CHECKING:
    from codebutler.thread.state import ThreadState
    from tests.end_to_end.conftest import Room, Scene

LOUD = [
    "help",
    "status",
    "usage",
    "points",
    "threads",
    "model",
    "pm",
    "model",
    "rewind 99",
    "fork 99",
    "raise x",
    "link",
    "link ann",
    "cleanup",
    "respond",
]
"""What changes nothing. It comes first; then what people say to go on, to stop, and to go on again."""
ALWAYS = [
    *(f"/{word}" for word in LOUD), "/memory 7", "/correct pm x", "/reopen", "/rebase", "/nonsense", "cancel", "cancel", "go",
    "/retry", "pause", "pause", "go", "stop", "/raise 1", "/model small", "/memory no", "cancel",
]  # fmt: skip
SHIPPED = ["/memory yes", "/approve", "/code", "/merge", "cancel", "go", "/retry", "/fork", "/rewind 1"]
"""After a pull request: one phase is enough to see that nothing of it is silent."""
START: dict[str, list[str]] = {
    "answered": ["hello"],
    "plan": ["plan it"],
    "question": ["ask me"],
    "failed": ["fail"],
    "pr": ["plan it", "go", "no"],
    "memory": ["plan it", "go"],
    "done": ["write it"],
}


async def mind(asked: Asked) -> ModelReply:
    """Does what the last words say, each role in its way."""
    said = [str(m["content"]) for m in asked.messages if m["role"] == "user"]
    last, fresh = said[-1] if said else "", asked.messages[-1]["role"] == "user"
    if not fresh or asked.role not in {"pm", "coder", "lead"}:
        return says("That is all.")
    if asked.role == "coder":
        return write("A", f"{len(asked.messages)} {last}\n")
    if asked.role == "lead":
        line = lead("Notes", f"Lesson {len(asked.messages)} {len(last)}")[0]
        assert isinstance(line, ModelReply)
        return line
    if "plan it" in last:
        return plan()
    if "ask me" in last:
        return says("", call("ask_user", question="Tabs or spaces?", options=["tabs", "spaces"]))
    if "fail" in last:
        raise ValueError("the model is broken")
    return says("Fine.")


async def begin(scene: Scene, phase: str) -> ThreadState:
    """A conversation "a" that rests in this phase."""
    mode: Literal["team", "coder"] = "coder" if phase == "done" else "team"
    for text in START[phase]:
        state = await scene.rest(await scene.say("a", text, mode=mode))
    return state


@pytest.mark.parametrize("phase", sorted(START.keys() - {"pr"}))
async def test_whatever_is_said_is_answered(room: Room, phase: str) -> None:
    """Each message gets its own visible result: one, where no role was set to work."""
    async with room.engine(mind) as scene:
        state = await begin(scene, phase)
        for word in [*ALWAYS, *(SHIPPED if phase == "memory" else [])]:
            posts, log = await scene.posts(state.id), await scene.events(state.id)
            state = await scene.talk("a", word)
            new, said = (
                (await scene.events(state.id))[len(log) :],
                (await scene.posts(state.id))[len(posts) :],
            )
            assert said, f"{word!r} in {state.phase}/{state.outcome}: {[e.kind for e in new]}"
            if not any(isinstance(e, ModelRequested | PrMerged | QuestionAsked) for e in new):
                assert len(said) == sum(isinstance(e, TurnEnded) for e in new) == 1, (word, said)


def test_the_walk_holds_every_command() -> None:
    spoken = {word.removeprefix("/").partition(" ")[0] for word in ALWAYS + SHIPPED}
    assert {d.name for d in REGISTRY.definitions} - ROLES <= spoken


ROLES = {"coder", "lead", "researcher", "artist"}
"""Their commands are the PM's with another name."""


@pytest.mark.parametrize(
    ("phase", "told", "outcome"),
    [
        ("answered", "There is nothing to go on with. Say what to do next.", "answered"),
        ("plan", 'The plan "Notes" waits again: say **"go"** to approve it', "plan"),
        ("question", "Tabs or spaces?\n- tabs\n- spaces", "question"),
        ("pr", 'There is nothing to go on with. Say what to do next, or **"merge"**', "pr"),
        ("memory", "Say", "pr"),
        ("done", "There is nothing to go on with. Say what to do next.", "answered"),
    ],
)
@pytest.mark.parametrize("go", ["go", "/go"])
async def test_go_after_a_cancel_shows_what_waits(
    room: Room, phase: str, told: str, outcome: str, go: str
) -> None:
    async with room.engine(mind) as scene:
        before = await begin(scene, phase)
        stopped = await scene.talk("a", "cancel")
        assert stopped.halted == "cancelled"
        again = await scene.talk("a", "cancel")
        assert (await scene.posts(again.id))[-1].startswith("Already stopped.")
        state = await scene.talk("a", go)
        assert told in (await scene.posts(state.id))[-1]
        assert (state.outcome, state.halted, state.plan) == (outcome, "", before.plan)
        assert (state.memory, state.pr_state) == (before.memory, before.pr_state)


async def test_a_plan_that_came_back_is_approved_and_carried_out(room: Room) -> None:
    async with room.engine(mind) as scene:
        await begin(scene, "plan")
        for word in ("cancel", "go", "cancel", "go"):
            await scene.talk("a", word)
        state = await scene.talk("a", "go")
        assert state.pr is not None, await scene.posts(state.id)


async def test_a_plan_proposed_once_more_after_it_was_carried_out_can_be_approved(room: Room) -> None:
    coder: list[Line] = [write("A", "a\n"), says("Wrote."), write("A", "b\n"), says("Wrote it again.")]
    cast = Cast(pm=[plan(), plan()], coder=coder, lead=lead() + lead())
    async with room.engine(cast) as scene:
        before = await scene.shipped()
        proposed = await scene.talk("a", "once more, please")
        assert proposed.plan_waits
        state = await scene.talk("a", "go")
        assert "Wrote it again." in "".join(await scene.posts(state.id)), (await scene.posts(state.id))[-1]
        assert state.head != before.head


async def test_to_try_red_checks_again_is_not_nothing(room: Room) -> None:
    async with room.engine(mind) as scene:
        state = await begin(scene, "pr")
        choice = Choice(action="retry", label="Try again")
        await scene.host.store.tell(
            [told(state.id, "github:ask:1", None, "#1 still fails `unit`.", [choice])]
        )
        for _ in range(2):
            state = await scene.talk("a", "/retry")
            assert (await scene.posts(state.id))[-1] == AGAIN


def test_marks_of_a_reviews_points_are_not_shown_to_people() -> None:
    said = spoken("Seen to.\n[c12] fixed: it is\n* **[r3]** declined: no\nA list: [c1] stays")
    assert said == "Seen to.\n- fixed: it is\n- declined: no\nA list: [c1] stays"


async def test_a_plan_that_came_back_is_one_point(room: Room) -> None:
    async with room.engine(mind) as scene:
        before = points(await begin(scene, "plan"))
        for word in ("cancel", "go", "cancel", "go"):
            state = await scene.talk("a", word)
        assert [p.text for p in points(state)] == [p.text for p in before]


async def test_points_with_memory_undecided_are_told_apart(room: Room) -> None:
    async with room.engine(mind) as scene:
        await begin(scene, "memory")
        state = await scene.talk("a", "no")
        texts = [p.text for p in points(state)]
        assert texts[-2:] == ["pull request #1 is open, memory is undecided", "pull request #1 is open"]
        assert len(texts) == len(set(texts))


async def test_where_nothing_can_be_run_no_thread_is_opened(stage: Stage) -> None:
    (stage.sample.repo / ".codebutler" / "lock").mkdir(parents=True)
    done = await stage.cli("run", "hello", "--yes")
    assert done.code != 0
    assert "cannot lock" in done.stderr
    with closing(sqlite3.connect(stage.sample.repo / ".codebutler" / "store.db")) as db:
        assert db.execute("SELECT count(*) FROM thread").fetchone() == (0,)
