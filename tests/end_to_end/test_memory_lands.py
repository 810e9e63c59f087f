"""What was kept in a pull request of its own lands in chat: on "merge", or its button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.testing.cast import Cast, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

PM = "main:.codebutler/memory/pm.md"


def cast() -> Cast:
    return Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=lead("Notes"))


async def corrected(scene: Scene, what: str) -> None:
    await scene.talk("a", f"/correct pm {what}")
    await scene.talk("a", "yes")


async def test_merge_in_a_closed_thread_lands_what_was_kept_after_its_end(room: Room) -> None:
    async with room.engine(cast()) as scene:
        await scene.shipped()
        await scene.talk("a", "merge")
        await corrected(scene, "parcels above 30 kg are refused")
        await corrected(scene, "labels are A7")
        state = await scene.talk("a", "merge")
        said = (await scene.posts(state.id))[-1]
        assert [line.split(" as ")[0] for line in said.splitlines()[:2]] == ["Merged #2", "Merged #3"], said
        assert "what was kept is on `main`." in said
        text = scene.git("show", PM, where=room.sample.remote)
        assert (text.count("30 kg are refused"), text.count("labels are A7")) == (1, 1)
        assert "Co-authored-by: robin" in scene.git(
            "log", "-1", "--format=%B", "main", where=room.sample.remote
        )
        state = await scene.talk("a", "merge")
        assert (await scene.posts(state.id))[-1].startswith("#1 is merged as"), "it is done"
        assert (state.phase, state.pr_state) == ("closed", "merged")


async def test_the_button_lands_just_its_own_and_a_thread_without_work_has_the_word_too(room: Room) -> None:
    async with room.engine(Cast(pm=[says("The limit is 10 kg.")])) as scene:
        await scene.talk("a", "What is the limit?")
        await corrected(scene, "the limit is 20 kg")
        state = await scene.talk("a", "merge it")
        assert (await scene.posts(state.id))[-1].startswith("Merged #1 as"), await scene.posts(state.id)
        await corrected(scene, "labels are A7")
        await corrected(scene, "stock is counted on Monday")
        state = await scene.talk("a", "/merge 3")
        text = scene.git("show", PM, where=room.sample.remote)
        assert ("labels are A7" in text, "counted on Monday" in text) == (False, True)
        assert "Merged #3 as" in (await scene.posts(state.id))[-1]
        state = await scene.talk("a", "/merge 9")
        assert "no pull request #9: nothing was merged" in (await scene.posts(state.id))[-1]


async def test_who_may_not_merge_lands_no_memory(room: Room) -> None:
    room.configure(access={"ask": ["anyone"]})
    async with room.engine(Cast(pm=[says("The limit is 10 kg.")])) as scene:
        await scene.talk("a", "What is the limit?")
        await corrected(scene, "the limit is 20 kg")
        await scene.say("a", "merge", by="eve")
        state = await scene.talk("a", "status")
        assert "Only robin may merge in this thread." in "".join(await scene.posts(state.id))
        assert scene.git("branch", "--list", "codebutler/memory-*", where=room.sample.remote)


async def test_what_is_set_aside_after_the_end_names_the_word_that_takes_it_up(room: Room) -> None:
    async with room.engine(Cast(pm=[says("The limit is 10 kg.")])) as scene:
        await scene.talk("a", "What is the limit?")
        await scene.talk("a", "/correct pm the limit is 20 kg")
        state = await scene.talk("a", "no")
        assert 'Set aside; "/memory keep N" takes one up again:' in (await scene.posts(state.id))[-1]
        await scene.talk("a", "/memory keep 1")
        assert (await scene.talk("a", "yes")).memory_commits == 1
