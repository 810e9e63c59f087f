"""What was kept and is turned down after its commit: it is taken back, and never said to be what it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.testing.cast import Cast, Line, call, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

PM = ".codebutler/memory/pm.md"


def cast() -> Cast:
    return Cast(
        pm=[plan(), says("PM 1"), says("PM 2"), says("PM 3")],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=lead("Notes", "Alpha rules.", "Beta rules."),
    )


@pytest.mark.parametrize("before", [["remove 1", "yes"], ["yes"]])
@pytest.mark.parametrize(
    "word", ["no, drop them all", "no wait, remove both", "keep none", "remove all of them"]
)
async def test_all_is_taken_back_by_words_that_refuse_it(room: Room, before: list[str], word: str) -> None:
    async with room.engine(cast()) as scene:
        await scene.shipped()
        for each in before:
            state = await scene.talk("a", each)
        assert "Beta rules." in scene.git("show", f"{state.head}:{PM}")
        state = await scene.talk("a", word)
        said = (await scene.posts(state.id))[-1]
        assert said.startswith("Taken back: "), said
        assert "Beta rules." in said
        assert "rules." not in scene.git("show", f"{state.head}:{PM}")
        await scene.talk("a", "merge")
        assert "rules." not in scene.git("show", f"main:{PM}", where=room.sample.remote)


async def test_a_mere_no_is_told_what_is_committed_and_how_it_is_taken_back(room: Room) -> None:
    async with room.engine(cast()) as scene:
        await scene.shipped()
        await scene.talk("a", "remove 1")
        await scene.talk("a", "yes")
        state = await scene.talk("a", "no")
        said = (await scene.posts(state.id))[-1]
        assert said.startswith("What was kept is committed: “Beta rules.”."), said
        assert '"drop them all"' in said
        state = await scene.talk("a", "drop them all")
        assert "Beta rules." not in scene.git("show", f"{state.head}:{PM}")
        state = await scene.talk("a", "no, drop them all")
        assert "Nothing of what was kept here stands in memory" in (await scene.posts(state.id))[-1]


async def test_a_mere_no_that_answers_the_pm_is_left_to_it(room: Room) -> None:
    async with room.engine(cast()) as scene:
        await scene.shipped()
        await scene.talk("a", "yes")
        await scene.talk("a", "Shall we add docs?")
        state = await scene.talk("a", "no")
        assert (await scene.posts(state.id))[-1].endswith("PM 2")
        state = await scene.talk("a", "remove both")
        assert (await scene.posts(state.id))[-1].endswith("PM 3")
        state = await scene.talk("a", "drop them all")
        assert (await scene.posts(state.id))[-1].startswith("Taken back: ")


async def test_a_removal_that_was_kept_is_taken_back_by_its_words(room: Room) -> None:
    old = "Use pnpm for installs. <!-- learned: thread=t1 date=2026-01-02 by=ana -->"
    room.commit({PM: f"# PM\n\n## Setup\n\n- {old}\n- Beta rules.\n"})
    item = {"file": "pm.md", "kind": "remove", "text": "", "replaces": ["Use pnpm for installs."]}
    looks: list[Line] = [
        says("", call("write_summary", title="Notes", summary="Notes.", changes=["A"]),
             call("propose_memory", items=[item])), says("That is all."),
    ]  # fmt: skip
    async with room.engine(Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=looks)) as scene:
        await scene.shipped()
        state = await scene.talk("a", "yes")
        assert "pnpm" not in scene.git("show", f"{state.head}:{PM}")
        state = await scene.talk("a", "memory revert use pnpm for installs.")
        said = (await scene.posts(state.id))[-1]
        assert "There again: Use pnpm for installs." in said, said
        assert f"\n- {old}" in scene.git("show", f"{state.head}:{PM}")
        assert "There again" not in "".join((await scene.posts(state.id))[:-1])


async def test_a_removal_is_told_as_one_and_keeping_its_item_leaves_it(room: Room) -> None:
    room.commit({PM: "# PM\n\n- Use pnpm for installs.\n"})
    items = [
        {"file": "pm.md", "text": "Alpha rules."},
        {"file": "pm.md", "kind": "remove", "text": "", "replaces": ["Use pnpm for installs."]},
    ]
    looks: list[Line] = [
        says("", call("write_summary", title="Notes", summary="Notes.", changes=["A"]),
             call("propose_memory", items=items)), says("That is all."),
    ]  # fmt: skip
    async with room.engine(Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=looks)) as scene:
        await scene.shipped()
        await scene.talk("a", "keep 2")
        state = await scene.talk("a", "yes")
        said = (await scene.posts(state.id))[-1]
        assert "Set aside" in "".join(await scene.posts(state.id))
        assert "pnpm" in scene.git("show", f"{state.head}:{PM}"), said
        state = await scene.talk("a", "forget 1")
        state = await scene.talk("a", "yes")
        assert "Removed from memory: 1 “Use pnpm for installs.”" in (await scene.posts(state.id))[-1]
        assert "pnpm" not in scene.git("show", f"{state.head}:{PM}")
        await scene.talk("a", "merge")
        journal = scene.git(
            "show", f"main:.codebutler/journals/thread-{state.id}.md", where=room.sample.remote
        )
        assert "keeps in memory: Alpha rules.\n" in journal
        assert "takes out of memory: Use pnpm for installs." in journal
