"""Back to a point: what waited there waits again, and what cannot be undone is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from codebutler.cli.headless import Consent, _wish
from codebutler.testing.cast import Cast, bash, call, lead, plan, write
from codebutler.testing.doubles import says
from codebutler.thread.points import points

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


THREE = [
    write("A", "a\n"),
    bash("mkdir d; mv README.md d/moved; rm CHANGES.md; echo b > B"),
    write("C", "c\n"),
]


async def test_back_over_the_approval_the_plan_waits_again(room: Room) -> None:
    """Before there was a worktree: its files are the base's again, and the same plan needs a new word."""
    cast = Cast(
        pm=[bash("ls"), plan(), plan("Other notes")],
        coder=[*THREE, says("Wrote."), write("E", "e\n"), says("Wrote E.")],
        lead=lead() + lead(),
    )
    async with room.engine(cast) as scene:
        before = await scene.shipped()
        assert before.worktree is not None
        state = await scene.talk("a", f"rewind {scene.point(before, 'plan: Notes').number}")
        assert (state.phase, state.halted, state.outcome, state.plan_waits) == ("pm", "", "plan", True)
        assert (state.approval, state.carried_out) == (None, "")
        assert set(state.frames) == {"pm"}
        assert scene.tree(state.head) == scene.tree(before.worktree.base)
        assert not {"A", "B", "C", "d/moved"} & set(scene.files(state))
        assert "README.md" in scene.files(state)
        said = (await scene.posts(state.id))[-1]
        assert 'The plan "Notes" waits again' in said
        assert await scene.talk("a", "no, other ones") is not None
        assert cast.of("pm")[2][: len(cast.of("pm")[1])] == cast.of("pm")[1]
        state = await scene.talk("a", "go")
        assert state.outcome == "pr", await scene.posts(state.id)
        assert state.pr == before.pr
        assert "Write notes" in json.dumps(state.frames["coder-1"].messages[0])
        assert {"E", "README.md", "CHANGES.md"} <= set(scene.files(state))
        assert not {"A", "B", "C"} & set(scene.files(state))


async def test_the_same_plan_is_approved_again_by_its_button_and_headless(room: Room) -> None:
    cast = Cast(
        pm=[plan()],
        coder=[write("A", "a\n"), says("Wrote."), write("E", "e\n"), says("Wrote E.")],
        lead=lead() + lead(),
    )
    async with room.engine(cast) as scene:
        before = await scene.shipped()
        state = await scene.talk("a", "rewind 1")
        assert state.plan is not None
        wish = _wish(state, Consent(plan=True))
        assert wish is not None
        assert wish[2] not in {row.key.partition(":")[2] for row in await scene.host.store.events(state.id)}
        await scene.say("a", action="approve", value=state.plan.hash)
        state = await scene.rest(before.id)
        assert state.outcome == "pr"
        assert "E" in scene.files(state)
        assert "A" not in scene.files(state)


async def test_back_to_an_open_question_it_is_answered_anew(room: Room) -> None:
    """The Coder asked the PM, and the PM asks the person: both wait again, in their places."""
    cast = Cast(
        pm=[
            plan(), says("", call("ask_user", question="Tabs or spaces?", options=["tabs", "spaces"])),
            says("Take tabs."), says("Take spaces."),
        ],
        coder=[
            write("A", "a\n"), says("", call("ask_pm", question="How to indent?")),
            write("B", "tabs\n"), says("Done with tabs."), write("B", "spaces\n"), says("Done with spaces."),
        ],
        lead=lead() + lead(),
    )  # fmt: skip
    async with room.engine(cast) as scene:
        await scene.talk("a", "Write notes")
        asked = await scene.talk("a", "go")
        assert asked.outcome == "question", await scene.posts(asked.id)
        state = await scene.talk("a", "tabs")
        assert scene.files(state)["B"] == "tabs\n"
        state = await scene.talk("a", f"rewind {scene.point(state, 'question: Tabs').number}")
        assert state.question == asked.question
        assert (state.outcome, state.halted, state.phase) == ("question", "", "coder")
        said = (await scene.posts(state.id))[-1]
        assert "The question is open again:\n\nTabs or spaces?\n- tabs\n- spaces" in said
        assert "B" not in scene.files(state)
        state = await scene.talk("a", "spaces")
        assert state.outcome == "pr", await scene.posts(state.id)
        assert scene.files(state)["B"] == "spaces\n"
        assert cast.of("pm")[3][-1]["content"].endswith("spaces")
        assert cast.of("pm")[3][:-1] == cast.of("pm")[2][:-1]
        assert cast.of("coder")[4][-1]["content"] == "Take spaces."
        assert cast.of("coder")[4][:-1] == cast.of("coder")[2][:-1]
        assert [x.answer for x in state.exchanges] == ["Take spaces."]


