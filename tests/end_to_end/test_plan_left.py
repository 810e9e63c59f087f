"""A plan that nobody has approved when the pull request before it is merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.events import Posted
from codebutler.surfaces.buttons import ending
from codebutler.testing.cast import Cast, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


async def test_it_is_dropped_with_the_merge_in_one_line_and_its_buttons_go(room: Room) -> None:
    mind = Cast(
        pm=[plan("Notes"), plan("More notes")],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=[*lead("Notes"), says("Nothing more.")],
    )
    async with room.engine(mind) as scene:
        await scene.shipped()
        waits = await scene.talk("a", "And more notes")
        assert waits.plan_waits
        shown = [
            e.post for e in await scene.events(waits.id) if isinstance(e, Posted) and e.post.kind == "plan"
        ]
        assert ending(waits, shown[-1], "t:plan") is None
        state = await scene.talk("a", "merge")
        posts = await scene.posts(state.id)
        assert (state.phase, state.plan) == ("closed", None), posts
        said = [post for post in posts if "nobody has approved" in post]
        assert len(said) == 1
        assert said[0].startswith(
            "The plan “More notes”, which nobody has approved, is dropped with the merge of #1."
        )
        end = ending(state, shown[-1], "t:plan")
        assert end is not None
        assert end.words == "No longer open: This plan is no longer waiting for a decision."
        assert not any("nobody has approved" in post for post in posts[: posts.index(said[0])])


async def test_a_merge_that_is_refused_drops_no_plan(room: Room) -> None:
    mind = Cast(
        pm=[plan("Notes"), plan("More notes")],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=[*lead("Notes"), says("Nothing more.")],
    )
    async with room.engine(mind) as scene:
        await scene.shipped()
        await scene.talk("a", "And more notes")
        room.commit({"A": "another\n"})
        state = await scene.talk("a", "merge")
        posts = await scene.posts(state.id)
        assert (state.pr_state, state.plan_waits) == ("open", True), posts
        assert not any("nobody has approved" in post for post in posts)
