"""What goes with an item that is taken back by name is said; what this thread took out comes back by its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.testing.cast import Cast, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

MEMORY = ".codebutler/memory/"
NOTE = "<!-- learned: thread=t1 date=2026-01-02 by=ana -->"
FLOW: dict[str, Any] = {
    "file": "workflows.md",
    "kind": "new_workflow",
    "section": "ledger",
    "text": "PM: add up",
}
STEP: dict[str, Any] = {
    "file": "workflows.md",
    "kind": "add_step",
    "section": "ledger",
    "text": "PM: call `Ann`",
}


def cast(*items: str | dict[str, Any]) -> Cast:
    return Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=lead("Notes", *items))


async def last(scene: Scene, words: str) -> str:
    state = await scene.talk("a", words)
    return (await scene.posts(state.id))[-1]


async def memory(scene: Scene, file: str) -> str:
    state = await scene.state((await scene.talk("a", "/status")).id)
    return scene.git("show", f"{state.head}:{MEMORY}{file}")


async def test_a_step_that_goes_with_its_workflow_is_named_and_can_be_taken_up_again(room: Room) -> None:
    async with room.engine(cast(FLOW, STEP)) as scene:
        await scene.shipped()
        await scene.talk("a", "yes")
        assert "call `Ann`" in await memory(scene, "workflows.md")
        said = await last(scene, "memory revert ledger")
        assert said.startswith("Taken back: ledger. "), said
        assert "\nWith it went: “PM: call Ann”\n" in said
        assert '"keep N" takes one up again' in said
        assert "ledger" not in await memory(scene, "workflows.md")
        await scene.talk("a", "keep 1")
        await scene.talk("a", "keep 2")
        said = await last(scene, "yes")
        text = await memory(scene, "workflows.md")
        assert all(words in text for words in ("## ledger", "PM: add up", "PM: call `Ann`")), (text, said)


async def test_an_item_of_another_thread_comes_back_by_its_words_with_where_it_was_learned(
    room: Room,
) -> None:
    line = f"- Weights are in `pounds`. {NOTE}"
    room.commit({f"{MEMORY}pm.md": f"# PM\n\n## Learned\n\n{line}\n- By hand.\n"})
    async with room.engine(cast()) as scene:
        await scene.shipped()
        said = await last(scene, "memory revert weights are in pounds")
        assert said.startswith("Taken back: Weights are in pounds."), said
        assert "Weights" not in await memory(scene, "pm.md")
        await last(scene, "memory revert Weights are in `pounds`.")
        assert line in (await memory(scene, "pm.md")).splitlines()


@pytest.mark.parametrize("order", ["add: Gates open at six", "/correct pm Gates open at six"])
async def test_until_a_day_is_the_last_day_of_what_a_person_adds(room: Room, order: str) -> None:
    async with room.engine(cast("Alpha rules.")) as scene:
        await scene.shipped()
        assert "its last day, 2020-05-01, is past" in await last(scene, f"{order} until 2020-05-01")
        assert ", until 2099-05-01" in await last(scene, f"{order} until 2099-05-01")
        await scene.talk("a", "yes")
        [line] = [x for x in (await memory(scene, "pm.md")).splitlines() if "Gates" in x]
        assert " expires=2099-05-01 " in line
