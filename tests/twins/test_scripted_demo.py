"""The demo's scenario rehearsed: the real executor program on the real sample, roles taken by turns.

The daemon's own tools answer with fixed lines here; the whole product is the end-to-end tests' matter.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from codebutler.testing.sample import make_sample
from codebutler.testing.scenario import SHIPPED, parse_scenario
from codebutler.testing.scripted import ScriptedModel

ROOT = Path(__file__).parents[2]
NATIVE = ("read", "write", "edit", "bash", "grep", "glob")
PM = ("read", "grep", "glob", "git_log", "propose_plan", "ask_user")
CODER = (*NATIVE, "ask_pm", "update_plan", "git_commit", "git_push", "create_pr")
LEAD = ("read", "read_memory", "write_summary", "propose_memory")
CANNED = {
    "git_log": "065c65d 2025-03-02 Robin Sample: Price lists, bands found by bisection",
    "propose_plan": "The plan is before the person. Wait for their word.",
    "git_commit": "Committed as 0123456789ab.",
    "git_push": "The remote has 0123456789ab.",
    "create_pr": "Pull request #1 is open: local:1",
    "read_memory": "## bugfix\n1. PM: find the cause",
    "write_summary": "Kept for the pull request and the report.",
    "propose_memory": "2 proposed; a person decides.",
}
INTERRUPTED = "This call was interrupted by a restart. Its effect is unknown."


class Executor:
    """tools/ as a plain process, over its own protocol."""

    def __init__(self, repo: Path, state: Path) -> None:
        state.mkdir()
        rg = str(Path(sys.executable).parent / "rg")
        config = json.dumps({"root": str(repo), "state": str(state), "rg": rg})
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(ROOT / "tools"), config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=repo,
        )

    def call(self, name: str, arguments: dict[str, Any]) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        request = {"id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **request}).encode() + b"\n")
        self.process.stdin.flush()
        return str(json.loads(self.process.stdout.readline())["result"]["content"][0]["text"])

    def close(self) -> None:
        with self.process:
            assert self.process.stdin is not None
            self.process.stdin.close()


@dataclass
class Team:
    """Runs roles against the server. ``lost``: numbers of native writing calls that lose their result."""

    client: AsyncOpenAI
    hands: Executor
    lost: frozenset[int] = frozenset()
    effect: bool = True
    """Whether a lost call had acted before it was lost."""
    talks: dict[str, list[Any]] = field(default_factory=dict)
    risky: int = 0

    async def hear(self, role: str, text: str, tools: tuple[str, ...]) -> str:
        """Give ``role`` a message and let it work until it answers without tools, or proposes a plan."""
        talk = self.talks.setdefault(role, [{"role": "system", "content": "Tests: python3 -m unittest"}])
        talk.append({"role": "user", "content": text})
        while True:
            answer = await self.client.chat.completions.create(
                model=f"scripted/{role}",
                messages=talk,
                tools=[{"type": "function", "function": {"name": n, "parameters": {}}} for n in tools],
            )
            message = answer.choices[0].message
            talk.append(message.model_dump(exclude_none=True))
            for call in message.tool_calls or []:
                assert call.type == "function"
                result = await self.run(call.function.name, json.loads(call.function.arguments))
                talk.append({"role": "tool", "tool_call_id": call.id, "content": result})
            names = [c.function.name for c in message.tool_calls or [] if c.type == "function"]
            if not names or "propose_plan" in names:
                return message.content or ""

    async def run(self, name: str, arguments: dict[str, Any]) -> str:
        """One tool call."""
        if name == "ask_pm":
            return await self.hear("pm", f"The Coder asks: {arguments['question']}", PM)
        if name == "update_plan":
            items = arguments["items"]
            return f"{sum(i['status'] == 'done' for i in items)} of {len(items)} done."
        if name not in NATIVE:
            return CANNED[name]
        if name in {"bash", "edit"}:
            self.risky += 1
            if self.risky in self.lost:
                if self.effect:
                    self.hands.call(name, arguments)
                return INTERRUPTED
        return self.hands.call(name, arguments)

    async def everything(self, task: str) -> None:
        """From the request to the Lead's last word."""
        await self.hear("pm", task, PM)
        plan = next(
            c["function"]["arguments"]
            for m in self.talks["pm"]
            for c in m.get("tool_calls", [])
            if c["function"]["name"] == "propose_plan"
        )
        lines = [json.loads(plan)["title"], *(r for s in json.loads(plan)["steps"] for r in s["refs"])]
        await self.hear("coder", "\n".join(lines), CODER)
        await self.hear("lead", "bisect_left … exactly 20 kg", LEAD)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[tuple[Path, str, Executor]]:
    sample = make_sample(tmp_path / "s")
    hands = Executor(sample.repo, tmp_path / "state")
    yield sample.repo, sample.task, hands
    hands.close()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel("demo") as server:
        yield server


