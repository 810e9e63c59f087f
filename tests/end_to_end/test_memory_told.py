"""What becomes of each item of the list is said by its number and words; nobody has to guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.testing.cast import Cast, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


def cast(*lessons: str) -> Cast:
    return Cast(
        pm=[plan(), *(says(f"PM {n}") for n in range(1, 6))],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=lead("Notes", *lessons),
    )


async def test_a_merge_names_what_it_drops_of_a_list_that_is_half_decided(room: Room) -> None:
    async with room.engine(cast("Alpha rules.", "Beta rules.", "Gamma rules.")) as scene:
        await scene.shipped()
        await scene.talk("a", "edit 2: Beta rules here.")
        state = await scene.talk("a", "merge")
        assert (state.phase, state.memory_commits) == ("closed", 1)
        [line] = [p for p in await scene.posts(state.id) if "Kept 1 item" in p]
        assert "Kept 1 item: 2 “Beta rules here.”; memory lands with the pull request." in line
        assert line.endswith("Left out, as nobody decided on it: 1 “Alpha rules.”, 3 “Gamma rules.”.")


async def test_what_is_kept_after_a_drop_is_named_and_all_are_all(room: Room) -> None:
    async with room.engine(cast("Alpha rules.", "Beta rules.")) as scene:
        await scene.shipped()
        await scene.talk("a", "drop 2")
        state = await scene.talk("a", "keep all")
        said = (await scene.posts(state.id))[-1]
        assert said.startswith("Kept 2 items: 1 “Alpha rules.”, 2 “Beta rules.”; memory lands"), said


async def test_a_merge_names_what_nobody_spoke_of(room: Room) -> None:
    async with room.engine(cast("Alpha rules.", "Beta rules.")) as scene:
        await scene.shipped()
        state = await scene.talk("a", "merge")
        assert any(
            "2 memory proposals were dropped, undecided: 1 “Alpha rules.”, 2 “Beta rules.”." in p
            for p in await scene.posts(state.id)
        )


async def test_words_that_are_no_order_reach_the_pm_with_the_list_once(room: Room) -> None:
    async with room.engine(cast("Alpha rules.", "Beta rules.")) as scene:
        await scene.shipped()
        for words in (
            "hmm, not sure about 2 yet",
            "merge 1 and 2 into one item",
            "drop 1",
            "What would you say?",
        ):
            state = await scene.talk("a", words)
        asked = [a for a in scene.asked if a.role == "pm"][-3:]
        heard = [str(m["content"]) for m in asked[-1].messages if m["role"] == "user"]
        assert len([text for text in heard if "2. Beta rules." in text and "1. Alpha rules." in text]) == 1
        assert "hmm, not sure about 2 yet\n\n(from CodeButler, not from a person)" in heard[-3]
        assert heard[-2] == "robin: merge 1 and 2 into one item"
        assert "1. ✗ Alpha rules." in heard[-1], "it is another list once something is marked"
        assert (state.marks, state.kept) == (["drop", "keep"], [])


async def test_the_lead_that_looks_again_reads_the_words_without_its_own_list(room: Room) -> None:
    mind = cast("Alpha rules.")
    mind.lines["lead"].append(says("Nothing more."))
    async with room.engine(mind) as scene:
        await scene.shipped()
        await scene.talk("a", "hmm, not sure about it")
        await scene.talk("a", "merge")
        [again] = [str(a.messages[-1]["content"]) for a in scene.asked if a.role == "lead"][-1:]
        assert "robin: hmm, not sure about it\nPM: PM 1" in again
