"""What people do by git in a thread's own folder: it stops, names the way back, and goes on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.repo.index import owe_index
from codebutler.testing.cast import WRITES, Held, Line, bash, does, team
from codebutler.testing.doubles import says
from tests.end_to_end.test_people_trouble import EVE, cast, names

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


async def test_a_folder_on_another_branch_is_not_taken_for_the_threads(room: Room) -> None:
    async with room.engine(cast()) as scene:
        before = await scene.shipped()
        folder = scene.folder(before)
        scene.git("switch", "-q", "-c", "elsewhere", "HEAD~1", where=folder)
        state = await scene.talk("a", "merge")
        assert state.outcome == "failed"
        said = (await scene.posts(state.id))[-1]
        assert "is on the branch elsewhere" in said
        assert before.worktree is not None
        assert f"git switch {before.worktree.branch}" in said
        assert state.head == before.head
        scene.git("switch", "-q", before.worktree.branch, where=folder)
        assert (await scene.talk("a", "merge")).phase == "closed"
        assert "A" in names(scene, room)


async def test_an_amended_commit_is_put_back_by_the_advice_and_its_changes_go_along(room: Room) -> None:
    async with room.engine(cast()) as scene:
        before = await scene.shipped()
        folder = scene.folder(before)
        (folder / "MINE").write_text("mine\n")
        scene.git("add", "MINE", where=folder)
        scene.git(*EVE, "commit", "-q", "--amend", "--no-edit", where=folder)
        state = await scene.talk("a", "merge")
        said = (await scene.posts(state.id))[-1]
        assert (state.outcome, "away from our" in said) == ("failed", True), said
        advice = said.split("There: git ")[1].splitlines()[0].rstrip(".").split()
        scene.git(*advice, where=folder)
        assert (await scene.talk("a", "merge")).phase == "closed", (await scene.posts(state.id))[-1]
        assert {"A", "MINE"} <= names(scene, room)


async def test_what_was_committed_on_no_branch_comes_along_by_the_advice(room: Room) -> None:
    async with room.engine(cast()) as scene:
        before = await scene.shipped()
        folder = scene.folder(before)
        scene.git("switch", "-q", "--detach", where=folder)
        (folder / "by-hand").write_text("mine\n")
        scene.git("add", "by-hand", where=folder)
        scene.git(
            "-c", "user.name=Ann", "-c", "user.email=a@b", "commit", "-q", "-m", "by hand", where=folder
        )
        await scene.talk("a", "merge")
        said = (await scene.posts(before.id))[-1]
        for words in said.split("Take it back with that: ")[1].split(".")[0].split(" && "):
            scene.git(*words.split()[1:], where=folder)
        assert (await scene.talk("a", "merge")).phase == "closed"
        assert "by-hand" in names(scene, room)


async def test_a_branch_that_is_tried_in_the_checkout_is_named_with_the_way_to_free_it(room: Room) -> None:
    held = Held(bash("echo more > hello.txt"))
    async with room.engine(team(coder=[WRITES, held, says("Wrote.")])) as scene:
        await scene.talk("a", "Add a note")
        thread = await scene.say("a", "go")
        await scene.until(held.reached)
        await scene.talk("a", "cancel")
        state = await scene.state(thread)
        assert state.worktree is not None
        scene.git("worktree", "remove", str(scene.folder(state)))
        scene.git("switch", "-q", state.worktree.branch)
        held.let_go.set()
        assert (await scene.talk("a", "go")).outcome == "failed"
        said = (await scene.posts(thread))[-1]
        assert said.startswith("I could not go on: codebutler/"), said
        scene.git(*said.split("say it again: git ")[1].split("\n")[0].rstrip(".").split())
        assert (await scene.talk("a", "go")).outcome != "failed", (await scene.posts(thread))[-1]


@pytest.mark.parametrize("word", ["pause", "cancel", ""])
async def test_after_a_stop_in_mid_run_ordinary_git_there_undoes_nothing(room: Room, word: str) -> None:
    """Paused, cancelled, or the process was stopped: what the Coder wrote is in the branch, and in the index."""
    held = Held(says("Wrote."))
    async with room.engine(team(coder=[WRITES, bash("echo more > hello.txt"), held])) as scene:
        await scene.talk("a", "Add a note")
        thread = await scene.say("a", "go")
        await scene.until(held.reached)
        if word:
            await scene.talk("a", word)
        state = await scene.state(thread)
    folder = scene.folder(state)
    assert scene.git("status", "--porcelain", where=folder) == ""
    scene.git("clean", "-qfd", where=folder)
    scene.git("restore", ".", where=folder)
    assert (scene.files(state)["NOTE"], scene.files(state)["hello.txt"]) == ("noted\n", "more\n")


async def test_an_index_that_a_kill_left_behind_follows_before_work_goes_on(room: Room) -> None:
    first, second = Held(says("Wrote.")), Held(says("Wrote."))
    coder: list[Line] = [WRITES, first, does("read", path="NOTE"), second]
    async with room.engine(team(coder=coder)) as scene:
        await scene.talk("a", "Add a note")
        await scene.say("a", "go")
        await scene.until(first.reached)
        state = await scene.talk("a", "pause")
        assert state.worktree is not None
        folder = scene.folder(state)
        await owe_index(scene.host.repo.gitdir, f"refs/heads/{state.worktree.branch}")
        scene.git("read-tree", state.worktree.base, where=folder)
        first.line = does("read", path="NOTE")
        first.let_go.set()
        await scene.say("a", "resume")
        await scene.until(second.reached)
        assert scene.git("status", "--porcelain", where=folder) == ""
