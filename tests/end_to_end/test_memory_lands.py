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


async def test_merge_commits_a_list_that_waits_after_the_end_and_names_its_pull_request(room: Room) -> None:
    async with room.engine(cast()) as scene:
        await scene.shipped()
        await scene.talk("a", "merge")
        await scene.talk("a", "that was wrong, we use pnpm")
        state = await scene.talk("a", "keep 1")
        assert '**"merge"** too' in (await scene.posts(state.id))[-1]
        state = await scene.talk("a", "merge")
        assert (state.memory, state.memory_commits) == (None, 1), await scene.posts(state.id)
        said = (await scene.posts(state.id))[-1]
        assert said.startswith("Kept 1 item: 1 “we use pnpm”"), said
        assert "with [#2](" in said
        assert 'which waits to be merged: say **"merge"**' in said
        state = await scene.talk("a", "merge")
        assert (await scene.posts(state.id))[-1].startswith("Merged #2 as"), await scene.posts(state.id)
        assert "we use pnpm" in scene.git("show", PM, where=room.sample.remote)


async def test_merge_after_the_end_goes_by_the_marks_and_names_a_list_without_any(room: Room) -> None:
    async with room.engine(Cast(pm=[says("The limit is 10 kg.")])) as scene:
        await scene.talk("a", "What is the limit?")
        await corrected(scene, "the limit is 20 kg")
        await scene.talk("a", "/correct pm labels are A7")
        await scene.talk("a", "/correct pm stock is counted on Monday")
        state = await scene.talk("a", "merge it")
        said = (await scene.posts(state.id))[-1]
        assert said.startswith("Merged #1 as"), said
        assert "Nothing of the list that waits is marked, so that nothing was committed." in said
        assert "labels are A7" in said
        state = await scene.talk("a", "/merge 1")
        assert (state.memory_commits, len(state.memory or [])) == (1, 2), "it names a pull request, no list"
        await scene.talk("a", "drop 1")
        state = await scene.talk("a", "merge")
        said = "\n".join((await scene.posts(state.id))[-2:])
        assert "Kept 1 item: 2 “stock is counted on Monday”" in said, said
        assert "takes one up again:\n1. labels are A7" in said
        assert [item.text for item in state.set_aside] == ["labels are A7"]
        await scene.talk("a", "/correct pm parcels are grey")
        state = await scene.talk("a", "drop 1")
        state = await scene.talk("a", "merge")
        said = (await scene.posts(state.id))[-1]
        assert said.startswith("Merged #2 as"), said
        assert "Nothing more was kept" in said
        assert (state.memory, state.memory_commits) == (None, 2)


async def test_merge_in_a_thread_of_words_alone_names_the_list_that_waits(room: Room) -> None:
    async with room.engine(Cast(pm=[says("The limit is 10 kg.")])) as scene:
        await scene.talk("a", "What is the limit?")
        await scene.talk("a", "/correct pm the limit is 20 kg")
        state = await scene.talk("a", "merge")
        said = (await scene.posts(state.id))[-1]
        assert said.startswith("There is no open pull request to merge.\n\nNothing of the list"), said
        assert (len(state.memory or []), state.memory_commits) == (1, 0)
        assert "the limit is 20 kg" in said


async def test_who_may_not_decide_on_memory_commits_no_list_by_a_merge(room: Room) -> None:
    room.configure(access={"ask": ["anyone"], "merge": ["anyone"]})
    async with room.engine(Cast(pm=[says("The limit is 10 kg.")])) as scene:
        await scene.talk("a", "What is the limit?")
        await scene.talk("a", "/correct pm the limit is 20 kg")
        await scene.talk("a", "keep 1")
        await scene.say("a", "merge", by="eve")
        state = await scene.talk("a", "status")
        assert "Only robin may decide on memory in this thread." in "".join(await scene.posts(state.id))
        assert state.memory is not None
        assert state.memory_commits == 0
