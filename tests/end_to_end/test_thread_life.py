"""What people do to a thread while it lives: refine, approve late, cancel, steer, merge too early."""

from __future__ import annotations

import asyncio
import json
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from codebutler.cli.session import Session
from codebutler.testing.stage import Stage
from codebutler.thread.state import ThreadState

PLAN = """
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", steps = [{ text = "Write it" }], files = ["NOTE"] } }]
"""
CODER = """
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{ name = "write", arguments = { path = "NOTE", content = "noted\\n" } }]
[[scripts.steps]]
text = "Wrote NOTE."
"""
LEAD = """
[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [
  { name = "write_summary", arguments = { title = "Add a note", summary = "A note.", changes = ["NOTE"] } },
  { name = "propose_memory", arguments = { items = [{ file = "pm.md", text = "Notes live in NOTE" }, { file = "pm.md", text = "Be brief" }] } },
]
[[scripts.steps]]
text = "Two things to remember."
"""
SIMPLE = f"""
[[scripts]]
role = "pm"
[[scripts.steps]]
{PLAN}
{CODER}{LEAD}"""


async def until_rest(session: Session) -> ThreadState:
    """Follow until nothing goes on."""
    async with asyncio.timeout(40):
        async for batch in session.batches():
            if not batch and await session.at_rest():
                return session.state
    raise AssertionError


async def say(session: Session, text: str = "", *, action: str = "", value: str = "") -> ThreadState:
    if not session.thread:
        await session.begin("life")
    await session.say(text, action=action, value=value)
    return await until_rest(session)


async def posts(session: Session) -> list[str]:
    rows = await session.host.store.events(session.thread)
    return [json.loads(r.body)["post"]["text"] for r in rows if r.kind == "posted"]


REFINED = f"""
[[scripts]]
role = "pm"
[[scripts.steps]]
{PLAN}
[[scripts.steps]]
expect = ["call it MEMO"]
calls = [{{ name = "propose_plan", arguments = {{ title = "Add a memo", summary = "One line.", steps = [{{ text = "Write it" }}], files = ["MEMO"] }} }}]
{CODER}{LEAD}"""


@pytest.mark.parametrize("stage", [REFINED], indirect=True)
async def test_a_refined_plan_makes_the_old_button_stale(stage: Stage, session: Session) -> None:
    first = (await say(session, "Add a note")).plan
    second = (await say(session, "call it MEMO")).plan
    assert first is not None
    assert second is not None
    assert first.hash != second.hash
    state = await say(session, action="approve", value=first.hash)
    assert state.approval is None
    assert "has been replaced" in (await posts(session))[-1]
    state = await say(session, action="approve", value=second.hash)
    assert state.pr is not None


@pytest.mark.parametrize("stage", [SIMPLE], indirect=True)
async def test_cancel_takes_the_plan_off_the_table(stage: Stage, session: Session) -> None:
    await say(session, "Add a note")
    state = await say(session, "cancel")
    assert state.outcome == "cancelled"
    state = await say(session, action="approve", value="anything")
    assert state.approval is None
    assert state.worktree is None


@pytest.mark.parametrize("stage", ["ask"], indirect=True)
async def test_a_question_waits_as_rows_and_the_answer_goes_to_who_asked(
    stage: Stage, session: Session
) -> None:
    state = await say(session, "How many bands up to the limit?")
    assert state.outcome == "question"
    assert state.question is not None
    state = await say(session, action="answer", value="national")
    assert state.outcome == "answered"
    assert "six bands" in (await posts(session))[-1]
    assert stage.server.failures == []


@pytest.mark.parametrize("stage", [SIMPLE], indirect=True)
async def test_items_are_decided_one_by_one_and_land_with_the_merge(stage: Stage, session: Session) -> None:
    await say(session, "Add a note")
    state = await say(session, "go")
    assert [i.text for i in state.memory or []] == ["Notes live in NOTE", "Be brief"]
    await say(session, "remove 2")
    state = await say(session, "merge")
    assert state.phase == "closed"
    memory = stage.git("show", "main:.codebutler/memory/pm.md", where=stage.sample.remote)
    assert "Notes live in NOTE <!-- learned: thread=" in memory
    assert "Be brief" not in memory
    body = stage.git("log", "-1", "--format=%B", "main", where=stage.sample.remote)
    assert "## Summary" in body
    assert "Co-authored-by:" in body


