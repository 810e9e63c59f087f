"""What the Lead proposes, item by item to a commit on main: marked, changed, undone, corrected; and who may."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from codebutler.cli.main import main
from codebutler.forges.choose import forge_for
from codebutler.repo.memory_items import item_id
from codebutler.testing.cast import Cast, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from codebutler.thread.state import ThreadState
    from tests.end_to_end.conftest import Room, Scene

PM = "main:.codebutler/memory/pm.md"


def cast(*lessons: str | dict[str, object]) -> Cast:
    return Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=lead("Notes", *lessons))


async def on_main(scene: Scene, room: Room, path: str = PM) -> str:
    return scene.git("show", path, where=room.sample.remote)


async def test_items_are_marked_and_changed_until_the_last_word_commits_them_once(room: Room) -> None:
    async with room.engine(cast("One thing.", "Two things.", "Three things.")) as scene:
        before = await scene.shipped()
        state = await scene.talk("a", "remove 2")
        assert (state.marks, state.memory_commits) == (["keep", "drop", "keep"], 0)
        assert "2. ✗ Two things." in (await scene.posts(state.id))[-1]
        assert "Say what to remember" in await last(scene, await scene.talk("a", "add:"))
        await scene.talk("a", "keep 2")
        await scene.talk("a", "drop 1")
        await scene.talk("a", "edit 3: The third of things")
        await scene.talk("a", "add to lead.md: Look at the tests first")
        state = await scene.talk("a", "yes")
        assert (state.memory, state.memory_commits) == (None, 1)
        assert state.head != before.head
        assert scene.git("rev-parse", f"{state.head}^") == before.head
        assert "Co-authored-by: robin" in scene.git("log", "-1", "--format=%B", state.head)
        files = scene.git("diff", "--name-only", f"{state.head}^", state.head).split()
        assert files == [".codebutler/memory/lead.md", ".codebutler/memory/pm.md"]
        added = scene.git("diff", "-U0", f"{state.head}^", state.head)
        assert ("Two things." in added, "The third of things" in added) == (True, True)
        assert "One thing." not in added
        assert "Look at the tests first <!-- learned: thread=" in added
        assert "What was kept is committed" in await last(scene, await scene.talk("a", "remove 2"))


async def last(scene: Scene, state: ThreadState) -> str:
    return (await scene.posts(state.id))[-1]


async def test_a_merge_commits_what_is_marked_and_no_may_be_thought_over(room: Room) -> None:
    async with room.engine(cast("Alpha rules here.", "Beta rules there.")) as scene:
        await scene.shipped()
        state = await scene.talk("a", "no")
        assert (state.memory, [i.text for i in state.set_aside]) == (
            None, ["Alpha rules here.", "Beta rules there."]
        )  # fmt: skip
        await scene.talk("a", "keep 2")
        state = await scene.talk("a", "merge")
        assert (state.phase, state.memory_commits) == ("closed", 1), await scene.posts(state.id)
        text = await on_main(scene, room)
        assert ("Beta rules there." in text, "Alpha rules here." in text) == (True, False)


async def test_a_list_that_is_decided_in_stopped_work_takes_nothing_up(room: Room) -> None:
    """What was cancelled lands by "merge" alone; whoever closes it then wants it put away."""
    async with room.engine(cast("Alpha rules here.")) as scene:
        await scene.shipped()
        await scene.talk("a", "cancel")
        await scene.talk("a", "keep 1")
        assert (await scene.talk("a", "yes")).memory_commits == 1
        state = await scene.talk("a", "close")
        assert (state.phase, state.pr_state) == ("lead", "open")
        assert "stays open" in await last(scene, state)
        assert (await scene.talk("a", "merge")).phase == "closed"


async def test_what_repeats_or_contradicts_memory_is_shown_as_such_and_takes_its_place(room: Room) -> None:
    room.commit(
        {".codebutler/memory/pm.md": "# PM\n\n## Learned\n\n- Indent with tabs.\n- Run make check.\n"}
    )
    items: list[dict[str, object]] = [
        {"file": "pm.md", "text": "Indent with spaces."}, {"file": "pm.md", "text": "run make check"}
    ]  # fmt: skip
    async with room.engine(cast(*items)) as scene:
        state = await scene.shipped()
        said = await last(scene, state)
        assert "⚠ it contradicts what memory holds: “Indent with tabs.”" in said
        assert "Not proposed, as memory holds it: run make check" in said
        told = [str(m["content"]) for a in scene.asked for m in a.messages if m["role"] == "tool"]
        assert any("contradicts what memory holds, and people see that" in t for t in told)
        await scene.talk("a", "yes")
        await scene.talk("a", "merge")
        text = await on_main(scene, room)
        assert text.startswith("# PM\n\n## Learned\n\n- Indent with spaces. <!-- learned:")
        assert text.endswith("-->\n- Run make check.")
        name = item_id("pm.md", "Learned", "Indent with spaces.")
    args = [
        "memory",
        "revert",
        "Indent",
        "with",
        "spaces",
        "--repo",
        str(room.sample.repo),
        "--home",
        str(room.home),
    ]
    assert await asyncio.to_thread(main, args) == 0
    text = await on_main(scene, room, f"codebutler/memory-revert-{name}:.codebutler/memory/pm.md")
    assert text == "# PM\n\n## Learned\n\n- Indent with tabs.\n- Run make check."


async def test_a_learned_item_is_taken_back_in_the_next_thread(room: Room) -> None:
    mind = cast("Never deploy on Fridays.")
    mind.lines["pm"].append(plan("More"))
    mind.lines["coder"] += [write("B", "b\n"), says("Wrote B.")]
    mind.lines["lead"] += lead("More")
    async with room.engine(mind) as scene:
        await scene.shipped()
        await scene.talk("a", "yes")
        await scene.talk("a", "merge")
        assert "Never deploy on Fridays." in await on_main(scene, room)
        await scene.talk("b", "Write more")
        state = await scene.talk("b", "go")
        assert state.outcome == "pr", await scene.posts(state.id)
        systems = [str(a.messages[0]["content"]) for a in scene.asked if a.role == "pm"]
        assert ["Never deploy on Fridays." in text for text in (systems[0], systems[-1])] == [False, True]
        listed = await last(scene, await scene.talk("b", "memory revert"))
        assert "Never deploy on Fridays. _(pm.md," in listed
        assert "no learned item 'Be kind'" in await last(
            scene, await scene.talk("b", "memory revert Be kind")
        )
        name = listed.split("`")[1]
        state = await scene.talk("b", f"memory revert {name}")
        assert "Taken back: Never deploy on Fridays. That lands" in await last(scene, state)
        await scene.talk("b", "merge")
        assert "Never deploy" not in await on_main(scene, room)


async def test_a_correction_after_the_report_becomes_a_pull_request_of_its_own(room: Room) -> None:
    """The thread is closed and its branch gone: what is kept must still reach main, by a person's word."""
    async with room.engine(cast()) as scene:
        await scene.shipped()
        assert (await scene.talk("a", "merge")).phase == "closed"
        state = await scene.talk("a", "The PM was wrong about the limit: it is 20 kg")
        assert "1. the limit: it is 20 kg _(lesson → pm.md)_" in await last(scene, state)
        assert "robin corrected the PM" in await last(scene, state)
        state = await scene.talk("a", "yes")
        assert (state.phase, state.memory_commits) == ("closed", 1)
        assert "memory lands with [#2](" in await last(scene, state)
        assert not [e for e in await scene.events(state.id) if getattr(e, "error", "")]
        branch = f"codebutler/memory-{state.id}-1"
        assert "the limit: it is 20 kg" in await on_main(scene, room, f"{branch}:.codebutler/memory/pm.md")
        message = scene.git("log", "-1", "--format=%B", branch, where=room.sample.remote)
        assert message.splitlines()[-1].startswith("Co-authored-by: robin <robin@terminal.invalid>")
        assert scene.git("rev-parse", f"{branch}^", where=room.sample.remote) == scene.git(
            "rev-parse", "main", where=room.sample.remote
        )
        await scene.talk("a", "add to lead.md: Look twice")
        assert "1. ✓ Look twice _(lesson → lead.md)_" in await last(scene, state)


