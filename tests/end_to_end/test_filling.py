"""The worktree is filled while the Coder's model thinks: no tool works before, and what fails is said."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Life

MANY = 4000
WORK = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", steps = [{ text = "Write it" }], files = ["NOTE"] } }]
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{ name = "bash", arguments = { command = "ls many* | wc -l; cp README.md NOTE" } }]
[[scripts.steps]]
text = "Wrote NOTE."
[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [{ name = "write_summary", arguments = { title = "Add a note", summary = "A note.", changes = ["NOTE"] } }]
[[scripts.steps]]
text = "Nothing to remember."
"""

pytestmark = pytest.mark.parametrize("stage", [WORK], indirect=True)


def git_in(remote: Path, *words: str, text: str = "") -> str:
    who = ["-c", "user.name=Eve", "-c", "user.email=eve@example.invalid"]
    done = subprocess.run(
        ["git", *who, *words], cwd=remote, input=text, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def blob_of(remote: Path) -> str:
    return git_in(remote, "hash-object", "-w", "--stdin", text="x")


def push_tree(remote: Path, *lines: str) -> None:
    """A commit on the remote's main whose top folder has ``lines`` (of ls-tree) more."""
    tree = git_in(remote, "mktree", text="\n".join([git_in(remote, "ls-tree", "main"), *lines]) + "\n")
    commit = git_in(remote, "commit-tree", tree, "-p", "main", "-m", "elsewhere")
    git_in(remote, "update-ref", "refs/heads/main", commit)


async def test_the_first_tool_finds_all_files(life: Life) -> None:
    """So many that the model has answered long before they are there."""
    blob = blob_of(life.stage.sample.remote)
    push_tree(life.stage.sample.remote, *(f"100644 blob {blob}\tmany{n}" for n in range(MANY)))
    await life.say("Add a note")
    state = await life.say("go")
    assert state.pr is not None
    rows = await life.session.host.store.events(life.session.thread)
    began = {row.kind: row.seq for row in reversed(rows) if row.seq > 1 and '"pm"' not in row.body}
    assert began["worktree_ready"] < began["tool_started"]
    said = next(row.body for row in rows if row.kind == "tool_finished" and '"coder-1"' in row.body)
    assert f'"text":"{MANY}"' in said


async def test_files_that_cannot_be_laid_out_are_said_once_each_time(life: Life) -> None:
    await life.say("Add a note")
    remote = life.stage.sample.remote
    push_tree(remote, f"100644 blob {blob_of(remote)}\t{'n' * 300}")
    before = len(await life.posts())
    state = await life.say("go")
    assert state.outcome == "failed"
    assert state.worktree is None
    told = (await life.posts())[before:]
    assert sum("too long" in text for text in told) == 1, told
    state = await life.say("go")
    assert state.outcome == "failed"
    assert sum("too long" in text for text in (await life.posts())[before:]) == 2