@pytest.mark.parametrize("stage", [SIMPLE], indirect=True)
async def test_merging_with_undecided_items_keeps_none_of_them(stage: Stage, session: Session) -> None:
    await say(session, "Add a note")
    await say(session, "go")
    state = await say(session, "merge")
    assert state.phase == "closed"
    listing = stage.git("ls-tree", "-r", "--name-only", "main", where=stage.sample.remote)
    assert ".codebutler/memory" not in listing
    assert ".codebutler/journals/thread-" in listing


def commit_elsewhere(stage: Stage, folder: Path, path: str, text: str) -> None:
    """Somebody else pushes to main."""
    subprocess.run(["git", "clone", "-q", str(stage.sample.remote), str(folder)], check=True)
    (folder / path).write_text(text)
    who = ["-c", "user.name=Eve", "-c", "user.email=eve@example.invalid"]
    stage.git("add", path, where=folder)
    stage.git(*who, "commit", "-q", "-m", "elsewhere", where=folder)
    stage.git("push", "-q", "origin", "main", where=folder)


MOVED = f"""
[[scripts]]
role = "pm"
[[scripts.steps]]
{PLAN}
[[scripts.steps]]
expect = ["base branch moved", "NOTE"]
calls = [{{ name = "propose_plan", arguments = {{ title = "Extend the note", summary = "It is there now.", steps = [{{ text = "Add a line" }}], files = ["NOTE"] }} }}]
{CODER}{LEAD}"""


@pytest.mark.parametrize("stage", [MOVED], indirect=True)
async def test_a_plan_whose_files_moved_is_planned_anew(
    stage: Stage, session: Session, tmp_path: Path
) -> None:
    await say(session, "Add a note")
    commit_elsewhere(stage, tmp_path / "other", "NOTE", "theirs\n")
    state = await say(session, "go")
    assert state.worktree is None
    assert state.outcome == "plan"
    assert state.plan is not None
    assert state.plan.plan.title == "Extend the note"
    state = await say(session, "go")
    assert state.pr is not None


@pytest.mark.parametrize("stage", [SIMPLE], indirect=True)
async def test_an_approval_survives_other_files_moving(
    stage: Stage, session: Session, tmp_path: Path
) -> None:
    await say(session, "Add a note")
    commit_elsewhere(stage, tmp_path / "other", "OTHER", "theirs\n")
    state = await say(session, "go")
    assert state.pr is not None
    assert state.approval is not None
    assert state.base is not None
    assert state.approval.base != state.base.commit  # both are recorded
    state = await say(session, "merge")
    assert state.phase == "closed"
    assert stage.git("show", "main:OTHER", where=stage.sample.remote) == "theirs"


@pytest.mark.parametrize("stage", [SIMPLE], indirect=True)
async def test_a_merge_conflict_is_said_and_the_thread_stays_open(
    stage: Stage, session: Session, tmp_path: Path
) -> None:
    await say(session, "Add a note")
    await say(session, "go")
    commit_elsewhere(stage, tmp_path / "other", "NOTE", "theirs\n")
    state = await say(session, "merge")
    assert state.phase == "lead"
    assert state.outcome == "failed"
    said = (await posts(session))[-1]
    assert "NOTE" in said
    assert "conflict" in said.lower()
    assert stage.git("show", "main:NOTE", where=stage.sample.remote) == "theirs"
    assert Path(state.worktree.path).is_dir() if state.worktree else False


SLOW = f"""
[[scripts]]
role = "pm"
[[scripts.steps]]
{PLAN}

[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{{ name = "write", arguments = {{ path = "HALF", content = "half\\n" }} }}]
[[scripts.steps]]
calls = [{{ name = "bash", arguments = {{ command = "sleep 60" }} }}]
[[scripts.steps]]
expect = ["interrupted", "use tabs"]
text = "Stopped there."
{LEAD}"""


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
async def test_cancel_breaks_off_a_command_and_keeps_the_work(stage: Stage, session: Session) -> None:
    await say(session, "Add a note")
    await session.say("go")
    async with asyncio.timeout(20):
        async for _ in session.batches():
            frame = session.state.frame("coder")
            if frame is not None and any(c.started and c.call.name == "bash" for c in frame.calls.values()):
                break
    before = asyncio.get_running_loop().time()
    state = await say(session, "cancel")
    assert asyncio.get_running_loop().time() - before < 5
    assert state.outcome == "cancelled"
    assert stage.git("show", f"{state.head}:HALF") == "half"
    state = await say(session, "use tabs")
    assert state.pr is not None, (await posts(session), stage.server.failures)


