"""What was taken back can be taken up again, and what waits in a pull request of its own can be turned down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.testing.cast import Cast, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

PM = ".codebutler/memory/pm.md"


def cast(*items: str) -> Cast:
    return Cast(
        pm=[plan(), says("PM 1"), says("PM 2")],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=lead("Notes", *items),
    )


async def last(scene: Scene, words: str) -> str:
    state = await scene.talk("a", words)
    return (await scene.posts(state.id))[-1]


@pytest.mark.parametrize("how", ["keep 2", "/memory keep 2"])
async def test_what_was_taken_back_is_taken_up_again(room: Room, how: str) -> None:
    async with room.engine(cast("Alpha rules.", "Beta rules.")) as scene:
        await scene.shipped()
        await scene.talk("a", "yes")
        said = await last(scene, "drop them all")
        assert said.startswith("Taken back: "), said
        assert '"keep N" takes one up again until the merge:\n1. Alpha rules.\n2. Beta rules.' in said
        said = await last(scene, how)
        assert "✓ " in said, said
        state = await scene.talk("a", "yes")
        text = scene.git("show", f"{state.head}:{PM}")
        assert ("Alpha rules." in text, "Beta rules." in text) == (False, True)


async def test_an_item_that_was_taken_back_by_name_is_set_aside_too(room: Room) -> None:
    async with room.engine(cast("Alpha rules.", "Beta rules.")) as scene:
        await scene.shipped()
        await scene.talk("a", "keep 1")
        await scene.talk("a", "yes")
        said = await last(scene, "memory revert Alpha rules.")
        assert said.endswith("1. Beta rules.\n2. Alpha rules."), said
        assert "not committed" not in await last(scene, "keep 2")
        state = await scene.talk("a", "yes")
        assert "Alpha rules." in scene.git("show", f"{state.head}:{PM}")


async def test_a_last_no_tells_what_is_committed_before_it(room: Room) -> None:
    async with room.engine(cast("Alpha rules.", "Beta rules.")) as scene:
        await scene.shipped()
        for word in ("keep 1", "yes", "keep 1"):
            await scene.talk("a", word)
        said = await last(scene, "no")
        assert said.startswith("Nothing more was kept; committed before: “Alpha rules.”."), said
        await scene.talk("a", "drop them all")
        await scene.talk("a", "keep 1")
        assert (await last(scene, "no")).startswith("Nothing was kept.")


@pytest.mark.parametrize("word", ["no, drop them all", "drop that", "remove 1", "/memory remove 1"])
async def test_what_waits_in_a_closed_thread_is_turned_down_by_words(room: Room, word: str) -> None:
    async with room.engine(cast()) as scene:
        await scene.shipped()
        await scene.talk("a", "merge")
        await scene.talk("a", "/correct pm parcels above 30 kg are refused")
        await scene.talk("a", "yes")
        said = await last(scene, "no")
        assert said.startswith("What was kept waits in [#2]("), said
        assert '"drop them all"' in said
        said = await last(scene, word)
        assert said.startswith("Closed [#2]("), said
        assert '"/memory keep N" takes one up again:\n1. parcels above 30 kg are refused' in said
        await scene.talk("a", "merge")
        log = scene.git("log", "--format=%B", "main", where=room.sample.remote)
        assert "30 kg" not in log
        await scene.talk("a", "/memory keep 1")
        assert "#3" in await last(scene, "yes")
        assert "Merged #3" in await last(scene, "merge")
        assert "30 kg are refused" in scene.git("show", f"main:{PM}", where=room.sample.remote)


async def test_a_number_of_several_names_the_pull_request_and_closes_nothing(room: Room) -> None:
    async with room.engine(cast()) as scene:
        await scene.shipped()
        await scene.talk("a", "merge")
        await scene.talk("a", "/correct pm parcels above 30 kg are refused")
        await scene.talk("a", "/correct pm labels are A7")
        await scene.talk("a", "yes")
        said = await last(scene, "remove 1")
        assert said.startswith("What was kept waits in [#2]("), said
        assert "Merged #2" in await last(scene, "merge")
        assert (await last(scene, "no")).startswith("What was kept is committed: ")


async def test_who_may_not_decide_on_memory_closes_nothing(room: Room) -> None:
    room.configure(access={"ask": ["anyone"]})
    async with room.engine(cast()) as scene:
        await scene.shipped()
        await scene.talk("a", "merge")
        await scene.talk("a", "/correct pm parcels above 30 kg are refused")
        await scene.talk("a", "yes")
        await scene.say("a", "drop them all", by="eve")
        state = await scene.talk("a", "status")
        assert "may decide on memory in this thread" in "".join(await scene.posts(state.id))
        assert "Merged #2" in await last(scene, "merge")
