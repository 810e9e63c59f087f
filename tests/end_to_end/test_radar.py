"""Threads that get in each other's way are told so, both, once; real git, real sandbox, scripted models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from codebutler.events import OverlapFound, Posted
from codebutler.testing.cast import Line, does, lead, plan, write
from codebutler.testing.doubles import Asked, Mind, says
from codebutler.thread import render
from codebutler.thread.aside import set_aside
from codebutler.types import Inbound, Person

if TYPE_CHECKING:
    from codebutler.thread.state import ThreadState
    from tests.end_to_end.conftest import Room, Scene


Lines = dict[str, list[Line]]


def several(**threads: Lines) -> Mind:
    """A mind that says each thread's own lines: which one asks is told by its request's first word."""

    async def mind(asked: Asked) -> object:
        text = " ".join(str(m["content"]) for m in asked.messages if m["role"] == "user")
        name = next(n for n in threads if f"task-{n}" in text)
        line = threads[name][asked.role].pop(0)
        return line if not callable(line) else await line(asked)

    return mind  # type: ignore[return-value] # every line ends in a reply


def doing(path: str, text: str, *, title: str = "Notes") -> Lines:
    """A thread that writes one file, as its plan says."""
    return {
        "pm": [plan(title, path), says("The plan is there.")],
        "coder": [write(path, text), says(f"Wrote {path}.")],
        "lead": lead(title),
    }  # fmt: skip


async def overlaps(scene: Scene, thread: str) -> list[OverlapFound]:
    return [e for e in await scene.events(thread) if isinstance(e, OverlapFound)]


async def warnings(scene: Scene, thread: str) -> list[str]:
    return [p for p in await scene.posts(thread) if "in the way of this one" in p]


async def test_two_threads_for_one_file_from_the_first_warning_to_the_settled_conflict(room: Room) -> None:
    """Warned before any work; told what landed; the rebase ships no marks of a conflict, and tests again."""
    b, settled = doing("NOTE", "from b\n", title="Notes of task-b"), "from a\nfrom b\n"
    b["coder"] += [says("All is well."), says("Really."), says("Done.")]
    b["coder"] += [write("NOTE", settled), does("bash", command="cat NOTE"), says("Settled; tests pass.")]
    b["lead"] += lead("Notes")
    async with room.engine(several(a=doing("NOTE", "from a\n", title="First notes"), b=b)) as scene:
        one = await scene.talk("a", "task-a: write")
        two = await scene.talk("b", "task-b: write")
        await warned_before_any_work(scene, one.id, two.id)
        await scene.talk("a", "go")
        before = await scene.talk("b", "go")
        await warned_of_the_conflict(scene, one.id, before)
        assert (await scene.talk("a", "merge")).phase == "closed"
        last = (await scene.events(two.id))[-1]
        assert isinstance(last, Posted)
        assert [c.action for c in last.post.choices] == ["rebase"]
        assert "has landed: #1" in last.post.text
        assert "It changed `NOTE`" in last.post.text
        before = await scene.talk("b", "merge")
        assert before.refused
        for word in ("rebase", "go"):  # after a refused merge, too, both are about the rebase
            state = await scene.talk("b", word)
            assert (state.outcome, state.pushed, state.refused) == ("failed", before.pushed, "")
            assert "Marks of a conflict are left in `NOTE`" in (await scene.posts(two.id))[-1]
        await scene.talk("b", "merge")
        assert "The rebase is not finished" in (await scene.posts(two.id))[-1]
        state = await scene.talk("b", "go")
        assert (state.outcome, state.rebase, state.onto) == ("pr", None, None), await scene.posts(two.id)
        assert "They conflict in `NOTE`" in str([x.messages for x in scene.asked if x.role == "coder"][-1])
        onto = scene.git("rev-parse", "main", where=room.sample.remote)
        assert state.worktree is not None
        assert state.worktree.base == onto
        scene.git("merge-base", "--is-ancestor", onto, state.head)
        scene.git("merge-base", "--is-ancestor", before.pushed, state.pushed)
        assert scene.git("show", f"{state.pushed}:NOTE") == settled.strip()
        await scene.talk("b", "rebase")
        assert "nothing that this branch lacks" in (await scene.posts(two.id))[-1]
        assert (await scene.talk("b", "merge")).phase == "closed", await scene.posts(two.id)
        assert scene.git("show", "main:NOTE", where=room.sample.remote) == settled.strip()
        told = scene.git("show", f"main:.codebutler/journals/thread-{two.id}.md", where=room.sample.remote)
        assert told.count("says to merge") == 2, "also what came after the merge that was refused"
        assert ("the merge did not go through:" in told, "Settled; tests pass." in told) == (True, True)


async def test_no_title_of_a_thread_among_a_few_is_told_to_others(room: Room) -> None:
    b = doing("NOTE", "from b\n", title="Notes of task-b")
    b["pm"].insert(0, does("list_threads"))
    async with room.engine(several(a=doing("NOTE", "from a\n", title="A raise for Max"), b=b)) as scene:
        await set_aside(scene.host.store, "terminal", "a")
        one = await scene.talk("a", "task-a: write")
        two = await scene.talk("b", "task-b: write")
        [told] = await warnings(scene, two.id)
        assert told.startswith(f"Thread `{one.id}` gets in the way of this one:")
        assert "“Notes of task-b”" in (await warnings(scene, one.id))[0]
        asked = str([x.messages for x in scene.asked if x.role == "pm"][-1])
        assert f"{one.id} [pm] (private)" in asked
        assert "A raise for Max" not in told + asked


async def warned_before_any_work(scene: Scene, a: str, b: str) -> None:
    for mine, other in ((a, b), (b, a)):
        assert [(e.other, e.causes) for e in await overlaps(scene, mine)] == [(other, ["file:NOTE"])]
        assert len(await warnings(scene, mine)) == 1
    assert "“First notes”" in (await warnings(scene, b))[0]
    assert "both are to change `NOTE`" in (await warnings(scene, a))[0]


async def warned_of_the_conflict(scene: Scene, a: str, b: ThreadState) -> None:
    """Once each, and both of one merge order."""
    causes = [c for e in await overlaps(scene, a) for c in e.causes]
    assert sorted(causes) == ["conflict:NOTE", "file:NOTE"]
    assert "conflict in `NOTE`" in (await warnings(scene, b.id))[1]
    assert f"`{a}` (conflict, same files)" in render.status(b).text
    assert [len(await warnings(scene, x)) for x in (a, b.id)] == [2, 2]
    order = [p for p in await scene.posts(a) if "least rebasing" in p]
    assert len(order) == 1
    assert order == [p for p in await scene.posts(b.id) if "least rebasing" in p]
    said = [e.post for x in (a, b.id) for e in await scene.events(x) if isinstance(e, Posted)]
    assert sorted("aloud" in p.data for p in said if p.text in order) == [True, True], "one for each place"


async def test_who_finds_several_in_its_way_is_told_in_one_message(room: Room) -> None:
    names = ("a", "b", "c")
    plans = {name: doing("NOTE", "x", title=f"Notes of {name}") for name in names}
    async with room.engine(several(**plans)) as scene:
        a, b = [(await scene.talk(name, f"task-{name}: write")).id for name in "ab"]
        await scene.engine.host.store.bind(a, "github", "acme/shop#1")
        c = (await scene.talk("c", "task-c: write")).id
        assert [len(await warnings(scene, thread)) for thread in (a, b, c)] == [2, 2, 1]
        [said] = await warnings(scene, c)
        assert (said.count("both are to change `NOTE`"), "Notes of a" in said, "Notes of b" in said) == (
            2,
            True,
            True,
        )
        assert {e.other for e in await overlaps(scene, c)} == {a, b}
        [post] = [
            p
            for p in await scene.engine.host.store.posts(a)
            if p.surface == "github" and "overlap:" in p.slot
        ]
        assert post.slot == f"overlap:{c}"
        assert json.loads(post.payload)["slot"] == post.slot


async def test_one_thread_at_a_time_works_on_an_issue(room: Room) -> None:
    mind = several(a={"pm": [says("Looking.")]}, b={"pm": [says("Now I look."), says("Still.")]})
    async with room.engine(mind) as scene:
        a = await scene.talk("a", "task-a: fix issue #12")
        assert a.held == ["#12"]
        b = await scene.talk("b", "task-b: closes #12")
        assert (b.outcome, b.held) == ("failed", [])
        assert f"Thread `{a.id}` is at work on `#12`" in (await scene.posts(b.id))[-1]
        assert "Now I look." not in await scene.posts(b.id)
        await scene.talk("a", "cancel")
        b = await scene.talk("b", "go")
        assert (b.outcome, b.held) == ("answered", ["#12"]), await scene.posts(b.id)
        a = await scene.talk("a", "go")
        assert (a.outcome, a.held) == ("failed", [])
        assert (await scene.talk("b", "task-b: and now?")).outcome == "answered"


async def test_what_a_pull_request_of_others_closes_is_held_by_nobody_here(room: Room) -> None:
    mind = several(a={"pm": [says("Looking.")]}, b={"pm": [says("A finding.")]})
    async with room.engine(mind) as scene:
        assert (await scene.talk("a", "task-a: fix issue #12")).held == ["#12"]
        text = "task-b: review pull request #6: Fixes #12"
        there = Inbound(
            surface="github", external_id="acme/shop/pull/6", key="g1",
            author=Person(surface="github", id="bob"), text=text,
        )  # fmt: skip
        b = await scene.rest(await scene.engine.receive(there))
        assert (b.outcome, b.held) == ("answered", []), await scene.posts(b.id)
