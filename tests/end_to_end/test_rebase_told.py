"""What a rebase settles without marks of a conflict is said: nobody would see it in the pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.testing.cast import Cast, Line, call, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Room

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