def unittest(repo: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "unittest"], cwd=repo, capture_output=True, text=True, check=False
    )
    return done.stderr


async def test_the_bug_is_fixed_and_every_demand_is_met(
    stage: tuple[Path, str, Executor], server: ScriptedModel
) -> None:
    repo, task, hands = stage
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
        await Team(client, hands).everything(task)
    assert server.failures == []
    assert server.bought_twice() == []
    steps = {(server.scenario.label(s), n + 1) for s in server.scenario.scripts for n in range(len(s.steps))}
    assert set(server.counts()) == steps, "every step was used"
    report = unittest(repo)
    assert "Ran 12 tests" in report
    assert report.endswith("OK\n")
    assert "exactly 20 kg is no longer refused" in (repo / "CHANGES.md").read_text()


LOST = ({1}, {2}, {3}, {4}, {5}, {1, 2}, {2, 3}, {3, 4, 5}, {5, 6}, set(range(1, 10, 2)))
"""Which calls' results are lost, together."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "lost" in metafunc.fixturenames:
        every = list(itertools.product(LOST, (True, False)))
        sample = every[:8] + every[-2:]
        metafunc.parametrize(("lost", "effect"), every if metafunc.config.getoption("--full") else sample)


async def test_lost_results_of_bash_and_edit_are_looked_into(
    stage: tuple[Path, str, Executor], server: ScriptedModel, lost: set[int], effect: bool
) -> None:
    repo, task, hands = stage
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
        await Team(client, hands, frozenset(lost), effect).everything(task)
    assert server.failures == []
    changes = (repo / "CHANGES.md").read_text()
    assert changes.count("exactly 20 kg") == 1
    report = unittest(repo)
    assert "Ran 12 tests" in report
    assert report.endswith("OK\n")


@pytest.mark.parametrize(
    ("right", "broken", "step"),
    [
        ("index = bisect_left(limits, grams)", "index = bisect_left(limits, grams) + 1", 8),
        ("index = bisect_left(limits, grams)", "index = bisect_right(limits, grams - 0)", 8),
        ("index = bisect_right(limits, grams)", "index = bisect_wrong(limits, grams)", 5),
        ('path = "parcelrate/bands.py"\nedits', 'path = "parcelrate/band.py"\nedits', 5),
        ("python3 -m unittest", "python3 -m unittest tests.test_weights", 2),
    ],
)
async def test_a_broken_coder_fails_the_demo(
    stage: tuple[Path, str, Executor], right: str, broken: str, step: int
) -> None:
    _, task, hands = stage
    text = (SHIPPED / "demo.toml").read_text()
    assert right in text
    if step == 2:  # only the commands, not the demand on the prompt
        text = text.replace(f'command = "{right}"', f'command = "{broken}"')
    else:
        text = text.replace(right, broken)
    async with (
        ScriptedModel(parse_scenario(text)) as server,
        AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client,
    ):
        with pytest.raises(openai.UnprocessableEntityError, match=f"demo.toml, coder step {step}: "):
            await Team(client, hands).everything(task)
        assert len(server.failures) == 1
