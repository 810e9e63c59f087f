"""What was kept, and what contradicts it on main by then: people hear of it, also where git joins the two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.testing.cast import Cast, Line, bash, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Room, Scene

EVE = ("-c", "user.name=Eve", "-c", "user.email=eve@example.invalid")
PM = ".codebutler/memory/pm.md"
KEPT = "lib/util.py and lib/other.py belong together."
BESIDE = f"“{KEPT}” now stands beside “lib/util.py and lib/other.py never belong together.”"


def on_main(scene: Scene, room: Room, folder: Path, *lines: str) -> None:
    """Eve writes items under the first heading of the PM's memory, far from what is learned."""
    scene.git("clone", "-q", str(room.sample.remote), str(folder))
    text = (folder / PM).read_text()
    (folder / PM).write_text(
        text.replace("## Facts\n\n", "## Facts\n\n" + "".join(f"* {x}\n" for x in lines))
    )
    scene.git(*EVE, "commit", "-qam", "Eve's", where=folder)
    scene.git("push", "-q", "origin", "HEAD:main", where=folder)


def room_with_memory(room: Room) -> None:
    facts = "".join(f"* Fact number {n} of many\n" for n in range(1, 9))
    room.commit({PM: f"# PM\n\n## Facts\n\n{facts}\n## Learned\n\n* Stock is counted by hand\n"})


@pytest.mark.parametrize("word", ["merge", "rebase"])
async def test_a_contradiction_that_git_joins_is_told_once(room: Room, tmp_path: Path, word: str) -> None:
    room_with_memory(room)
    coder: list[Line] = [write("A", "a\n"), says("Wrote."), bash("true"), says("Nothing to do.")]
    two = [*lead("Notes", KEPT, "Stock is never counted twice"), *lead("Notes")]
    async with room.engine(Cast(pm=[plan()], coder=coder, lead=two)) as scene:
        await scene.shipped()
        await scene.talk("a", "keep both 2, keep 1")
        state = await scene.talk("a", "yes")
        assert state.memory_commits == 1, await scene.posts(state.id)
        never = KEPT.replace("belong", "never belong")
        on_main(scene, room, tmp_path / "eve", never, "Labels are A6")
        await scene.talk("a", word)
        state = await scene.talk("a", "merge")
        said = "\n".join(await scene.posts(state.id))
        assert said.count(BESIDE) == 1, said
        assert said.count("now stands beside") == 1, "what was known as it was kept is not told again"
        text = scene.git("show", f"main:{PM}", where=room.sample.remote)
        assert all(line in text for line in (f"* {never}", KEPT)), text
        assert state.phase == "closed"


@pytest.mark.parametrize("where", ["## Facts", "## Learned"])
async def test_a_pull_request_that_only_remembers_tells_it_too(
    room: Room, tmp_path: Path, where: str
) -> None:
    room_with_memory(room)
    async with room.engine(Cast(pm=[says("They stand alone.")])) as scene:
        await scene.talk("a", "Where do they live?")
        await scene.talk("a", f"/correct pm {KEPT.rstrip('.')}")
        await scene.talk("a", "yes")
        never = "lib/util.py and lib/other.py never belong together"
        if where == "## Facts":
            on_main(scene, room, tmp_path / "eve", never, "Labels are A6")
        else:
            at_the_end(scene, room, tmp_path / "eve", never)
        state = await scene.talk("a", "merge")
        said = (await scene.posts(state.id))[-1]
        assert said.count(f"“{KEPT.rstrip('.')}” now stands beside “{never}”") == 1, said
        assert "Merged #1 as" in said


def at_the_end(scene: Scene, room: Room, folder: Path, line: str) -> None:
    """Eve writes where what is kept goes: the two conflict."""
    scene.git("clone", "-q", str(room.sample.remote), str(folder))
    (folder / PM).write_text(f"{(folder / PM).read_text()}* {line}\n")
    scene.git(*EVE, "commit", "-qam", "Eve's", where=folder)
    scene.git("push", "-q", "origin", "HEAD:main", where=folder)
