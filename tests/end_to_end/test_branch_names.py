"""Two clones of one remote: whose a branch is."""

from __future__ import annotations

import asyncio

import pytest

from codebutler.cli.session import Session
from codebutler.testing.stage import Stage
from tests.end_to_end.test_branch_trouble import WORK, on_remote, posts, say

pytestmark = pytest.mark.parametrize("stage", [WORK], indirect=True)


def push_a_namesake(stage: Stage) -> str:
    """Another clone's thread has pushed a branch of the name that this one would take; returns its tip."""
    tree = stage.git("rev-parse", "main^{tree}", where=stage.sample.remote)
    who = ["-c", "user.name=Bea", "-c", "user.email=bea@example.invalid"]
    words = ["commit-tree", tree, "-p", "main", "-m", "Bea's work, which nobody has approved"]
    tip = stage.git(*who, *words, where=stage.sample.remote)
    stage.git("update-ref", "refs/heads/codebutler/add-a-note", tip, where=stage.sample.remote)
    return tip


async def test_a_branch_of_that_name_on_the_remote_is_another_threads(stage: Stage, session: Session) -> None:
    await say(session, "Add a note")
    tip = push_a_namesake(stage)
    state = await say(session, "go")
    assert state.worktree is not None
    assert state.worktree.branch == "codebutler/add-a-note-2"
    await say(session, "merge")
    assert on_remote(stage, "codebutler/add-a-note") == on_remote(stage, tip)
    assert "Bea" not in stage.git("log", "--format=%an %s", "main", where=stage.sample.remote)


async def test_a_namesake_that_came_meanwhile_is_neither_taken_over_nor_pushed_on(
    stage: Stage, session: Session
) -> None:
    await say(session, "Add a note")
    await session.say("go")
    async with asyncio.timeout(40):
        async for _ in session.batches():
            if session.state.worktree is not None:
                break
    tip = push_a_namesake(stage)
    state = await say(session, action="none")
    assert (state.outcome, state.pushed, state.pr) == ("failed", "", None)
    assert "has a branch codebutler/add-a-note that is not this thread's" in (await posts(session))[-1]
    assert stage.git("rev-parse", "codebutler/add-a-note", where=stage.sample.remote) == tip
    await say(session, "fork")
    assert any(p.startswith("Forked") or "second thread" in p for p in await posts(session))
