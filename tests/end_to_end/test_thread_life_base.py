"""The base branch moves while a thread lives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.testing import note

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Life

MOVED = f"""
[[scripts]]
role = "pm"
[[scripts.steps]]
{note.PROPOSE}
[[scripts.steps]]
expect = ["base branch moved", "NOTE"]
calls = [{{ name = "propose_plan", arguments = {{ title = "Extend the note", summary = "It is there now.", steps = [{{ text = "Add a line" }}], files = ["NOTE"] }} }}]
{note.CODER}{note.LEAD}"""


@pytest.mark.parametrize("stage", [MOVED], indirect=True)
async def test_a_plan_whose_files_moved_is_planned_anew(life: Life) -> None:
    await life.say("Add a note")
    life.commit_elsewhere("NOTE", "theirs\n")
    state = await life.say("go")
    assert state.worktree is None
    assert state.outcome == "plan"
    assert state.plan is not None
    assert state.plan.plan.title == "Extend the note"
    assert sum("`main` changed `NOTE` since" in text for text in await life.posts()) == 1
    state = await life.say("go")
    assert state.pr is not None


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
async def test_an_approval_survives_other_files_moving(life: Life) -> None:
    await life.say("Add a note")
    life.commit_elsewhere("OTHER", "theirs\n")
    state = await life.say("go")
    assert state.pr is not None
    assert state.approval is not None
    assert state.base is not None
    assert state.approval.base != state.base.commit  # both are recorded
    state = await life.say("merge")
    assert state.phase == "closed"
    assert life.stage.git("show", "main:OTHER", where=life.stage.sample.remote) == "theirs"


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
async def test_a_merge_conflict_is_said_and_the_thread_stays_open(life: Life) -> None:
    await life.say("Add a note")
    await life.say("go")
    life.commit_elsewhere("NOTE", "theirs\n")
    state = await life.say("merge")
    assert state.phase == "lead"
    assert state.outcome == "failed"
    said = (await life.posts())[-1]
    assert "NOTE" in said
    assert "conflict" in said.lower()
    assert life.stage.git("show", "main:NOTE", where=life.stage.sample.remote) == "theirs"
    assert Path(state.worktree.path).is_dir() if state.worktree else False
