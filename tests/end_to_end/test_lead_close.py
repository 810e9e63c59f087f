"""What people see of a pull request and its end: flags, journal, links both ways, and a thread after the thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.errors import ModelRefused
from codebutler.forges.choose import forge_for
from codebutler.testing.cast import Cast, Line, does, lead, plan, write
from codebutler.testing.doubles import Asked, says
from codebutler.types import Inbound, ModelReply, Person

if TYPE_CHECKING:
    from codebutler.forges.base import Forge
    from tests.end_to_end.conftest import Room, Scene

TEXT = "a = 1  # TODO: name it\n"
MANIFEST = '{"scripts": {"postinstall": "true"}}\n'


async def test_what_is_left_to_do_and_what_runs_by_itself_is_pointed_out(room: Room) -> None:
    mind = Cast(
        pm=[plan("Notes")],
        coder=[write("a.py", TEXT), write("package.json", MANIFEST), says("Wrote.")],
        lead=lead("Notes"),
    )
    async with room.engine(mind) as scene:
        link = "https://chat.example/archives/C1/p17"
        robin = Person(surface="terminal", id="robin")
        first = Inbound(
            surface="terminal", external_id="a", key="first", author=robin, text="Write", link=link
        )
        thread = await scene.engine.receive(first)
        await scene.rest(thread)
        state = await scene.talk("a", "go")
        assert state.pr is not None
        posts = await scene.posts(thread)
        [said] = [p for p in posts if p.startswith("Left to do")]
        assert "- `a.py:1` a = 1 # TODO: name it" in said
        assert "- `package.json` (runs at build, install or test)" in said
        assert posts.index(said) < next(n for n, p in enumerate(posts) if "Pull request [#1" in p)
        body = (await (await _forge(scene)).get(state.pr.number)).body
        for part in ("## Summary", "## Changes", "## Decisions", "## Participants", "## Look at", said,
                     f"Thread [{thread}]({link})"):  # fmt: skip
            assert part in body


async def _forge(scene: Scene) -> Forge:
    return await forge_for(scene.host.repo, scene.host.config, home=scene.host.home)


async def test_a_journal_tells_the_whole_story_and_a_closed_thread_goes_on_in_a_new_one(room: Room) -> None:
    mind = Cast(
        pm=[
            does("follow_workflow", name="feature"), does("ask_user", question="Tabs or spaces?"),
            plan("Notes"), says("On it."), says("Yes."), says("Still here."),
        ],
        coder=[does("ask_pm", question="Which file?"), write("A", "a\n"), says("Wrote.")],
        lead=[*lead("Notes", "Notes live in A."), says("Nothing more.")],
    )  # fmt: skip
    async with room.engine(mind) as scene:
        await scene.talk("a", "Write notes, closes #12")
        await scene.talk("a", "tabs")
        await scene.talk("a", "/pm openai/gpt-4o-mini")
        await scene.talk("a", "go")
        assert (await scene.talk("a", "reopen")).phase != "closed"
        await scene.talk("a", "yes")
        state = await scene.talk("a", "merge")
        assert state.phase == "closed", await scene.posts(state.id)
        told = scene.git("show", f"main:.codebutler/journals/thread-{state.id}.md", where=room.sample.remote)
        for line in (
            "- **PM** goes by the workflow feature",
            "- **PM → person**: Tabs or spaces?",
            "- **robin** answers: tabs",
            "- **PM** proposes plan `",
            "- **Coder → PM**: Which file?",
            "- the pm's model is now openai/gpt-4o-mini",
            "- proposed for memory (lesson, pm.md): Notes live in A.",
            "- **robin** keeps in memory: Notes live in A.",
            "- **robin** says to merge",
            "## Cost",
        ):
            assert f"\n{line}" in told, told
        closed = await scene.talk("a", "reopen")
        said = (await scene.posts(closed.id))[-1]
        new = said.split("`")[1]
        assert said.startswith(f"Thread `{new}` goes on from here")
        again = await scene.state(new)
        assert (again.phase, again.outcome) == ("pm", None)
        assert (
            f"This goes on from thread `{state.id}`, whose pull request #1 landed as"
            in (await scene.posts(new))[0]
        )
        assert "What was done:" in str(again.frames["pm"].messages[0]["content"])
        [(_, conversation)] = await scene.host.store.bindings(new)
        again = await scene.talk(conversation, "And zero?")
        assert (again.id, again.outcome, again.held) == (new, "answered", ["#12"])
        twice = await scene.talk("a", "reopen")
        assert (await scene.posts(twice.id))[-1].startswith(f"Thread `{new}` goes on from here already")


async def test_what_is_said_after_the_lead_looked_back_is_looked_at_when_it_is_merged(room: Room) -> None:
    """The lesson comes too late for the pull request: it is decided on afterwards, in one of its own."""
    item = {"file": "pm.md", "text": "Notes are never longer than a page."}
    second: list[Line] = [does("propose_memory", items=[item]), says("One lesson more.")]
    mind = Cast(
        pm=[plan("Notes"), says("Sorry, I will mind that.")],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=lead("Notes") + second,
    )
    async with room.engine(mind) as scene:
        await scene.shipped()
        await scene.talk("a", "I always want notes below a page, please mind that")
        state = await scene.talk("a", "merge")
        assert state.phase == "closed", await scene.posts(state.id)
        assert "below a page" in str(mind.of("lead")[-2][1]["content"])
        posts = await scene.posts(state.id)
        assert "1. Notes are never longer than a page. _(lesson → pm.md)_" in posts[-1]
        assert not any("dropped, undecided" in p for p in posts)
        state = await scene.talk("a", "yes")
        assert (state.memory, state.memory_commits) == (None, 1)
        assert "memory lands with [#2](" in (await scene.posts(state.id))[-1]


@pytest.mark.parametrize("more", [True, False])
async def test_what_was_passed_over_at_the_merge_is_not_put_again_to_who_talked(
    room: Room, more: bool
) -> None:
    item = {"file": "pm.md", "text": "Notes are never longer than a page."}
    second: list[Line] = [does("propose_memory", items=[item])] if more else []
    mind = Cast(
        pm=[plan("Notes"), says("Fine.")],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=[*lead("Notes", "Notes live in A."), *second, says("That is all.")],
    )
    async with room.engine(mind) as scene:
        await scene.shipped()
        await scene.talk("a", "Nice work")
        state = await scene.talk("a", "merge")
        posts = await scene.posts(state.id)
        assert state.phase == "closed", posts
        assert [x.text for x in state.memory or []] == [str(item["text"])] * more
        assert len([p for p in posts if "1 memory proposal was dropped, undecided" in p]) == 1
        assert len([p for p in posts if "Notes live in A. _(" in p]) == 1
        assert ("1. Notes are never longer" in posts[-1]) is more


async def test_a_second_look_that_breaks_off_holds_up_one_word_only(room: Room) -> None:
    mind = Cast(
        pm=[plan("Notes"), says("Fine.")], coder=[write("A", "a\n"), says("Wrote.")], lead=lead("Notes")
    )

    async def away(_asked: Asked) -> ModelReply:
        raise ModelRefused("bad key")

    mind.lines["lead"] += [away] * 20
    async with room.engine(mind) as scene:
        await scene.shipped()
        await scene.talk("a", "Nice work")
        state = await scene.talk("a", "merge")
        assert (state.phase, state.outcome) == ("lead", "failed")
        assert 'Nothing is merged yet: **"merge"** now goes' in (await scene.posts(state.id))[-1]
        state = await scene.talk("a", "merge")
        assert state.phase == "closed", await scene.posts(state.id)
