"""What people have decided on is not put to them again, whatever the Lead makes of the talk before a merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.events import MemoryDecided
from codebutler.testing.cast import Cast, does, lead, plan, write
from codebutler.testing.doubles import says
from codebutler.thread.fold import fold
from codebutler.thread.fold_memory import decided
from codebutler.types import MemoryItem, Person

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

ROBIN = Person(surface="terminal", id="robin")
LESSON = "Notes live in the file A."
AGAIN = {"same": LESSON, "reworded": "The notes live in the file A."}


@pytest.mark.parametrize(
    ("word", "kept", "again"), [("no", 0, "same"), ("no", 0, "reworded"), ("yes", 1, "same")]
)
async def test_the_second_look_does_not_ask_again_for_what_was_decided(
    room: Room, word: str, kept: int, again: str
) -> None:
    items = [{"file": "pm.md", "text": AGAIN[again]}]
    mind = Cast(
        pm=[plan("Notes"), says("Glad to hear it.")],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=[*lead("Notes", LESSON), does("propose_memory", items=items), says("That is all.")],
    )
    async with room.engine(mind) as scene:
        await scene.shipped()
        await scene.talk("a", word)
        await scene.talk("a", "Nice work")
        state = await scene.talk("a", "merge")
        posts = await scene.posts(state.id)
        assert (state.phase, state.memory, state.memory_commits) == ("closed", None, kept), posts
        assert len([post for post in posts if "live in the file A. _(" in post]) == 1
        asked = str(mind.of("lead")[-2][1]["content"])
        assert (
            f"decided on this memory already. Propose none of it again, in no words:\n\n- {'kept' if kept else 'dropped'}: {LESSON}"
            in asked
        )
        assert ("decided against this" in str(mind.of("lead")[-1][-1]["content"])) is not bool(kept)


async def test_what_says_something_else_is_put_to_people(room: Room) -> None:
    items = [{"file": "pm.md", "text": "Deploys go out on Friday."}]
    mind = Cast(
        pm=[plan("Notes"), says("Glad to hear it.")],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=[*lead("Notes", LESSON), does("propose_memory", items=items), says("That is all.")],
    )
    async with room.engine(mind) as scene:
        await scene.shipped()
        await scene.talk("a", "no")
        await scene.talk("a", "We deploy on Fridays")
        state = await scene.talk("a", "merge")
        assert [item.text for item in state.memory or []] == ["Deploys go out on Friday."]


def test_what_was_taken_up_again_is_not_dropped() -> None:
    one, two = (MemoryItem(file="pm.md", text=text) for text in ("a", "b"))
    first = MemoryDecided(message=1, kept=[], by=ROBIN, dropped=[one, two])
    again = MemoryDecided(message=2, kept=[one], by=ROBIN)
    state = fold("t", [(n, float(n), event) for n, event in enumerate([first, again], 1)])
    assert decided(state) == ([one], [two])
