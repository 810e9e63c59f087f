"""What people say after "merge" counts before the merge, and nobody decides on a list that they have not seen."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import ModelRefused
from codebutler.testing.cast import Cast, Held, Line, call, does, lead, plan, write
from codebutler.testing.doubles import Asked, says
from codebutler.types import ModelReply

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

EVE = ("-c", "user.name=Eve", "-c", "user.email=eve@example.invalid")
LESSON = {"file": "pm.md", "text": "Deploys go out on Friday."}
PUT_OFF = 'The merge is put off: {} said more after "merge". Say **"merge"** again when it is to land.'


def cast(*second: Line) -> Cast:
    """A thread up to its pull request, after which the Lead has ``second`` to say."""
    return Cast(
        pm=[plan("Notes"), *(says(f"PM {n}") for n in range(1, 6))],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=[*lead("Notes"), *second],
    )


async def away(_asked: Asked) -> ModelReply:
    raise ModelRefused("bad key")


@pytest.mark.parametrize("by", ["robin", "ana"])
async def test_words_during_the_second_look_put_the_merge_off(room: Room, by: str) -> None:
    looks = Held(does("propose_memory", items=[LESSON]))
    async with room.engine(cast(looks, says("One lesson more."))) as scene:
        await scene.shipped()
        await scene.talk("a", "Nice work")
        thread = await scene.say("a", "merge")
        await scene.until(looks.reached)
        await scene.say("a", "wait, do not merge yet", by=by)
        looks.let_go.set()
        state = await scene.rest(thread)
        posts = await scene.posts(thread)
        assert (state.pr_state, state.outcome) == ("open", "pr"), posts
        assert {PUT_OFF.format(by), "PM 2"} < set(posts[-3:])
        assert [p for p in posts[-3:] if "1. Deploys go out on Friday." in p]  # no merge came to show it
        assert (await scene.talk("a", "yes")).memory_commits == 1
        assert (await scene.talk("a", "merge")).phase == "closed"


async def test_what_the_second_look_proposes_is_shown_when_the_merge_is_refused(room: Room) -> None:
    async with room.engine(cast(does("propose_memory", items=[LESSON]), says("One more."))) as scene:
        await scene.shipped()
        await scene.talk("a", "Nice work")
        room.commit({"A": "another\n"})
        state = await scene.talk("a", "merge")
        posts = await scene.posts(state.id)
        assert "The merge did not go through" in posts[-2]
        assert "1. Deploys go out on Friday." in posts[-1]


async def test_words_sent_right_behind_merge_put_it_off(room: Room) -> None:
    looks = Held(says("Fine."))
    mind = cast()
    mind.lines["pm"][1] = looks
    async with room.engine(mind) as scene:
        await scene.shipped()
        thread = await scene.say("a", "What is in it?")
        await scene.until(looks.reached)
        await scene.say("a", "merge")
        await scene.say("a", "no, add a line to B first")
        looks.let_go.set()
        state = await scene.rest(thread)
        assert state.pr_state == "open", await scene.posts(thread)
        assert (await scene.posts(thread))[-2:] == [PUT_OFF.format("robin"), "PM 2"]


@pytest.mark.parametrize("seconds", [5, -5])
async def test_what_somebody_pushes_after_the_word_waits_for_another(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """Who said "merge" has not seen it; what was committed before the word comes along, as ever."""
    looks = Held(says("Fine."))
    async with room.engine(cast(looks)) as scene:
        await scene.shipped()
        await scene.talk("a", "Nice work")
        thread = await scene.say("a", "merge")
        await scene.until(looks.reached)
        eve = tmp_path / "eve"
        scene.git("clone", "-q", "-b", "codebutler/notes", str(room.sample.remote), str(eve))
        (eve / "B").write_text("b\n")
        scene.git("add", ".", where=eve)
        with monkeypatch.context() as clock:
            clock.setenv("GIT_COMMITTER_DATE", f"{int(time.time()) + seconds} +0000")
            scene.git(*EVE, "commit", "-q", "-m", "Eve's", where=eve)
        scene.git("push", "-q", where=eve)
        looks.let_go.set()
        state = await scene.rest(thread)
        posts = await scene.posts(thread)
        if seconds > 0:
            assert state.pr_state == "open", posts
            assert "somebody pushed" in posts[-1]
            assert "say merge once it shall land" in posts[-1]
            state = await scene.talk("a", "merge")
        assert state.phase == "closed", posts
        assert scene.git("show", "main:B", where=room.sample.remote) == "b"


async def broken_off(scene: Scene) -> None:
    """A thread whose "merge" came to nothing, for no model was there to look back."""
    await scene.shipped()
    await scene.talk("a", "Nice work")
    state = await scene.talk("a", "merge")
    assert 'Nothing is merged yet: **"merge"** now goes' in (await scene.posts(state.id))[-1]


@pytest.mark.parametrize("words", ["wait, do not merge yet", "What does it do?"])
async def test_after_a_second_look_that_broke_off_other_words_merge_nothing(room: Room, words: str) -> None:
    async with room.engine(cast(away)) as scene:
        await broken_off(scene)
        state = await scene.talk("a", words)
        assert (state.pr_state, state.outcome) == ("open", "pr")
        assert (await scene.posts(state.id))[-1] == "PM 2"
        assert (await scene.talk("a", "merge")).phase == "closed"


async def test_after_a_second_look_that_broke_off_a_yes_to_a_list_merges_nothing(room: Room) -> None:
    async with room.engine(cast(away)) as scene:
        await broken_off(scene)
        await scene.talk("a", "The Lead was wrong about the summary: name the file")
        state = await scene.talk("a", "yes")
        assert (state.memory_commits, state.pr_state) == (1, "open"), await scene.posts(state.id)


async def test_after_a_second_look_that_broke_off_go_is_the_same_word_again(room: Room) -> None:
    async with room.engine(cast(away)) as scene:
        await broken_off(scene)
        assert (await scene.talk("a", "go")).phase == "closed"


@pytest.mark.parametrize("word", ["yes", "ok", "no", "keep 1"])
async def test_a_word_from_before_the_list_decides_nothing(room: Room, word: str) -> None:
    sums = call("write_summary", title="Notes", summary="Notes.", changes=["A"])
    looks, last = Held(says("", sums, call("propose_memory", items=[LESSON]))), Held(says("That is all."))
    mind = cast()
    mind.lines["lead"] = [looks, last]
    async with room.engine(mind) as scene:
        await scene.talk("a", "Write notes")
        thread = await scene.say("a", "go")
        await scene.until(looks.reached)
        if word == "ok":  # the items are there, and nobody has seen them
            looks.let_go.set()
            await scene.until(last.reached)
        await scene.say("a", word)
        looks.let_go.set()
        last.let_go.set()
        state = await scene.rest(thread)
        posts = await scene.posts(thread)
        assert (len(state.memory or []), state.kept) == (1, []), posts
        assert "That was said before this list stood here" in posts[-1]
        assert "1. Deploys go out on Friday." in posts[-1]
        assert (await scene.talk("a", "yes")).memory_commits == 1
