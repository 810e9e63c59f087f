"""Threads that get in each other's way are told so, both, once; real git, real sandbox, scripted models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.events import OverlapFound
from codebutler.testing.cast import Line, lead, plan, write
from codebutler.testing.doubles import Asked, Mind, says

if TYPE_CHECKING:
    from codebutler.thread.state import ThreadState
    from tests.end_to_end.conftest import Room, Scene


def several(**threads: dict[str, list[Line]]) -> Mind:
    """A mind that says each thread's own lines: which one asks is told by its request's first word."""

    async def mind(asked: Asked) -> object:
        text = " ".join(str(m["content"]) for m in asked.messages if m["role"] == "user")
        name = next(n for n in threads if f"task-{n}" in text)
        line = threads[name][asked.role].pop(0)
        return line if not callable(line) else await line(asked)

    return mind  # type: ignore[return-value] # every line ends in a reply


def doing(
    path: str, text: str, *, title: str = "Notes", files: tuple[str, ...] | None = None
) -> dict[str, list[Line]]:
    """A thread that writes one file, as its plan says."""
    return {
        "pm": [plan(title, *(files if files is not None else (path,))), says("The plan is there.")],
        "coder": [write(path, text), says(f"Wrote {path}.")],
        "lead": lead(title),
    }  # fmt: skip


async def overlaps(scene: Scene, thread: str) -> list[OverlapFound]:
    return [e for e in await scene.events(thread) if isinstance(e, OverlapFound)]


async def warnings(scene: Scene, thread: str) -> list[str]:
    return [p for p in await scene.posts(thread) if "in the way of this one" in p]


async def ship(scene: Scene, name: str) -> ThreadState:
    await scene.talk(name, f"task-{name}: write")
    return await scene.talk(name, "go")


async def test_two_plans_for_one_file_warn_both_before_any_work_and_once(room: Room) -> None:
    mind = several(a=doing("NOTE", "a\n", title="First notes"), b=doing("NOTE", "b\n"))
    async with room.engine(mind) as scene:
        a = await scene.talk("a", "task-a: write")
        b = await scene.talk("b", "task-b: write")
        for mine, other in ((a, b), (b, a)):
            assert [(e.other, e.causes) for e in await overlaps(scene, mine.id)] == [
                (other.id, ["file:NOTE"])
            ]
            assert len(await warnings(scene, mine.id)) == 1
        assert "“First notes”" in (await warnings(scene, b.id))[0]
        assert "both are to change `NOTE`" in (await warnings(scene, a.id))[0]
        await scene.talk("a", "go")
        state = await scene.talk("b", "go")
        causes = [c for e in await overlaps(scene, a.id) for c in e.causes]
        assert sorted(causes) == ["conflict:NOTE", "file:NOTE"]
        assert "conflict in `NOTE`" in (await warnings(scene, b.id))[1]
        assert f"`{a.id}` (conflict, same files)" in state_card(state)
        assert [len(await warnings(scene, x.id)) for x in (a, b)] == [2, 2]
        order = [p for p in await scene.posts(a.id) if "least rebasing" in p]
        assert len(order) == 1
        assert order == [p for p in await scene.posts(b.id) if "least rebasing" in p]


def state_card(state: ThreadState) -> str:
    from codebutler.thread.render import status

    return status(state).text
