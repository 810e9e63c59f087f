"""Folders of idle threads are put away, never work: branches stay, and so does what is in no commit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codebutler.events import WorkspacePutAway
from codebutler.testing.cast import Line, lead, plan, write
from codebutler.testing.doubles import Asked, Mind, says
from codebutler.types import Inbound, Person

if TYPE_CHECKING:
    from codebutler.thread.state import ThreadState
    from tests.end_to_end.conftest import Room, Scene


def mind() -> Mind:
    lines: dict[str, list[Line]] = {
        "pm": [plan("Notes", "NOTE"), says("The plan is there.")],
        "coder": [
            write("NOTE", "a\n"),
            says("Wrote it."),
            write("NOTE", "b\n"),
            says("[c1] fixed: it is b"),
        ],
        "lead": [*lead("Notes"), *lead("Notes")],
    }

    async def answers(asked: Asked) -> object:
        return lines[asked.role].pop(0)

    return answers  # type: ignore[return-value] # every line ends in a reply


async def cleaned(scene: Scene, thread: str, by: Person, text: str = "/cleanup 0") -> str:
    """What is answered to a cleanup, once the thread has done its part."""
    inbound = Inbound(surface=by.surface, external_id=f"C:{text}", key=f"{by.id}{text}", author=by, text=text)
    other = await scene.engine.receive(inbound)
    await scene.rest(other)
    scene.engine.kick(thread)
    await scene.rest(thread)
    return (await scene.posts(other))[-1]


async def put_away(scene: Scene, thread: str) -> list[str]:
    return [e.kept for e in await scene.events(thread) if isinstance(e, WorkspacePutAway)]


def folder(state: ThreadState) -> Path:
    assert state.worktree is not None
    return Path(state.worktree.path)


async def test_an_idle_folder_goes_and_comes_back_with_the_branch(room: Room) -> None:
    async with room.engine(mind()) as scene:
        await scene.talk("a", "write a note")
        state = await scene.talk("a", "go")
        assert state.pr is not None
        there = folder(state)
        nobody = Person(surface="slack", id="U9")
        assert "Only an admin" in await cleaned(scene, state.id, nobody)
        assert "No workspace has been idle for 7 days" in await cleaned(
            scene, state.id, nobody.model_copy(update={"admin": True}), "/cleanup"
        )
        assert there.exists()
        (there / "left.txt").write_text("nowhere else")
        host = Person(surface="terminal", id="robin")
        assert "1 workspace is put away" in await cleaned(scene, state.id, host)
        [kept] = await put_away(scene, state.id)
        assert "left.txt" in kept
        assert (there / "left.txt").exists()
        (there / "left.txt").unlink()
        before = await scene.posts(state.id)
        assert "1 workspace is put away" in await cleaned(scene, state.id, host, "/cleanup 0.0")
        assert (await put_away(scene, state.id))[1:] == [""]
        assert not there.exists()
        assert await scene.posts(state.id) == before
        assert scene.git("rev-parse", f"refs/heads/codebutler/{there.name}") == state.head
        state = await scene.talk("a", "/respond - [c1] NOTE:1 (ann): say b")
        assert scene.git("show", f"{state.pushed}:NOTE") == "b"
        assert there.exists()
