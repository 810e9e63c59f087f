"""What keeps a thread from its branch, or from its merge, is said when it can first be known."""

from __future__ import annotations

import asyncio

import pytest

from codebutler.cli.session import Session
from codebutler.events import CommandHandled, MessageTaken, Posted, parse
from codebutler.testing import note
from codebutler.testing.stage import Stage
from codebutler.thread.decisions import AT_WORK, TOO_EARLY
from tests.end_to_end.test_branch_trouble import WORK, posts, say

WAIT = """
[[scripts.steps]]
calls = [{ name = "bash", arguments = { command = "while [ ! -e GO ]; do sleep 0.05; done; rm GO" } }]"""
OPEN = """
[[scripts.steps]]
calls = [{ name = "write", arguments = { path = "FIRST", content = "1\\n" } }, { name = "create_pr", arguments = { title = "Note", body = "" } }]"""
SLOW = note.WHOLE.replace('role = "coder"', f'role = "coder"{WAIT}{OPEN}{WAIT}', 1)


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
async def test_merge_while_the_coder_works_is_refused_at_once_and_a_script_stops(
    stage: Stage, session: Session
) -> None:
    """Also with its pull request open: nobody has read what the Coder is about to add."""
    await say(session, "Add a note")
    await session.say("go")
    said: list[asyncio.Task[int]] = []
    async with asyncio.timeout(60):
        async for batch in session.batches():
            if session.state.worktree is not None and not said:
                said.append(asyncio.create_task(_code(stage, "run", "merge", "--thread", session.thread)))
            if session.state.pr is not None and len(said) == 1:
                said.append(asyncio.create_task(_code(stage, "pr", "merge", "1")))
            if any(isinstance(e, CommandHandled) for _, e in batch):
                (stage.sample.repo / ".codebutler/branches/add-a-note/GO").touch()
            if len(said) == 2 and all(task.done() for task in said) and await session.at_rest():
                break
    assert [task.result() for task in said] == [3, 3]
    assert (session.refused, session.state.pr_state) == (False, "open")
    log = [parse(row.body) for row in await session.host.store.events(session.thread)]
    told = [e.post.text for e in log if isinstance(e, Posted)]
    assert [told.count(text) for text in (TOO_EARLY, AT_WORK.format(number=1))] == [1, 1]
    assert not [e for e in log if isinstance(e, MessageTaken) and "merge" in e.content]
    assert (await say(session, "merge")).pr_state == "merged"


async def _code(stage: Stage, *args: str) -> int:
    return (await stage.cli(*args)).code


@pytest.mark.parametrize("stage", [WORK], indirect=True)
async def test_a_branch_called_codebutler_is_told_of_before_the_coder_is_paid(
    stage: Stage, session: Session
) -> None:
    stage.git("branch", "codebutler", where=stage.sample.remote)
    stage.git("branch", "codebutler")
    state = await say(session, "Add a note")
    assert (state.outcome, "git branch -m codebutler" in (await posts(session))[0]) == ("plan", True)
    state = await say(session, "go")
    assert (state.outcome, state.frame("coder")) == ("failed", None)
    assert "a branch codebutler here and at origin leaves git no room" in (await posts(session))[-1]
    stage.git("branch", "-m", "codebutler", "theirs")
    stage.git("branch", "-m", "codebutler", "theirs", where=stage.sample.remote)
    assert (await say(session, "go")).pr_state == "open"
