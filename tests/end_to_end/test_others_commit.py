"""A reviewer commits to a thread's branch ("Commit suggestion"): the Coder works on that, and settles a conflict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codebutler.testing.cast import Cast, Line, bash, does, lead, plan, write
from codebutler.testing.doubles import Asked, says
from codebutler.types import ModelReply

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

EVE = ("-c", "user.name=Eve", "-c", "user.email=eve@example.invalid")
FIRST: tuple[Line, ...] = (write("A", "a\n"), says("Wrote."))


def cast(*second: Line) -> Cast:
    return Cast(pm=[plan(), plan("More")], coder=[*FIRST, *second], lead=lead("Notes") + lead("More"))


def push(scene: Scene, room: Room, folder: Path, text: str) -> None:
    scene.git("clone", "-q", "-b", "codebutler/notes", str(room.sample.remote), str(folder))
    (folder / "A").write_text(text)
    scene.git(*EVE, "commit", "-q", "-am", "Eve's", where=folder)
    scene.git("push", "-q", where=folder)


def there(scene: Scene, room: Room, spec: str) -> str:
    return scene.git("show", spec, where=room.sample.remote)


async def test_the_coder_begins_on_what_a_person_committed(room: Room, tmp_path: Path) -> None:
    """It changes the same line: begun on the older commit, that would be a conflict."""
    async with room.engine(cast(bash("cat A A > B; mv B A"), says("Doubled."))) as scene:
        await scene.shipped()
        push(scene, room, tmp_path / "eve", "eve\n")
        await scene.talk("a", "More")
        state = await scene.talk("a", "go")
        assert state.outcome == "pr", await scene.posts(state.id)
        assert there(scene, room, "codebutler/notes:A") == "eve\neve"


async def test_a_conflict_under_a_working_coder_is_its_own_to_settle(room: Room, tmp_path: Path) -> None:
    seen: list[str] = []

    async def meanwhile(_asked: Asked) -> ModelReply:
        push(scene, room, tmp_path / "eve", "eve\n")
        return does("git_push")

    async def settle(asked: Asked) -> ModelReply:
        seen.append(asked.heard)
        return bash("cat A; printf 'both\\n' > A")

    lines: list[Line] = [write("A", "coder\n"), meanwhile, settle, says("Settled.")]
    async with room.engine(cast(*lines)) as scene:
        await scene.shipped()
        await scene.talk("a", "More")
        state = await scene.talk("a", "go")
        assert state.outcome == "pr", await scene.posts(state.id)
        assert "conflicts in `A`" in seen[0]
        assert there(scene, room, "codebutler/notes:A") == "both"
        assert "Eve's" in scene.git("log", "--format=%s", "codebutler/notes", where=room.sample.remote)


async def test_marks_that_the_coder_leaves_are_not_pushed_and_a_retry_gets_on(
    room: Room, tmp_path: Path
) -> None:
    async def meanwhile(_asked: Asked) -> ModelReply:
        push(scene, room, tmp_path / "eve", "eve\n")
        return says("Done.")

    told: list[str] = []

    async def again(asked: Asked) -> ModelReply:
        told.append(asked.heard)
        return says("Done, I think.")

    lines: list[Line] = [write("A", "coder\n"), meanwhile, again, write("A", "both\n"), says("Settled.")]
    async with room.engine(cast(*lines)) as scene:
        await scene.shipped()
        await scene.talk("a", "More")
        state = await scene.talk("a", "go")
        assert "conflicts in `A`" in told[0]
        assert state.outcome == "failed", await scene.posts(state.id)
        assert there(scene, room, "codebutler/notes:A") == "eve"
        state = await scene.talk("a", "retry")
        assert state.outcome == "pr", await scene.posts(state.id)
        assert there(scene, room, "codebutler/notes:A") == "both"
