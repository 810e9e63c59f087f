"""A number means the item that stood by it in the list that was shown last; where it means another now, that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.testing.cast import Cast, Held, does, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

LATE = {"file": "pm.md", "text": "Deploys go out on Friday."}


def cast(looks: Held) -> Cast:
    return Cast(
        pm=[plan("Notes"), *(says(f"PM {n}") for n in range(1, 6))],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=[*lead("Notes", "Alpha rules.", "Beta rules."), looks, says("One lesson more.")],
    )


async def test_what_is_set_aside_says_which_number_it_had(room: Room) -> None:
    async with room.engine(
        Cast(
            pm=[plan()],
            coder=[write("A", "a\n"), says("Wrote.")],
            lead=lead("Notes", "Alpha rules.", "Beta rules.", "Gamma rules."),
        )
    ) as scene:
        await scene.shipped()
        await scene.talk("a", "drop 2")
        state = await scene.talk("a", "yes")
        assert "1. Beta rules. _(was 2)_" in "".join(await scene.posts(state.id))
        state = await scene.talk("a", "keep 2")
        said = (await scene.posts(state.id))[-1]
        assert said.startswith("Name items by their numbers, 1 to 1."), said
        assert said.endswith("1. Beta rules.")
        await scene.talk("a", "keep 1")
        state = await scene.talk("a", "yes")
        assert "Kept 1 item: 1 “Beta rules.”" in (await scene.posts(state.id))[-1]


async def test_a_list_that_comes_after_a_merge_that_was_put_off_says_that_its_numbers_are_new(
    room: Room,
) -> None:
    looks = Held(does("propose_memory", items=[LATE]))
    async with room.engine(cast(looks)) as scene:
        await scene.shipped()
        await scene.talk("a", "keep 2")
        await scene.talk("a", "Nice work")
        thread = await scene.say("a", "merge")
        await scene.until(looks.reached)
        await scene.say("a", "What does it do?")
        looks.let_go.set()
        state = await scene.rest(thread)
        [shown] = [p for p in await scene.posts(thread) if "1. Deploys go out on Friday." in p]
        assert shown.startswith("This is a new list: its numbers count, and no earlier ones.")
        assert [item.text for item in state.memory or []] == ["Deploys go out on Friday."]


async def test_a_list_of_which_part_was_dropped_by_the_merge_says_what_the_numbers_were(room: Room) -> None:
    looks = Held(does("propose_memory", items=[LATE]))
    async with room.engine(cast(looks)) as scene:
        await scene.shipped()
        await scene.talk("a", "Nice work")
        thread = await scene.say("a", "merge")
        await scene.until(looks.reached)
        await scene.say("a", "What does it do?")
        looks.let_go.set()
        await scene.rest(thread)
        [shown] = [p for p in await scene.posts(thread) if "3. Deploys go out on Friday." in p]
        assert shown.startswith("**What should the team remember?**")
        await scene.talk("a", "merge")
        [shown] = [p for p in await scene.posts(thread) if "1. Deploys go out on Friday." in p]
        assert shown.startswith("The numbers are new: 1 was 3.")
