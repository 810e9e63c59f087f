"""What a rebase settles without marks of a conflict is said: nobody would see it in the pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.testing.cast import Cast, Line, bash, call, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Room, Scene

EVE = ("-c", "user.name=Eve", "-c", "user.email=eve@example.invalid")
MEMORY = ".codebutler/memory/pm.md"


async def test_files_that_one_side_deleted_and_memory_that_was_joined(room: Room, tmp_path: Path) -> None:
    room.commit({"A": "a\n", MEMORY: "# PM\n\n- Limit is 20 kg\n"})
    closing: list[Line] = [
        says("", call("write_summary", title="Notes", summary="N.", changes=["A"]),
             call("propose_memory", items=[{"file": "pm.md", "text": "Limit is 30 kg"}])), says("That is all."),
    ]  # fmt: skip
    coder: list[Line] = [write("A", "a, changed\n"), says("Wrote."), says("Nothing to do.")]
    async with room.engine(Cast(pm=[plan()], coder=coder, lead=[*closing, *lead("Notes")])) as scene:
        await scene.shipped()
        state = await scene.talk("a", "yes")
        assert state.memory_commits == 1, await scene.posts(state.id)
        assert state.worktree is not None
        branch = state.worktree.branch
        eve = tmp_path / "eve"
        scene.git("clone", "-q", str(room.sample.remote), str(eve))
        scene.git("checkout", "-q", branch, where=eve)
        (eve / MEMORY).write_text((eve / MEMORY).read_text().replace("# PM\n", "# PM\n\nEve reads this.\n"))
        scene.git(*EVE, "commit", "-qam", "Eve's words", where=eve)
        scene.git("push", "-q", "origin", branch, where=eve)
        scene.git("checkout", "-q", "main", where=eve)
        (eve / "A").unlink()
        (eve / MEMORY).write_text("# PM\n\n- Limit is 25 kg\n")
        scene.git(*EVE, "commit", "-qam", "Eve's", where=eve)
        scene.git("push", "-q", "origin", "HEAD:main", where=eve)
        state = await scene.talk("a", "rebase")
        assert state.rebase is None, await scene.posts(state.id)
        said = "\n".join(await scene.posts(state.id))
        assert "as it is now (`" in said
        assert "): 1 conflict. The Coder" in said
        assert "`main` no longer has `A`; this branch brings that back." in said
        assert "“Limit is 30 kg” now stands beside “Limit is 25 kg”" in said, said
        joined = scene.git("show", f"{branch}:{MEMORY}", where=room.sample.remote)
        assert "Eve reads this." in joined, said  # pushed to the branch: it comes in before the base does
        assert "Limit is 25 kg" in joined


def elsewhere(room: Room, scene: Scene, folder: Path, files: dict[str, str]) -> None:
    """Eve pushes to main."""
    eve = folder / "eve"
    scene.git("clone", "-q", str(room.sample.remote), str(eve))
    for path, text in files.items():
        (eve / path).write_text(text)
    scene.git(*EVE, "commit", "-qam", "Eve's", where=eve)
    scene.git("push", "-q", "origin", "HEAD:main", where=eve)


async def test_a_rebase_that_leaves_the_pull_request_empty_says_so_and_no_merge_is_done(
    room: Room, tmp_path: Path
) -> None:
    """A deletes a file that somebody else changes, and the Coder settles it by leaving its own change out."""
    room.commit({"Makefile": "all:\n"})
    coder: list[Line] = [
        bash("rm Makefile"), says("Deleted."),
        bash("git checkout -q main -- Makefile 2>/dev/null || printf 'all:\\n\\techo a\\n' > Makefile"), says("I kept theirs."),
        bash("rm Makefile"), says("Deleted again."),
    ]  # fmt: skip
    mind = Cast(pm=[plan()], coder=coder, lead=[*lead(), *lead()])
    async with room.engine(mind) as scene:
        await scene.shipped()
        elsewhere(room, scene, tmp_path, {"Makefile": "all:\n\techo a\n"})
        state = await scene.talk("a", "rebase")
        said = await scene.posts(state.id)
        assert (state.outcome, state.rebase) == ("failed", None), said
        assert "Nothing of this branch's own is left in `Makefile`: it is as on `main`." in "\n".join(said)
        assert said[-1].startswith(
            "The plan was not carried out: as the Coder left it, pull request #1 changes no file. "
            "It said: I kept theirs."
        )
        assert "Changed:" not in said[-1]
        assert 'Pull request #1 stays open. Say **"go"** to have the Coder try again' in said[-1]
        tip = scene.git("rev-parse", "main", where=room.sample.remote)
        state = await scene.talk("a", "merge")
        assert (state.merged, state.phase) == (None, "pm")
        assert (
            "The merge did not go through: pull request #1 changes no file"
            in (await scene.posts(state.id))[-1]
        )
        assert scene.git("rev-parse", "main", where=room.sample.remote) == tip
        state = await scene.talk("a", "go")
        assert (state.outcome, state.refused) == ("pr", ""), (await scene.posts(state.id))[-1]
        assert (await scene.talk("a", "merge")).phase == "closed"
        assert "Makefile" not in scene.git("ls-tree", "--name-only", "main", where=room.sample.remote)


async def test_where_only_memory_is_left_to_land_the_merge_says_so(room: Room, tmp_path: Path) -> None:
    room.commit({"A": "a\n"})
    coder: list[Line] = [
        write("A", "ours\n"),
        says("Wrote."),
        write("A", "theirs\n"),
        says("Theirs is right."),
    ]
    async with room.engine(Cast(pm=[plan()], coder=coder, lead=lead("Notes", "One."))) as scene:
        await scene.shipped()
        await scene.talk("a", "yes")
        elsewhere(room, scene, tmp_path, {"A": "theirs\n"})
        state = await scene.talk("a", "rebase")
        assert "pull request #1 changes no file" in (await scene.posts(state.id))[-1]
        state = await scene.talk("a", "merge")
        said = "\n".join(await scene.posts(state.id))
        assert state.phase == "closed", said
        assert "Only memory lands with #1: it changes no other file" in said
        assert "One." in scene.git("show", f"main:{MEMORY}", where=room.sample.remote)


async def test_an_automatic_step_is_run_again_once_the_marks_are_settled(room: Room, tmp_path: Path) -> None:
    """It had passed while they were there. What the engine ran last counts, too, for the pull request."""
    flow = "## feature\n\nFor: all.\n\n1. Coder: run `sh run-tests` (automatic)\n"
    room.commit({"A": "a\n", ".codebutler/memory/workflows.md": flow, "run-tests": "! grep -q both A\n"})
    steps = [{"text": "Write it"}]
    planned = says(
        "", call("propose_plan", title="Notes", summary="n", workflow="feature", steps=steps, files=["A"])
    )
    coder: list[Line] = [
        write("A", "ours\n"), says("Wrote."), says("Nothing to do."),
        write("A", "both\n"), says("Settled."), says("I cannot mend that."),
    ]  # fmt: skip
    async with room.engine(Cast(pm=[planned], coder=coder, lead=[*lead(), *lead()])) as scene:
        await scene.shipped()
        elsewhere(room, scene, tmp_path, {"A": "theirs\n"})
        state = await scene.talk("a", "rebase")
        said = "\n".join(await scene.posts(state.id))
        assert state.outcome == "pr", said
        assert "The automatic step `sh run-tests` still fails: look before you merge." in said
        assert "#1 stays a draft: the tests failed when last run (`sh run-tests`)." in said


async def test_what_main_had_changed_and_the_coder_left_out_is_counted(room: Room, tmp_path: Path) -> None:
    room.commit({"A": "one\ntwo\nthree\n"})
    coder: list[Line] = [
        write("A", "one\ntwo, ours\nthree\n"), says("Wrote."),
        write("A", "one\ntwo, ours\nthree\n"), says("I kept ours."),
    ]  # fmt: skip
    async with room.engine(Cast(pm=[plan()], coder=coder, lead=[*lead(), *lead()])) as scene:
        await scene.shipped()
        elsewhere(room, scene, tmp_path, {"A": "one\ntwo, safely\nthen check\nthree\n"})
        state = await scene.talk("a", "rebase")
        said = "\n".join(await scene.posts(state.id))
        assert "What `main` had changed in `A` is gone (2 lines): look before you merge." in said, said
