"""The filling of a worktree fails while the Coder's model thinks: what the thread goes on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.test_filling import blob_of, git_in, push_tree

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Life

LONG = "n" * 300
PM = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", steps = [{ text = "Write it" }], files = ["NOTE"] } }]
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add a line", summary = "It is there.", steps = [{ text = "Write SECOND" }], files = ["SECOND"] } }]
"""
ANEW = f"""{PM}
[[scripts]]
role = "coder"
[[scripts.steps]]
expect = ["Write it"]
calls = [{{ name = "bash", arguments = {{ command = "echo one > FIRST" }} }}]
[[scripts.steps.alternative]]
expect = ["Write SECOND"]
calls = [{{ name = "bash", arguments = {{ command = "echo two > SECOND" }} }}]
[[scripts.steps]]
text = "Wrote it."
[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [{{ name = "write_summary", arguments = {{ title = "Add a line", summary = "A line.", changes = ["SECOND"] }} }}]
[[scripts.steps]]
text = "Nothing to remember."
"""
AWAY = f"""{PM}
[[scripts]]
role = "coder"
[[scripts.steps]]
delay = 1
status = 400
body = "no such deployment"
"""


@pytest.mark.parametrize("stage", [ANEW], indirect=True)
async def test_a_plan_made_anew_is_not_carried_out_by_the_run_of_the_old_one(life: Life) -> None:
    """The model had answered when the filling failed: its calls are the dropped plan's."""
    await life.say("Add a note")
    remote = life.stage.sample.remote
    good = git_in(remote, "rev-parse", "main")
    push_tree(remote, f"100644 blob {blob_of(remote)}\t{LONG}")
    assert (await life.say("go")).outcome == "failed"
    tree = git_in(
        remote, "mktree", text=f"{git_in(remote, 'ls-tree', good)}\n100644 blob {blob_of(remote)}\tNOTE\n"
    )
    commit = git_in(remote, "commit-tree", tree, "-p", "main", "-m", "mended")
    git_in(remote, "update-ref", "refs/heads/main", commit)
    state = await life.say("go")
    assert (state.outcome, state.plan and state.plan.plan.title) == ("plan", "Add a line")
    state = await life.say("go")
    assert (state.outcome, state.files) == ("pr", {"SECOND"})
    assert state.worktree is not None
    assert state.worktree.base == commit
    assert "Add a line" in str(state.frames["coder-2"].messages[0])


@pytest.mark.parametrize("stage", [AWAY], indirect=True)
async def test_a_turn_that_ends_for_another_reason_says_that_one(life: Life) -> None:
    """Nothing was begun in the worktree, so there is nothing that could not be saved."""
    await life.say("Add a note")
    push_tree(life.stage.sample.remote, f"100644 blob {blob_of(life.stage.sample.remote)}\t{LONG}")
    await life.say("go")
    told = (await life.posts())[-1]
    assert "no such deployment" in told
    assert "could not be saved" not in told
