"""What keeps a thread from its branch, or from its merge, is said when it can first be known."""

from __future__ import annotations

import asyncio

import pytest

from codebutler.cli.session import Session
from codebutler.events import CommandHandled, MessageTaken, Posted, parse
from codebutler.testing import note
from codebutler.testing.stage import Stage
from codebutler.thread.decisions import TOO_EARLY
from tests.end_to_end.test_branch_trouble import WORK, posts, say

SLOW = note.WHOLE.replace('role = "coder"', """role = "coder"
[[scripts.steps]]
calls = [{ name = "bash", arguments = { command = "while [ ! -e GO ]; do sleep 0.05; done; rm GO" } }]""", 1)  # fmt: skip


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
async def test_merge_while_the_coder_works_is_refused_at_once_and_a_script_stops(
    stage: Stage, session: Session
) -> None:
    await say(session, "Add a note")
    await session.say("go")
    second: asyncio.Task[int] | None = None
    async with asyncio.timeout(60):
        async for batch in session.batches():
            tree = session.state.worktree
            if second is None and tree is not None:
                second = asyncio.create_task(_merge(stage, session.thread))
            if tree is not None and any(isinstance(e, CommandHandled) for _, e in batch):
                (stage.sample.repo / ".codebutler/branches/add-a-note/GO").touch()
            if second is not None and second.done() and await session.at_rest():
                break
    assert second is not None
    assert (second.result(), session.refused, session.state.pr_state) == (3, False, "open")
    log = [parse(row.body) for row in await session.host.store.events(session.thread)]
    assert sum(isinstance(e, Posted) and e.post.text == TOO_EARLY for e in log) == 1
    assert not [e for e in log if isinstance(e, MessageTaken) and "merge" in e.content]
    assert (await say(session, "merge")).pr_state == "merged"


async def _merge(stage: Stage, thread: str) -> int:
    return (await stage.cli("run", "merge", "--thread", thread)).code


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
