"""A second thread from a point of one: its own branch and pull request, while the first one goes on."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from codebutler.events import Posted
from codebutler.testing.cast import Cast, bash, lead, plan, write
from codebutler.testing.doubles import says
from codebutler.thread.evidence import of_store
from codebutler.thread.points import points
from codebutler.thread.replay import differences
from tests.end_to_end.test_keeping import cli

if TYPE_CHECKING:
    from codebutler.thread.state import ThreadState
    from tests.end_to_end.conftest import Room, Scene


async def forked(scene: Scene, words: str, *, by: str = "robin") -> ThreadState:
    """Say it in thread "a"; the state of the thread that is there then."""
    before = {row.id for row in await scene.host.store.threads()}
    await scene.rest(await scene.say("a", words, by=by))
    made = [row.id for row in await scene.host.store.threads() if row.id not in before]
    assert len(made) == 1, await scene.posts((await scene.host.store.find("terminal", "a")) or "")
    return await scene.state(made[0])


async def test_the_fork_ships_its_own_pull_request_and_the_first_thread_its_own(room: Room) -> None:
    cast = Cast(
        pm=[plan()],
        coder=[write("A", "a\n"), bash("echo b > B; rm CHANGES.md"), says("Wrote."),
               write("C", "c\n"), says("Wrote C.")],
        lead=lead() + lead(),
    )  # fmt: skip
    async with room.engine(cast) as scene:
        first = await scene.shipped()
        log = await scene.host.store.events(first.id)
        point = scene.point(first, "write A")
        second = await forked(scene, f"fork {point.number}", by="ann")
        assert differences(await of_store(scene.host.store, second.id)) == []
        assert second.opened is not None
        assert (second.opened.owner.id, second.opened.title) == ("ann", "Write notes (fork)")
        assert (second.halted, second.outcome, second.phase) == ("rewound", "rewound", "coder")
        assert (second.usd, second.pr, second.pushed) == (0, None, "")
        assert scene.tree(second.head) == scene.tree(point.commit)
        assert {"A", "CHANGES.md"} <= set(scene.files(second))
        assert "B" not in scene.files(second)
        assert scene.git("status", "--porcelain", where=scene.folder(second)) == ""
        assert second.files == {"A"}
        assert len(points(second)) == point.number
        keys = [row.key for row in await scene.host.store.events(second.id)]
        assert sum(key.startswith(f"fork:{first.id}:") for key in keys) > 10
        assert (await scene.host.store.events(first.id))[: len(log)] == log

        state = await _said(scene, second.id, "go")
        assert state.outcome == "pr", await scene.posts(second.id)
        assert cast.of("coder")[3][: len(cast.of("coder")[1])] == cast.of("coder")[1]
        assert "made a second thread" in cast.of("coder")[3][-1]["content"]
        assert (state.pr.number if state.pr else 0, state.files) == (2, {"A", "C"})
        assert state.worktree is not None
        assert first.worktree is not None
        assert state.worktree.branch != first.worktree.branch
        assert state.usd == pytest.approx(0.004)

        untouched = await scene.state(first.id)
        assert (untouched.head, untouched.pr, untouched.usd) == (first.head, first.pr, first.usd)
        assert (await scene.talk("a", "merge")).phase == "closed"
        assert (await _said(scene, second.id, "merge")).outcome in {"failed", "closed"}
        landed = scene.git("ls-tree", "--name-only", "main", where=room.sample.remote).split()
        assert {"A", "B"} <= set(landed)


async def _said(scene: Scene, thread: str, text: str, *, by: str = "ann") -> ThreadState:
    """Somebody speaks in the second thread."""
    [(_, conversation)] = await scene.host.store.bindings(thread)
    return await scene.rest(await scene.say(conversation, text, by=by))


async def test_a_plan_is_approved_in_the_fork_by_who_forked(room: Room) -> None:
    """Before there was a branch; and after the merge, when nothing can be rewound any more."""
    cast = Cast(
        pm=[plan(), plan("Other notes")],
        coder=[write("A", "a\n"), says("Wrote."), write("D", "d\n"), says("Wrote D.")],
        lead=lead() + lead("Other notes"),
    )
    async with room.engine(cast) as scene:
        first = await scene.shipped()
        await scene.talk("a", "merge")
        second = await forked(scene, "fork 1", by="ann")
        assert (second.plan_waits, second.worktree, second.outcome) == (True, None, "plan")
        greeting = (await scene.posts(second.id))[-1]
        assert f"of thread `{first.id}`, which is left as it is" in greeting
        assert 'The plan "Notes" waits again' in greeting
        assert "for ann" in greeting
        await _said(scene, second.id, "other ones")
        state = await _said(scene, second.id, "go")
        assert state.outcome == "pr", await scene.posts(second.id)
        assert state.approval is not None
        assert state.approval.by.id == "ann"
        assert "A" in scene.files(state)  # the base is looked up at the approval: A has landed


async def test_from_the_end_of_a_thread_its_work_goes_along(room: Room) -> None:
    """Without a number: from here. The lessons of the first pull request stay with that one."""
    cast = Cast(
        pm=[plan(), plan("More notes")],
        coder=[write("A", "a\n"), says("Wrote."), bash("cat A > E"), says("Wrote E.")],
        lead=lead("Notes", "Notes live in A") + lead("More notes"),
    )
    async with room.engine(cast) as scene:
        first = await scene.shipped()
        second = await forked(scene, "fork")
        assert (second.phase, second.outcome, second.memory, second.summary) == ("pm", "answered", None, None)
        assert scene.tree(second.head) == scene.tree(first.head)
        await _said(scene, second.id, "more", by="robin")
        state = await _said(scene, second.id, "go", by="robin")
        assert state.outcome == "pr", await scene.posts(second.id)
        assert scene.files(state)["E"] == "a\n"
        assert state.pr is not None
        assert state.pr.title == "More notes"
        assert (await scene.state(first.id)).memory is not None


async def test_a_fork_that_was_broken_off_is_made_once(room: Room) -> None:
    """Killed before the first thread knows of it: the message is unread, and asks for the same fork again."""
    cast = Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=lead())
    async with room.engine(cast) as scene:
        first = await scene.shipped()
        second = await forked(scene, "fork 2")
    with sqlite3.connect(room.sample.repo / ".codebutler/store.db") as store:
        log = "SELECT kind FROM event WHERE thread = ? ORDER BY seq"
        kinds = [row[0] for row in store.execute(log, (first.id,))]
        since = len(kinds) - kinds[::-1].index("message_received")
        assert "command_handled" in kinds[since:]
        store.execute("DELETE FROM event WHERE thread = ? AND seq > ?", (first.id, since))
        store.execute("UPDATE thread SET ready = 1 WHERE id = ?", (first.id,))
    store.close()
    async with room.engine(cast) as scene:
        await scene.rest(first.id)
        assert sorted(r.id for r in await scene.host.store.threads()) == sorted([first.id, second.id])
        said = [e.source for e in await scene.events(second.id) if isinstance(e, Posted)]
        assert said.count("forked") == 1
        assert f"Thread `{second.id}` goes on" in (await scene.posts(first.id))[-1]
        assert scene.git("worktree", "list").count("[codebutler/notes") == 2


async def test_a_point_that_is_none_is_said(room: Room) -> None:
    cast = Cast(pm=[plan()])
    async with room.engine(cast) as scene:
        state = await scene.talk("a", "Write notes")
        await scene.talk("a", "fork 7")
        assert "There is no point 7: this thread has point 1 only." in (await scene.posts(state.id))[-1]
        await scene.talk("a", "fork 0")
        assert "There is no point 0" in (await scene.posts(state.id))[-1]
        assert len(await scene.host.store.threads()) == 1
        assert json.loads(json.dumps(await scene.posts(state.id)))
    code, out, _ = await cli(room, "fork", state.id, "0")
    assert (code, "There is no point 0" in out) == (1, True)


async def test_go_goes_on_in_a_fork_of_a_thread_that_was_taken_back_before(room: Room) -> None:
    """The numbers of the first thread's messages are others in the second one."""
    cast = Cast(
        pm=[plan()],
        coder=[write("A", "a\n"), write("B", "b\n"), says("Wrote."), write("C", "c\n"), says("Wrote C."),
               write("D", "d\n"), says("Wrote D.")],
        lead=lead() + lead() + lead(),
    )  # fmt: skip
    async with room.engine(cast) as scene:
        first = await scene.shipped()
        await scene.talk("a", f"rewind {scene.point(first, 'write A').number}")
        first = await scene.talk("a", "go")
        assert first.outcome == "pr", await scene.posts(first.id)
        second = await forked(scene, f"fork {scene.point(first, 'write C').number}")
        state = await _said(scene, second.id, "go")
        assert state.outcome == "pr", await scene.posts(second.id)
        assert set(scene.files(state)) >= {"A", "C", "D"}