async def test_memory_that_was_kept_is_undone_and_decided_anew(room: Room) -> None:
    cast = Cast(
        pm=[plan()],
        coder=[write("A", "a\n"), says("Wrote."), says("Again.")],
        lead=lead("Notes", "Notes live in A") * 2,
    )
    async with room.engine(cast) as scene:
        before = await scene.shipped()
        waits = points(before)[-1]
        kept = await scene.talk("a", "yes")
        assert kept.memory_commits == 1
        state = await scene.talk("a", f"rewind {waits.number}")
        assert [i.text for i in state.memory or []] == ["Notes live in A"]
        assert (state.kept, state.memory_commits, state.outcome) == ([], 0, "pr")
        assert scene.tree(state.head) == scene.tree(waits.commit)
        said = (await scene.posts(state.id))[-1]
        assert "What to remember waits again." in said
        assert "1. Notes live in A" in said
        state = await scene.talk("a", "no")
        assert (await scene.talk("a", "merge")).phase == "closed", await scene.posts(state.id)
        landed = scene.git("ls-tree", "-r", "--name-only", "main", where=room.sample.remote)
        assert ".codebutler/memory" not in landed


async def test_what_cannot_be_rewound_is_said_and_changes_nothing(room: Room) -> None:
    cast = Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=lead())
    async with room.engine(cast) as scene:
        thread = await scene.say("b", "/rewind 1")
        assert "There is no point to go back to yet" in (await scene.posts((await scene.rest(thread)).id))[-1]
        state = await scene.shipped()
        for words, answer in {
            "rewind 99": "There is no point 99: this thread has 1 to ",
            "/rewind soon": "/rewind does not take 'soon' as point. Use: /rewind point",
            "/rewind -1": "There is no point -1",
        }.items():
            after = await scene.talk("a", words)
            assert answer in (await scene.posts(state.id))[-1]
            assert (after.head, after.rewinds, after.outcome) == (state.head, 0, "pr")
        await scene.rest(await scene.say("a", "rewind 1", by="mallory"))
        assert "Only robin may rewind" in (await scene.posts(state.id))[-1]
        await scene.talk("a", "rewind")
        assert "| 1 |" in (await scene.posts(state.id))[-1]
        assert "| `A` |" in (await scene.posts(state.id))[-1]
        assert (await scene.talk("a", "merge")).phase == "closed"
        await scene.talk("a", "rewind 1")
        assert (await scene.posts(state.id))[-1].startswith(
            "#1 is merged: nothing can be taken back here. Say"
        )
        assert (await scene.state(state.id)).rewinds == 0


async def test_lists_call_a_thread_by_the_plan_that_it_was_taken_back_to(room: Room) -> None:
    cast = Cast(pm=[plan("First"), plan("Second")])
    async with room.engine(cast) as scene:
        state = await scene.talk("a", "Write notes")
        first = scene.point(state, "plan: First")
        await scene.talk("a", "no, something else")
        row = await scene.host.store.thread(state.id)
        assert row is not None
        assert row.title == "Second"
        await scene.talk("a", f"rewind {first.number}")
        row = await scene.host.store.thread(state.id)
        assert row is not None
        assert (row.title, row.phase, row.status) == ("First", "pm", "plan")
