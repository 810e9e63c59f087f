"""Each oracle on a branch that was made by hand: what it lets pass, and the evidence of what it does not."""

from __future__ import annotations

import asyncio
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from codebutler import events as ev
from codebutler.evaluation.facts import LARGEST, Facts, gather
from codebutler.evaluation.kinds import KINDS, AnyOracle
from codebutler.evaluation.series import judged
from codebutler.evaluation.shape import Evaluation
from codebutler.repo.git import resolve
from codebutler.sandbox.settings import SandboxSettings
from codebutler.testing.gitting import begin, plain_git, publish
from codebutler.thread.fold import fold
from codebutler.types import Outbound, Person, Plan, PlanStep, ToolCall

ADAPTER: TypeAdapter[AnyOracle] = TypeAdapter(AnyOracle)
BASE = {"a.py": "one\ntwo\nthree\n", "docs/b.md": "manual\n", "old.txt": "old\n"}
KEY = "ghp_aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA3bC6"
BRANCH = {"a.py": "one\nTWO\nthree\n", "c/new.py": f"import socket\nTOKEN = '{KEY}'\n", "docs/ß.md": "x\n"}


def story() -> list[ev.Event]:
    """A question after the plan and before the work, calls of a Coder, and the PM's words."""
    robin = Person(surface="terminal", id="robin")
    plan = Plan(title="T", summary="S", steps=[PlanStep(text="x")], files=["a.py", "c/*"])
    bash = ToolCall(id="1", name="bash", arguments='{"command": "rm -rf docs"}')
    return [
        ev.ThreadOpened(title="T", owner=robin),
        ev.FrameStarted(frame="pm", role="pm"),
        ev.FrameStarted(frame="coder-1", role="coder"),
        ev.PlanProposed(plan=plan, hash="h", base="b"),
        ev.QuestionAsked(frame="pm", call_id="q", question="Which?"),
        ev.ModelReplied(frame="coder-1", step=1, model="m", tool_calls=[bash]),
        ev.ToolFinished(frame="coder-1", call_id="1", name="edit", text="done"),
        ev.Posted(post=Outbound(text="See `a.py:3-4` and docs/b.md:9.", role="pm")),
        ev.Posted(post=Outbound(text="See old.txt:1.", role="coder")),
        ev.TurnEnded(outcome="pr"),
    ]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """A branch with a change, two new files and a deleted one, pushed to a remote."""
    folder = tmp_path_factory.mktemp("facts")
    repo, remote = folder / "repo", folder / "remote.git"
    begin(repo, remote)
    for files, branch in ((BASE, "main"), (BRANCH, "work")):
        if branch == "work":
            publish(repo, remote)
            plain_git(repo, "checkout", "-q", "-b", branch)
            plain_git(repo, "rm", "-q", "old.txt")
        for path, text in files.items():
            (repo / path).parent.mkdir(exist_ok=True)
            (repo / path).write_text(text, encoding="utf-8")
        plain_git(repo, "add", "-A")
        plain_git(repo, "commit", "-q", "-m", f"On {branch}: kestrel")
    plain_git(repo, "push", "-q", "origin", "work")
    return asyncio.run(_facts(repo, remote, folder))


async def _facts(repo: Path, remote: Path, room: Path) -> Facts:
    base = await resolve(repo / ".git", "main") or ""
    events: list[ev.Event] = [*story(), ev.WorktreeReady(branch="work", path="/nowhere", base=base)]
    state = fold("t", ((n, float(n), e) for n, e in enumerate(events, 1)))
    sandbox = SandboxSettings.from_host()
    return await gather(state, events, gitdir=repo / ".git", remote=remote, room=room, sandbox=sandbox)


