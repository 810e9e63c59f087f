"""What people do to main, pull request and remote meanwhile: noticed, said once, nothing lost or forced."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.forges.choose import forge_for
from codebutler.testing.cast import Cast, Line, bash, lead, plan, write
from codebutler.testing.doubles import Asked, says

if TYPE_CHECKING:
    from codebutler.types import ModelReply
    from tests.end_to_end.conftest import Room, Scene

EVE = ("-c", "user.name=Eve", "-c", "user.email=eve@example.invalid")


def cast(*coder: Line, lessons: tuple[str, ...] = ()) -> Cast:
    lines = list(coder) or [write("A", "a\n"), says("Wrote."), write("B", "b\n"), says("Wrote B.")]
    return Cast(pm=[plan(), plan("More")], coder=lines, lead=lead("Notes", *lessons) + lead("More"))


async def new_posts(scene: Scene, thread: str, before: int) -> list[str]:
    return (await scene.posts(thread))[before:]


def clone(scene: Scene, room: Room, folder: Path) -> Path:
    scene.git("clone", "-q", str(room.sample.remote), str(folder))
    return folder


def push_main(scene: Scene, where: Path, path: str, text: str) -> None:
    (where / path).parent.mkdir(parents=True, exist_ok=True)
    (where / path).write_text(text)
    scene.git("add", "--all", where=where)
    scene.git(*EVE, "commit", "-q", "-m", f"Eve's {path}", where=where)
    scene.git("push", "-q", "origin", "HEAD:main", where=where)


def landed(scene: Scene, room: Room, spec: str) -> str:
    return scene.git("show", spec, where=room.sample.remote)


def names(scene: Scene, room: Room, rev: str = "main") -> set[str]:
    return set(scene.git("ls-tree", "-r", "--name-only", rev, where=room.sample.remote).split())


async def test_what_a_rewritten_main_dropped_does_not_come_back(room: Room, tmp_path: Path) -> None:
    """The branch stands on a commit that main no longer holds: it is set on main as it is, forward only."""
    async with room.engine(cast()) as scene:
        eve = clone(scene, room, tmp_path / "eve")
        push_main(scene, eve, "SECRET", "leak\n")
        before = await scene.shipped()
        assert "SECRET" in scene.files(before)
        scene.git("reset", "-q", "--hard", "HEAD~1", where=eve)
        (eve / "FRESH").write_text("fresh\n")
        scene.git("add", "FRESH", where=eve)
        scene.git(*EVE, "commit", "-q", "-m", "without the leak", where=eve)
        scene.git("push", "-q", "--force", "origin", "HEAD:main", where=eve)
        posts = len(await scene.posts(before.id))
        state = await scene.talk("a", "merge")
        assert state.phase == "closed", (await scene.posts(state.id))[-1]
        assert {"A", "FRESH"} <= names(scene, room)
        assert "SECRET" not in names(scene, room)
        said = await new_posts(scene, state.id, posts)
        assert sum("was rewritten" in text for text in said) == 1, said


async def test_a_main_that_is_rewritten_while_the_plan_waits(room: Room, tmp_path: Path) -> None:
    async with room.engine(cast()) as scene:
        eve = clone(scene, room, tmp_path / "eve")
        push_main(scene, eve, "SECRET", "leak\n")
        await scene.talk("a", "Write notes")
        scene.git("reset", "-q", "--hard", "HEAD~1", where=eve)
        scene.git("push", "-q", "--force", "origin", "HEAD:main", where=eve)
        state = await scene.talk("a", "go")
        assert state.outcome == "pr", (await scene.posts(state.id))[-1]
        assert "SECRET" not in scene.files(state)


async def test_a_folder_deleted_under_a_working_coder_takes_no_work_away(room: Room) -> None:
    async def delete(_asked: Asked) -> ModelReply:
        shutil.rmtree(room.sample.repo / ".codebutler/branches/notes")
        return write("B", "b\n")

    lines: list[Line] = [write("A", "a\n"), bash("true"), delete, bash("echo c > C"), says("Wrote.")]
    async with room.engine(cast(*lines)) as scene:
        state = await scene.shipped()
        shown = scene.git("ls-tree", "--name-only", state.head).split()
        assert {"A", "README.md", "C"} <= set(shown)
        assert sum("was gone" in text for text in await scene.posts(state.id)) == 1
        assert scene.git("status", "--porcelain", where=scene.folder(state)) == ""


async def test_what_people_change_and_commit_in_the_folder_goes_along(room: Room) -> None:
    async def by_hand(_asked: Asked) -> ModelReply:
        folder = room.sample.repo / ".codebutler/branches/notes"
        (folder / "HAND").write_text("by hand\n")
        return write("B", "b\n")

    async with room.engine(cast(write("A", "a\n"), bash("true"), by_hand, says("Wrote."))) as scene:
        before = await scene.shipped()
        assert {"A", "B", "HAND"} <= set(scene.git("ls-tree", "--name-only", before.head).split())
        folder = scene.folder(before)
        (folder / "MINE").write_text("mine\n")
        scene.git("add", "MINE", where=folder)
        scene.git(*EVE, "commit", "-q", "-m", "mine", where=folder)
        posts = len(await scene.posts(before.id))
        state = await scene.talk("a", "merge")
        assert state.phase == "closed", (await scene.posts(state.id))[-1]
        assert {"A", "B", "HAND", "MINE"} <= names(scene, room)
        said = await new_posts(scene, state.id, posts)
        assert [text for text in said if "by hand" in text and "`MINE`" in text] != []
        assert sum("`MINE`" in text for text in said) == 1


async def test_a_branch_that_a_person_rewrote_is_followed_once_they_say_so(
    room: Room, tmp_path: Path
) -> None:
    """As "update with rebase" does it; what the thread had not pushed yet comes along."""
    async with room.engine(cast()) as scene:
        before = await scene.shipped()
        assert before.worktree is not None
        where, branch = clone(scene, room, tmp_path / "other"), before.worktree.branch
        push_main(scene, where, "BASE", "base\n")
        scene.git(*EVE, "rebase", "-q", "main", f"origin/{branch}", where=where)
        scene.git("push", "-q", "--force", "origin", f"HEAD:{branch}", where=where)
        (scene.folder(before) / "MINE").write_text("mine\n")
        state = await scene.talk("a", "merge")
        assert "was rewritten" in (await scene.posts(state.id))[-1]
        state = await scene.talk("a", "merge")
        assert state.phase == "closed", await scene.posts(state.id)
        assert {"A", "BASE", "MINE"} <= names(scene, room)
        assert state.worktree is not None
        assert state.worktree.base == scene.git("rev-parse", "HEAD~1", where=where)


async def test_memory_edited_by_hand_on_main_and_on_the_branch_keeps_both(room: Room, tmp_path: Path) -> None:
    path = ".codebutler/memory/pm.md"
    async with room.engine(cast(lessons=("Notes live in A",))) as scene:
        await scene.talk("a", "Write notes")
        eve = clone(scene, room, tmp_path / "eve")
        before = await scene.talk("a", "go")
        await scene.talk("a", "yes")
        assert before.worktree is not None
        branch = before.worktree.branch
        scene.git("fetch", "-q", "origin", where=eve)
        scene.git("checkout", "-q", branch, where=eve)
        kept = (eve / path).read_text()
        (eve / path).write_text(kept.replace("Notes live in A", "Notes live in A, not in B"))
        scene.git(*EVE, "commit", "-qam", "Eve's words", where=eve)
        scene.git("push", "-q", "origin", branch, where=eve)
        scene.git("checkout", "-q", "main", where=eve)
        push_main(scene, eve, path, f"{kept[: kept.index('- Notes live')]}- Eve was here\n")
        posts = len(await scene.posts(before.id))
        state = await scene.talk("a", "merge")
        assert state.phase == "closed", (await scene.posts(state.id))[-1]
        text = landed(scene, room, f"main:{path}")
        assert "Eve was here" in text
        assert text.count("Notes live in A") == text.count("Notes live in A, not in B") == 1
        said = await new_posts(scene, state.id, posts)
        assert sum("was edited meanwhile" in text for text in said) == 1, said


async def test_a_conflict_beside_memory_is_still_for_people(room: Room, tmp_path: Path) -> None:
    async with room.engine(cast(lessons=("Notes live in A",))) as scene:
        await scene.shipped()
        await scene.talk("a", "yes")
        eve = clone(scene, room, tmp_path / "eve")
        push_main(scene, eve, "A", "eve's\n")
        push_main(scene, eve, ".codebutler/memory/pm.md", "# Eve's memory\n\n- Eve was here\n")
        state = await scene.talk("a", "merge")
        assert state.outcome == "failed"
        assert "conflicts with its base in" in (await scene.posts(state.id))[-1]
        assert landed(scene, room, "main:A") == "eve's"


async def test_a_pull_request_closed_outside_is_said_and_new_work_gets_a_new_one(room: Room) -> None:
    async with room.engine(cast()) as scene:
        before = await scene.shipped()
        forge = await forge_for(scene.host.repo, scene.host.config, home=scene.host.home)
        await forge.close(1)
        posts = len(await scene.posts(before.id))
        state = await scene.talk("a", "merge")
        said = await new_posts(scene, state.id, posts)
        assert (state.pr_state, state.outcome) != ("open", "pr")
        assert len(said) == 1, said
        assert "#1 was closed outside" in said[0]
        await scene.talk("a", "merge")
        assert (await scene.posts(state.id))[-1] == said[0], "no talk for the PM"
        await scene.talk("a", "more")
        state = await scene.talk("a", "go")
        assert state.outcome == "pr", (await scene.posts(state.id))[-1]
        assert state.pr is not None
        assert (state.pr.number, state.pr_state) == (2, "open")
        assert (await scene.talk("a", "merge")).phase == "closed"
        assert {"A", "B"} <= names(scene, room)


@pytest.mark.parametrize("how", ["merge", "squash"])
async def test_a_pull_request_merged_outside_closes_the_thread(room: Room, tmp_path: Path, how: str) -> None:
    async with room.engine(cast()) as scene:
        before = await scene.shipped()
        assert before.worktree is not None
        eve = clone(scene, room, tmp_path / "eve")
        extra = ("--no-ff", "-m", "merged") if how == "merge" else ("--squash",)
        scene.git(*EVE, "merge", "-q", *extra, f"origin/{before.worktree.branch}", where=eve)
        if how == "squash":
            scene.git(*EVE, "commit", "-q", "-m", "squashed", where=eve)
        scene.git("push", "-q", "origin", "HEAD:main", f":{before.worktree.branch}", where=eve)
        posts = len(await scene.posts(before.id))
        state = await scene.talk("a", "merge")
        said = await new_posts(scene, state.id, posts)
        assert state.phase == "closed", said
        assert (state.pr_state, state.removed) == ("merged", True)
        assert sum("merged outside" in text for text in said) == 1, said
        assert "A" in names(scene, room)
        assert not scene.folder(state).exists()


async def test_a_renamed_default_branch(room: Room) -> None:
    """While the pull request waits: a person must say where it belongs. While a plan waits: it is found."""
    async with room.engine(cast()) as scene:
        remote = room.sample.remote
        await scene.shipped()
        scene.git("branch", "-m", "main", "trunk", where=remote)
        state = await scene.talk("a", "merge")
        assert state.outcome == "failed"
        said = (await scene.posts(state.id))[-1]
        assert "has no branch main" in said
        assert "git push" in said
        scene.git("branch", "-m", "trunk", "main", where=remote)
        assert (await scene.talk("a", "merge")).phase == "closed"


async def test_a_default_branch_renamed_while_the_plan_waits_is_followed(room: Room) -> None:
    async with room.engine(cast()) as scene:
        await scene.talk("a", "Write notes")
        scene.git("branch", "-m", "main", "trunk", where=room.sample.remote)
        state = await scene.talk("a", "go")
        assert state.outcome == "pr", (await scene.posts(state.id))[-1]
        assert (await scene.talk("a", "merge")).phase == "closed", (await scene.posts(state.id))[-1]
        assert "A" in names(scene, room, "trunk")


@pytest.mark.parametrize("moment", ["push", "merge"])
async def test_a_remote_whose_disk_is_away(room: Room, moment: str) -> None:
    away = room.sample.remote.with_name("away.git")

    async def unplug(_asked: Asked) -> ModelReply:
        room.sample.remote.rename(away)
        return says("Wrote.")

    lines: list[Line] = [write("A", "a\n"), unplug if moment == "push" else says("Wrote.")]
    async with room.engine(cast(*lines)) as scene:
        await scene.talk("a", "Write notes")
        state = await scene.talk("a", "go")
        if moment == "merge":
            room.sample.remote.rename(away)
            state = await scene.talk("a", "merge")
        assert state.outcome == "failed", (await scene.posts(state.id))[-1]
        said = (await scene.posts(state.id))[-1]
        assert "is not there" in said
        assert "git remote remove" not in said
        assert not room.sample.remote.exists()
        away.rename(room.sample.remote)
        if moment == "push":
            state = await scene.talk("a", "go")
            assert state.outcome == "pr", (await scene.posts(state.id))[-1]
        assert (await scene.talk("a", "merge")).phase == "closed", (await scene.posts(state.id))[-1]
        assert "A" in names(scene, room)