@pytest.mark.parametrize("stage", [SIMPLE], indirect=True)
async def test_only_the_owner_approves(stage: Stage, session: Session) -> None:
    from codebutler.thread import engine
    from codebutler.types import Inbound, Person

    state = await say(session, "Add a note")
    plan = state.plan
    assert plan is not None
    mallory = Inbound(
        surface="terminal", external_id="life", key="m1", author=Person(surface="terminal", id="mallory"),
        action="approve", value=plan.hash,
    )  # fmt: skip
    await engine.receive(session.host.store, mallory)
    state = await say(session, "/status")
    assert state.approval is None
    assert any("may approve" in p for p in await posts(session))


FLAKY = """
[[scripts]]
role = "pm"
[[scripts.steps]]
status = 503
times = 2
text = "fine"
"""


@pytest.mark.parametrize("stage", [FLAKY], indirect=True)
async def test_a_model_that_is_away_for_a_moment_costs_a_retry_only(stage: Stage, session: Session) -> None:
    state = await say(session, "hello")
    assert state.outcome == "answered"


REFUSED = """
[[scripts]]
role = "pm"
[[scripts.steps]]
status = 401
times = 1
text = "fine"
"""


@pytest.mark.parametrize("stage", [REFUSED], indirect=True)
async def test_a_refused_key_is_said_and_go_tries_again(stage: Stage, session: Session) -> None:
    state = await say(session, "hello")
    assert state.outcome == "failed"
    assert "could not go on" in (await posts(session))[-1]
    state = await say(session, "go")
    assert state.outcome == "answered"


GARBAGE = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "grep", garbage = "{not json" }]
[[scripts.steps]]
expect = ["not valid JSON"]
calls = [{ name = "no_such_tool", arguments = {} }]
[[scripts.steps]]
expect = ["no tool 'no_such_tool'"]
calls = [{ name = "grep", arguments = { pattern = 7 } }]
[[scripts.steps]]
text = "I give up."
"""


@pytest.mark.parametrize("stage", [GARBAGE], indirect=True)
async def test_garbage_from_a_model_comes_back_to_it_as_text(stage: Stage, session: Session) -> None:
    state = await say(session, "hello")
    assert state.outcome == "answered", stage.server.failures
    assert stage.server.failures == []


NOTHING = """
[[scripts]]
role = "pm"
[[scripts.steps]]
empty = true
times = 50
text = "never"
"""


@pytest.mark.parametrize("stage", [NOTHING], indirect=True)
async def test_a_model_that_answers_with_nothing_ends_the_turn_with_words(
    stage: Stage, session: Session
) -> None:
    state = await say(session, "hello")
    assert state.outcome == "failed"
    assert "answers with nothing" in (await posts(session))[-1]
    assert len(stage.server.requests) == 3


LOOPING = "[[scripts]]\nrole = 'pm'\n" + "".join(
    f"[[scripts.steps]]\ncalls = [{{ name = 'grep', arguments = {{ pattern = 'x' }} }}]\n{extra}"
    for extra in [""] * 20
)


@pytest.mark.parametrize("stage", [LOOPING], indirect=True)
async def test_a_model_in_a_loop_is_told_and_then_stopped(stage: Stage, session: Session) -> None:
    state = await say(session, "hello")
    assert state.outcome == "failed"
    assert "without progress" in (await posts(session))[-1]
    assert len(stage.server.requests) == 8


@pytest.mark.parametrize("stage", [SIMPLE], indirect=True)
async def test_every_request_extends_the_one_before(stage: Stage, session: Session) -> None:
    """Providers' prompt caches hit: tools and system are byte-equal, messages only grow."""
    stage.server._keep = True
    await say(session, "Add a note")
    await say(session, "go")
    bodies: dict[str, list[dict[str, object]]] = {}
    for asked in stage.server.requests:
        if asked.body is not None:
            bodies.setdefault(asked.role, []).append(asked.body)
    assert set(bodies) == {"pm", "coder", "lead"}
    for requests in bodies.values():
        for before, after in pairwise(requests):
            assert json.dumps(before["tools"]) == json.dumps(after["tools"])
            old, new = json.dumps(before["messages"])[:-1], json.dumps(after["messages"])
            assert new.startswith(old)
