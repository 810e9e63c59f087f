"""A sample repo, a scripted model and the real command line, for whole threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codebutler.cli.session import Session, open_session
from codebutler.service.app import find_place
from codebutler.surfaces.terminal import Terminal
from codebutler.testing.sample import Sample, make_sample
from codebutler.testing.scenario import Scenario, parse_scenario
from codebutler.testing.scripted import ScriptedModel

Json = dict[str, Any]


@dataclass
class Run:
    """What a run of the command line left: exit code, event lines, and the summary."""

    code: int
    lines: list[Json]
    stderr: str

    @property
    def summary(self) -> Json:
        assert self.lines, self.stderr
        assert self.lines[-1]["kind"] == "summary"
        return self.lines[-1]

    def kinds(self) -> list[str]:
        return [line["kind"] for line in self.lines]

    def of(self, kind: str) -> list[Json]:
        return [line for line in self.lines if line["kind"] == kind]


@dataclass
class Stage:
    """A sample repo with a model server: run commands in it, or open a session."""

    sample: Sample
    home: Path
    server: ScriptedModel
    extra: dict[str, str] = field(default_factory=dict)

    def env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "CODEBUTLER_HOME": str(self.home / "butler"),
            "OPENAI_BASE_URL": self.server.url,
            "OPENAI_API_KEY": "sk-canary-0123456789abcdefghij",
            **self.extra,
        }

    async def cli(self, *words: str, timeout: float = 60, **env: str) -> Run:  # noqa: ASYNC109 - a test's own
        """``codebutler words…`` in the sample repo, as its own process."""
        import asyncio

        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-c",
            "from codebutler.cli.main import main; raise SystemExit(main())",
            *words,
            cwd=self.sample.repo,
            env={**self.env(), **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), timeout)
        lines = [json.loads(x) for x in out.decode().splitlines() if x.startswith("{")]
        return Run(process.returncode or 0, lines, err.decode())

    def git(self, *words: str, where: Path | None = None) -> str:
        done = subprocess.run(
            ["git", "-C", str(where or self.sample.repo), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()



@pytest.fixture
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """The stage with the scenario that the test names by ``@pytest.mark.parametrize("stage", [...], indirect)``.

    A scenario is a shipped one's name, or the TOML text of one.
    """
    given = getattr(request, "param", "demo")
    scenario = parse_scenario(given) if "\n" in given else given
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # the sandbox's own user passes through
    sample = make_sample(tmp_path / "sample")
    async with ScriptedModel(scenario) as server:
        yield Stage(sample, tmp_path / "home", server)


@pytest.fixture
async def session(stage: Stage) -> AsyncIterator[Session]:
    """A session in this process on the stage's repo."""
    from rich.console import Console

    place = await find_place(stage.sample.repo, home=stage.home / "butler", env=stage.env())
    async with open_session(place, [Terminal(Console(), quiet=True)]) as opened:
        yield opened