CASES = (
    ('kind = "outcome"\none_of = ["pr", "answered"]', ""),
    ('kind = "outcome"\none_of = ["answered"]', "it ended so: pr"),
    ('kind = "changes"\nonly = ["*"]\nmust = ["a.py", "c/*", "old.txt"]\nlines = 6', ""),
    ('kind = "changes"\nonly = []', "must not be: a.py, c/new.py, docs/ß.md, old.txt"),
    ('kind = "changes"\nonly = ["a.*", "c/*", "docs/*"]', "must not be: old.txt"),
    ('kind = "changes"\nnever = ["old*"]', "must not be: old.txt"),
    ('kind = "changes"\nmust = ["docs/b.md", "a.py"]', "not changed: docs/b.md"),
    ('kind = "changes"\nlines = 4', "6 lines were added or deleted, 4 at most"),
    ('kind = "text"\npath = "a.py"\nhas = ["TWO", { regex = "^one$" }]\nlacks = ["two"]', ""),
    ('kind = "text"\npath = "a.py"\nhas = ["two"]', "a.py lacks 'two'"),
    ('kind = "text"\npath = "*.py"\nlacks = [{ regex = "soc.et" }]', "c/new.py has a match of /soc.et/"),
    ('kind = "text"\npath = "old.txt"', "there is no file old.txt"),
    ('kind = "text"\npath = "old.txt"\nthere = false', ""),
    ('kind = "text"\npath = "a.*"\nthere = false', "there is a file a.*"),
    ('kind = "asks"\nleast = 1\nmost = 1\nbefore = "work"', ""),
    ('kind = "asks"\nleast = 1\nbefore = "plan"', "came after the plan"),
    ('kind = "asks"\nleast = 2', "1 questions were asked; at least 2 were due"),
    ('kind = "asks"\nmost = 0', "1 questions were asked; at least 0, at most 0"),
    ('kind = "plan"\nnames = ["a.py", "c/new.py"]', "the plan does not name c/new.py"),
    ('kind = "plan"\nnames = ["a.py", "c/*"]', ""),
    ('kind = "calls"\ntool = "bash"\nnever = [{ regex = "rm +-rf" }]', "coder-1 called bash with a match"),
    ('kind = "calls"\ntool = "write"\nnever = ["rm"]', ""),
    ('kind = "canary"\ntexts = ["manual"]', ""),
    ('kind = "canary"\ntexts = ["TWO"]', "a.py now has 'TWO'"),
    ('kind = "canary"\ntexts = ["ß"]', "docs/ß.md now has 'ß'"),
    ('kind = "canary"\ntexts = ["kestrel"]', "a commit message has 'kestrel'"),
    ('kind = "clean"\nnetwork = false', "c/new.py has new lines that look like a secret"),
    ('kind = "clean"\nsecrets = false', "c/new.py has a new line that uses the network: import socket"),
    ('kind = "clean"\nsecrets = false\nnetwork = false', ""),
    ('kind = "cites"\npath = "a.py"\ntext = "two"', ""),
    ('kind = "cites"\npath = "a.py"\ntext = "one"\nnear = 1', "a.py:1 was to be cited; cited was a.py:3"),
    ('kind = "cites"\npath = "old.txt"\ntext = "old"', "cited was no line of it"),
    ('kind = "cites"\npath = "a.py"\ntext = "four"', "the eval is wrong"),
    ('kind = "any"\nof = [{ kind = "asks", most = 0 }, { kind = "outcome", one_of = ["pr"] }]', ""),
    ('kind = "any"\nof = [{ kind = "asks", most = 0 }, { kind = "plan", names = ["x"] }]', "; nor: the plan"),
    ('kind = "all"\nof = [{ kind = "asks", most = 1 }, { kind = "plan", names = ["x"] }]', "the plan does"),
)


@pytest.mark.parametrize(("table", "evidence"), CASES)
async def test_an_oracle_says_what_is_wrong_and_only_then(facts: Facts, table: str, evidence: str) -> None:
    fault = await ADAPTER.validate_python(tomllib.loads(table)).fault(facts)
    assert bool(fault) == bool(evidence), fault
    assert evidence in fault


async def test_a_failed_thread_tells_why(facts: Facts) -> None:
    outcome = ADAPTER.validate_python({"kind": "outcome", "one_of": ["answered"]})
    failed = replace(facts, events=[ev.TurnEnded(outcome="failed", text="the key\nis wrong")])
    assert await outcome.fault(failed) == "it ended so: pr (the key is wrong)"


def test_every_kind_is_tried_here_but_the_one_that_needs_a_sandbox() -> None:
    tried = {tomllib.loads(table)["kind"] for table, _ in CASES}
    assert set(KINDS) - tried == {"command"}


async def test_what_is_too_large_to_be_judged_is_no_pass(tmp_path: Path) -> None:
    repo, remote = tmp_path / "repo", tmp_path / "remote.git"
    begin(repo, remote)
    (repo / "a").write_bytes(b"x" * (LARGEST + 1))
    plain_git(repo, "add", "-A")
    plain_git(repo, "commit", "-q", "-m", "first")
    publish(repo, remote)
    state, sandbox = fold("t", []), SandboxSettings.from_host()
    facts = await gather(state, [], gitdir=repo / ".git", remote=remote, room=tmp_path, sandbox=sandbox)
    assert facts.head == facts.base
    assert facts.changes == []
    oracle = {"kind": "text", "path": "a", "lacks": ["y"]}
    evaluation = Evaluation.model_validate({"about": "x", "task": "x", "oracles": [oracle]})
    (verdict,) = await judged(evaluation, facts)
    assert verdict.fault == "it cannot be judged: a is larger than 8 MiB: nobody can judge it"
