"""What people do to a thread while it lives: refine, approve late, cancel, answer, decide on memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from codebutler.events import MessageReceived
from codebutler.testing import note
from codebutler.thread.intake import receive
from codebutler.types import Inbound

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Life

REFINED = f"""
[[scripts]]
role = "pm"
[[scripts.steps]]
{note.PROPOSE}
[[scripts.steps]]
expect = ["call it MEMO"]
calls = [{{ name = "propose_plan", arguments = {{ title = "Add a memo", summary = "One line.", steps = [{{ text = "Write it" }}], files = ["MEMO"] }} }}]
{note.CODER}{note.LEAD}"""


@pytest.mark.parametrize("stage", [REFINED], indirect=True)
async def test_a_refined_plan_makes_the_old_button_stale(life: Life) -> None:
    first = (await life.say("Add a note")).plan
    second = (await life.say("call it MEMO")).plan
    assert first is not None
    assert second is not None
    assert first.hash != second.hash
    said = next(
        event for _, _, event in (await life.say("status")).live if isinstance(event, MessageReceived)
    )
    late = Inbound(
        surface=said.surface, external_id=said.external_id, key="late", author=said.author, text="go",
        seen=first.hash,
    )  # fmt: skip
    await receive(life.session.host.store, late)
    state = await life.say(action="approve", value=first.hash)
    assert state.approval is None
    assert "before the plan on the table" in (await life.posts())[-2]
    assert "has been replaced" in (await life.posts())[-1]
    state = await life.say(action="approve", value=second.hash)
    assert state.pr is not None


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_a_condition_behind_a_command_is_not_dropped(life: Life) -> None:
    first = await life.say("Add a note")
    assert first.plan is not None
    state = await life.say("/approve but only step 1")
    assert state.approval is None
    assert "nothing was approved" in (await life.posts())[-1]
    state = await life.say(f"/approve {first.plan.hash[:8]}")
    assert state.pr is not None
    for words in ("/merge once bob has approved", f"/merge {state.pr.number + 1}"):
        state = await life.say(words)
        assert state.merged is None
        assert "nothing was merged" in (await life.posts())[-1]
    assert (await life.say(f"/merge #{state.pr.number if state.pr else 0}")).merged is not None


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
async def test_cancel_takes_the_plan_off_the_table(life: Life) -> None:
    await life.say("Add a note")
    state = await life.say("cancel")
    assert state.outcome == "cancelled"
    state = await life.say(action="approve", value="anything")
    assert state.approval is None
    assert state.worktree is None


@pytest.mark.parametrize("stage", ["ask"], indirect=True)
async def test_a_question_waits_as_rows_and_the_answer_goes_to_who_asked(life: Life) -> None:
    state = await life.say("How many bands up to the limit?")
    assert state.outcome == "question"
    assert state.question is not None
    state = await life.say(action="answer", value="national")
    assert state.outcome == "answered"
    assert "six bands" in (await life.posts())[-1]
    assert life.stage.server.failures == []


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
async def test_items_are_decided_one_by_one_and_land_with_the_merge(life: Life) -> None:
    await life.say("Add a note")
    state = await life.say("go")
    assert [i.text for i in state.memory or []] == ["Notes live in NOTE", "Be brief"]
    await life.say("remove 2")
    state = await life.say("merge")
    assert state.phase == "closed"
    memory = life.stage.git("show", "main:.codebutler/memory/pm.md", where=life.stage.sample.remote)
    assert "Notes live in NOTE <!-- learned: thread=" in memory
    assert "Be brief" not in memory
    body = life.stage.git("log", "-1", "--format=%B", "main", where=life.stage.sample.remote)
    assert "## Summary" in body
    assert "Co-authored-by:" in body


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
async def test_merging_with_undecided_items_keeps_none_of_them(life: Life) -> None:
    await life.say("Add a note")
    await life.say("go")
    state = await life.say("merge")
    assert state.phase == "closed"
    listing = life.stage.git("ls-tree", "-r", "--name-only", "main", where=life.stage.sample.remote)
    assert ".codebutler/memory" not in listing
    assert ".codebutler/journals/thread-" in listing


SLOW = f"""
[[scripts]]
role = "pm"
[[scripts.steps]]
{note.PROPOSE}

[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{{ name = "write", arguments = {{ path = "HALF", content = "half\\n" }} }}]
[[scripts.steps]]
calls = [{{ name = "bash", arguments = {{ command = "sleep 60" }} }}]
[[scripts.steps]]
expect = ["interrupted", "use tabs"]
text = "Stopped there."
{note.LEAD}"""


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
async def test_cancel_breaks_off_a_command_and_keeps_the_work(life: Life) -> None:
    await life.say("Add a note")
    await life.session.say("go")
    async with asyncio.timeout(20):
        async for _ in life.session.batches():
            frame = life.session.state.frame("coder")
            if frame is not None and any(c.started and c.call.name == "bash" for c in frame.calls.values()):
                break
    before = asyncio.get_running_loop().time()
    state = await life.say("cancel")
    assert asyncio.get_running_loop().time() - before < 5
    assert state.outcome == "cancelled"
    assert life.stage.git("show", f"{state.head}:HALF") == "half"
    state = await life.say("use tabs")
    assert state.pr is not None, (await life.posts(), life.stage.server.failures)


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
async def test_only_the_owner_approves(life: Life) -> None:
    from codebutler.thread import intake
    from codebutler.types import Inbound, Person

    state = await life.say("Add a note")
    plan = state.plan
    assert plan is not None
    mallory = Inbound(
        surface="terminal", external_id="life", key="m1", author=Person(surface="terminal", id="mallory"),
        action="approve", value=plan.hash,
    )  # fmt: skip
    await intake.receive(life.session.host.store, mallory)
    state = await life.say("/status")
    assert state.approval is None
    assert any("may approve" in p for p in await life.posts())
