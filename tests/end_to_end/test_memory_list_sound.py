"""A list with a malformed item, and whose names stand on what lands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.testing.cast import Cast, Line, call, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


async def test_a_malformed_item_does_not_take_the_sound_ones_with_it(room: Room) -> None:
    items = [{"file": "pm.md", "text": "Alpha rules."}, {"file": "pm.md", "txt": "Beta"}, {"file": "pm.md"}]
    looks: list[Line] = [
        says("", call("write_summary", title="Notes", summary="Notes.", changes=["A"]),
             call("propose_memory", items=items)), says("I give up."),
    ]  # fmt: skip
    async with room.engine(Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=looks)) as scene:
        state = await scene.shipped()
        assert [item.text for item in state.memory or []] == ["Alpha rules."]
        told = [e.text for e in await scene.events(state.id) if e.kind == "tool_finished"]
        [said] = [text for text in told if "a person decides" in text]
        assert "refused, send it again as it should be: items.1.text: Field required; txt: Extra" in said
        assert "items.2.text: Field required" in said


async def test_who_decided_on_memory_is_a_co_author_of_what_lands(room: Room) -> None:
    room.configure(access={"memory": ["terminal:lea"], "ask": ["owner", "lea"]})
    cast = Cast(
        pm=[plan()],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=lead("Notes", "Alpha rules.", "Beta rules."),
    )
    async with room.engine(cast) as scene:
        state = await scene.shipped()
        await scene.say("a", "yes", by="lea")
        await scene.rest(state.id)
        await scene.talk("a", "merge")
        landed = scene.git("log", "-1", "--format=%B", "main", where=room.sample.remote)
        assert "Co-authored-by: robin" in landed
        assert "Co-authored-by: lea" in landed


async def test_who_only_dropped_items_is_none(room: Room) -> None:
    room.configure(access={"memory": ["terminal:lea"], "ask": ["owner", "lea"]})
    cast = Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=lead("Notes", "Alpha rules."))
    async with room.engine(cast) as scene:
        state = await scene.shipped()
        await scene.say("a", "no", by="lea")
        await scene.rest(state.id)
        await scene.talk("a", "merge")
        assert "Co-authored-by: lea" not in scene.git(
            "log", "-1", "--format=%B", "main", where=room.sample.remote
        )
