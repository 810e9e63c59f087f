"""Items are known again by what is read of them, whatever markdown they were proposed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.testing.cast import Cast, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

MEMORY = ".codebutler/memory/"
LONG = "Release " + "carefully and slowly " * 5
MARKED: dict[str, list[dict[str, Any]]] = {
    "code": [{"file": "pm.md", "text": text} for text in ("Run `make ship` on Fridays.", "`calc.py` rounds.")],
    "emphasis": [{"file": "lead.md", "text": "Read *every* release __note__."}],
    "link": [{"file": "pm.md", "text": "See [the guide](https://example.org/a_b_c) first."}],
    "markers": [{"file": "pm.md", "text": "- # Ship on Fridays"}, {"file": "pm.md", "text": "A \\* b \\* c"}],
    "entity": [{"file": "pm.md", "text": "Fish &amp; chips, R&D"}],
    "comment": [{"file": "pm.md", "text": "Before <!-- x --> after"}],
    "step": [
        {"file": "workflows.md", "kind": "add_step", "section": "feature", "text": "Coder: run `make check` first"}
    ],
    "workflow": [
        {"file": "workflows.md", "kind": "new_workflow", "section": f"`ship` **it** {LONG}", "text": "PM: ask `who`"}
    ],
    "mixed": [{"file": "pm.md", "text": text} for text in ("Plain rules.", "Run `make all`.")],
}  # fmt: skip


def cast(items: list[dict[str, Any]]) -> Cast:
    return Cast(
        pm=[plan(), says("PM 1")],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=[*lead("Notes", *items), says("Again.")],
    )


async def learned(scene: Scene, ref: str) -> int:
    """How many learned items memory has there."""
    files = scene.git("ls-tree", "-r", "--name-only", ref, MEMORY).split()
    return sum(scene.git("show", f"{ref}:{file}").count("<!-- learned: ") for file in files)


@pytest.mark.parametrize("what", MARKED)
async def test_all_of_them_are_taken_back(room: Room, what: str) -> None:
    async with room.engine(cast(MARKED[what])) as scene:
        await scene.shipped()
        state = await scene.talk("a", "yes")
        assert await learned(scene, state.head) == len(MARKED[what]), await scene.posts(state.id)
        state = await scene.talk("a", "remove both")
        said = (await scene.posts(state.id))[-1]
        assert said.startswith("Taken back: "), said
        assert await learned(scene, state.head) == 0
        assert said.count("\n") >= len(MARKED[what]), said  # each can be taken up again
        state = await scene.talk("a", "keep 1")
        state = await scene.talk("a", "yes")
        assert await learned(scene, state.head) == 1, await scene.posts(state.id)


@pytest.mark.parametrize(
    "name", ["Run `make ship` on Fridays.", '"Run make ship on Fridays"', "`calc.py` rounds."]
)
async def test_one_is_taken_back_by_its_words_as_they_were_written_and_as_they_are_read(
    room: Room, name: str
) -> None:
    async with room.engine(cast(MARKED["code"])) as scene:
        await scene.shipped()
        await scene.talk("a", "yes")
        state = await scene.talk("a", f"memory revert {name}")
        assert await learned(scene, state.head) == 1, await scene.posts(state.id)


async def test_words_that_are_known_no_more_are_not_said_to_be_gone(room: Room) -> None:
    """An edit by hand: what this thread taught is named, with the way."""
    async with room.engine(cast(MARKED["emphasis"])) as scene:
        await scene.shipped()
        state = await scene.talk("a", "yes")
        folder = scene.folder(state)
        file = folder / MEMORY / "lead.md"
        file.write_text(file.read_text().replace("*every*", "*each and every*"))
        eve = ("-c", "user.name=Eve", "-c", "user.email=eve@example.invalid")
        scene.git(*eve, "commit", "-q", "-a", "-m", "By hand", where=folder)
        await scene.talk("a", "/correct pm Labels are A6")
        await scene.talk("a", "yes")
        state = await scene.talk("a", "drop them all")
        assert "Labels are A6" in (await scene.posts(state.id))[-1]
        state = await scene.talk("a", "drop them all")
        said = (await scene.posts(state.id))[-1]
        assert "Read each and every release note." in said, said
        assert "memory revert" in said
