"""What the Coder calls its commits stands in the branch's history, beside checkpoints that are made meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.events import CheckpointMade, ToolFinished, ToolStarted
from codebutler.repo import kept
from codebutler.testing.cast import Cast, Line, bash, call, does, lead, plan, write
from codebutler.testing.doubles import says
from codebutler.thread.points import points

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


async def test_each_commit_holds_what_was_done_since_the_one_before(room: Room) -> None:
    coder: list[Line] = [
        write("A", "a\n"),
        write("B", "b\n"),
        does("git_commit", message="Add A and B\n\nBoth are wanted."),
        does("git_push"),
        bash("echo c > C"),
        does("read", path="C"),
        says("", call("write", path="D", content="d\n"), call("git_commit", message="Add C and D")),
        does("create_pr", title="Notes", body="All of them."),
        does("git_commit", message="Nothing is left"),
        write("E", "e\n"),
        says("Wrote all."),
    ]
    async with room.engine(Cast(pm=[plan()], coder=coder, lead=lead())) as scene:
        state = await scene.shipped()
        events = await scene.events(state.id)
        assert [e.text for e in events if isinstance(e, ToolFinished) and not e.ok] == []
        assert state.worktree is not None
        span = f"{state.worktree.base}..{state.worktree.branch}"
        named = scene.git("log", "--format=%s", "--name-only", span).split()
        assert " ".join(named) == "Notes E Add C and D C D Add A and B A B"
        assert scene.git("log", "-1", "--skip=1", "--format=%s", span) == "Add C and D"
        body = scene.git("log", "-1", "--skip=2", "--format=%b", span)
        assert body == "Both are wanted.\n\nCo-authored-by: robin <robin@terminal.invalid>"
        assert scene.git("rev-list", "--merges", span) == ""
        scene.git("reflog", "expire", "--expire=all", "--all")
        scene.git("gc", "--quiet", "--prune=now")
        saved = {point.commit for point in points(state) if point.commit}
        assert len(saved) > 4
        for commit in saved:
            scene.git("cat-file", "-e", f"{commit}^{{tree}}")
        remote = scene.git("rev-parse", state.worktree.branch, where=room.sample.remote)
        assert remote == state.head
        assert scene.git("status", "--porcelain", where=scene.folder(state)) == ""


async def test_what_is_pushed_has_a_name_and_what_a_rewind_undid_as_well(room: Room) -> None:
    coder: list[Line] = [
        write("A", "a\n"),
        does("git_push"),
        write("B", "b\n"),
        does("git_commit", message="Add B"),
        write("C", "c\n"),
        says("Wrote all."),
    ]
    async with room.engine(Cast(pm=[plan()], coder=coder, lead=lead())) as scene:
        thread = (await scene.talk("a", "Add notes")).id
        await scene.talk("a", "go")
        number = scene.point(await scene.state(thread), "write A").number
        await scene.talk("a", f"rewind {number}")
        state = await scene.state(thread)
        assert state.worktree is not None
        assert scene.files(state)["A"] == "a\n"
        assert "B" not in scene.files(state)
        titles = scene.git(
            "log", "--format=%s", f"{state.worktree.base}..{state.worktree.branch}"
        ).splitlines()
        assert titles[0].startswith("Rewind to point")
        assert titles[1:] == ["Notes", "Add B", "Notes"]
        assert scene.git("for-each-ref", "refs/codebutler/kept/") != ""


async def test_a_kill_between_a_named_commit_and_its_event_is_no_lost_branch(room: Room) -> None:
    """The branch then stands on a commit that does not hold the log's last checkpoint, which is kept."""
    coder: list[Line] = [
        write("A", "a\n"),
        does("ask_pm", question="B, too?"),
        write("B", "b\n"),
        says("Wrote both."),
    ]
    pm: list[Line] = [plan(), does("ask_user", question="B, too?"), says("Yes.")]
    async with room.engine(Cast(pm=pm, coder=coder, lead=lead())) as scene:
        await scene.talk("a", "Add notes")
        state = await scene.talk("a", "go")
        assert (state.outcome, state.worktree is not None) == ("question", True)
        tree = state.worktree
        assert tree is not None
        words = ("commit-tree", f"{state.head}^{{tree}}", "-p", tree.base, "-m", "Add A")
        new = scene.git("-c", "user.name=x", "-c", "user.email=codebutler@localhost", *words)
        gitdir = scene.host.repo.gitdir
        await kept.replace(gitdir, tree.branch, new, state.head, why="as a commit does that is killed then")
        state = await scene.talk("a", "yes")
        assert (state.outcome, state.pr is not None) == ("pr", True)
        titles = scene.git("log", "--format=%s", f"{tree.base}..{tree.branch}").splitlines()
        assert titles[-2:] == ["Notes", "Add A"]


async def test_a_checkpoint_is_in_the_log_before_the_next_step(room: Room) -> None:
    """Also before one that only reads: else a rewind to the step that wrote would lose what it wrote."""
    coder: list[Line] = [write("A", "a\n"), does("read", path="A"), does("git_log"), says("Wrote A.")]
    async with room.engine(Cast(pm=[plan()], coder=coder, lead=lead())) as scene:
        state = await scene.shipped()
        kinds = [
            e.name if isinstance(e, ToolStarted) else "saved"
            for e in await scene.events(state.id)
            if isinstance(e, ToolStarted | CheckpointMade)
        ]
        assert kinds[1:5] == ["write", "saved", "read", "git_log"]
        assert scene.point(state, "write A").files == ("A",)


async def test_what_a_batch_writes_after_the_pms_answer_is_saved_too(room: Room) -> None:
    """The PM thinks in the middle of the Coder's batch, and a checkpoint is made beside that."""
    coder: list[Line] = [
        says("", call("ask_pm", question="B or C?"), call("write", path="B", content="b\n")),
        does("ask_user", question="Go on?"),
        says("Wrote B."),
    ]
    async with room.engine(Cast(pm=[plan(), says("B.")], coder=coder, lead=lead())) as scene:
        state = await scene.shipped()
        assert scene.point(state, "ask_pm").files == ("B",)