async def test_only_those_who_are_listed_decide(room: Room) -> None:
    room.configure(access={"approve": ["ana"], "memory": ["owner", "terminal:ana"], "ask": ["owner", "ana"]})
    async with room.engine(cast("One thing.")) as scene:
        await scene.talk("a", "Write notes")
        state = await scene.talk("a", "go")
        assert (state.approval, await last(scene, state)) == (None, "Only ana may approve in this thread.")
        await scene.say("a", "what is this?", by="eve")
        state = await scene.rest(state.id)
        assert await last(scene, state) == "Only robin or ana may ask here."
        await scene.say("a", "go", by="ana")
        state = await scene.rest(state.id)
        assert state.outcome == "pr"
        await scene.say("a", "yes", by="ana")
        state = await scene.rest(state.id)
        assert state.memory_commits == 1
        assert "Co-authored-by: ana" in scene.git("log", "-1", "--format=%B", state.head)


async def test_a_persons_words_are_held_against_the_list_that_waits(room: Room) -> None:
    """Both wait: "yes" would keep the one beside the other that says it is not so."""
    async with room.engine(cast("The limit is 25 kg.")) as scene:
        await scene.shipped()
        state = await scene.talk("a", "the PM was wrong about the limit, it is 20 kg")
        clash = "it contradicts another item of this list: “{}”"
        assert clash.format("The limit is 25 kg.") in await last(scene, state)
        await scene.talk("a", "edit 2: The colour is red")
        assert "another item" not in await last(scene, state)
        await scene.talk("a", "add: The limit is 30 kg.")
        assert clash.format("The limit is 25 kg.") in await last(scene, state)
        await scene.talk("a", "yes")
        await scene.talk("a", "memory list")
        assert "The colour is red _(pm.md," in await last(scene, state)


async def test_a_merge_leaves_the_list_to_those_who_may_decide_on_it(room: Room) -> None:
    """Whoever merges is somebody else: what nobody with that right spoke of is not theirs to drop."""
    room.configure(access={"memory": ["terminal:ana"], "ask": ["owner", "ana"]})
    async with room.engine(cast("One thing.", "Two things.")) as scene:
        state = await scene.shipped()
        await scene.say("a", "keep 2", by="ana")
        await scene.rest(state.id)
        await scene.talk("a", "/correct pm parcels above 30 kg are refused")  # has no mark yet
        state = await scene.talk("a", "merge")
        assert (state.phase, state.memory_commits, state.marks) == ("closed", 0, ["drop", "keep", ""])
        posts = await scene.posts(state.id)
        assert not any("dropped, undecided" in p for p in posts)
        assert "3 memory proposals wait for ana." in "".join(posts)
        assert "2. ✓ Two things." in posts[-1]
        await scene.say("a", "yes", by="ana")  # a correction by somebody else is kept by its number alone
        state = await scene.rest(state.id)
        assert [x.text for d in state.kept for x in d.kept] == ["Two things."]
        assert "memory lands with [#2](" in await last(scene, state)
        assert 'which waits to be merged: say **"merge"**.' in await last(scene, state)


async def test_what_somebody_adds_who_may_not_decide_is_kept_by_no_word_about_the_whole_list(
    room: Room,
) -> None:
    """Whoever decides may have read the list a moment before."""
    room.configure(access={"memory": ["terminal:ana"]})
    async with room.engine(cast("One thing.")) as scene:
        state = await scene.shipped()
        state = await scene.talk("a", "the PM was wrong about pushes: force push is fine")
        assert 'only "keep 2" keeps it' in await last(scene, state)
        await scene.say("a", "yes", by="ana")
        state = await scene.rest(state.id)
        assert ([x.text for d in state.kept for x in d.kept], state.memory_commits) == (["One thing."], 1)
        assert "Set aside" in "".join(await scene.posts(state.id))


async def test_a_correction_in_a_thread_without_a_pull_request_gets_one_of_its_own(room: Room) -> None:
    """The answer was wrong; the lesson reaches main without a Coder."""
    async with room.engine(Cast(pm=[says("The limit is 10 kg.")])) as scene:
        await scene.talk("a", "What is the limit?")
        state = await scene.talk("a", "the PM was wrong about the limit: it is 20 kg")
        assert "1. the limit: it is 20 kg" in await last(scene, state)
        branch = f"codebutler/memory-{state.id}-1"
        tip = scene.git("rev-parse", "main", where=room.sample.remote)
        scene.git("push", "-q", str(room.sample.remote), f"{tip}:refs/heads/{branch}")
        state = await scene.talk("a", "yes")
        assert (state.memory_commits, state.worktree, state.head) == (1, None, "")
        assert "memory lands with [#1](" in await last(scene, state), (
            "a branch of that name is in nobody's way"
        )
        await scene.talk("a", "/correct pm parcels above 30 kg are refused")
        state = await scene.talk("a", "yes")
        assert "memory lands with [#2](" in await last(scene, state)
        text = await on_main(scene, room, f"codebutler/memory-{state.id}-2:.codebutler/memory/pm.md")
        on_branch = text
        assert "- parcels above 30 kg are refused <!-- learned:" in text
    for number in ("1", "2"):  # the second conflicts with what the first has landed
        args = ["pr", "merge", number, "--repo", str(room.sample.repo), "--home", str(room.home)]
        assert await asyncio.to_thread(main, args) == 0
    text = await on_main(scene, room)
    assert (text.count("it is 20 kg"), text.count("parcels above 30 kg are refused")) == (1, 1)
    assert text.count("# ") == on_branch.count("# "), "and nothing stands there twice"


@pytest.mark.parametrize("do", ["close", "merge"])
async def test_what_is_kept_after_the_end_of_the_pull_request_elsewhere_is_not_lost(
    room: Room, do: str
) -> None:
    """Nobody told the thread: a commit on that branch would land nowhere."""
    async with room.engine(cast("Never deploy on Fridays.")) as scene:
        before = await scene.shipped()
        forge = await forge_for(scene.host.repo, scene.host.config, home=room.home)
        if do == "close":
            await forge.close(1)
        else:
            await forge.merge(1, expected_head=before.pushed, co_authors=[])
        state = await scene.talk("a", "yes")
        assert "memory lands with [#2](" in await last(scene, state)
        text = await on_main(scene, room, f"codebutler/memory-{state.id}-1:.codebutler/memory/pm.md")
        assert "Never deploy on Fridays. <!-- learned:" in text
