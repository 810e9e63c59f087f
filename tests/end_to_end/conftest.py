"""A sample repo, a scripted model and the real command line, for whole threads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.cli.session import Session, open_session
from codebutler.service.app import find_place
from codebutler.surfaces.terminal import Terminal
from codebutler.testing.sample import make_sample
from codebutler.testing.scenario import parse_scenario
from codebutler.testing.scripted import ScriptedModel
from codebutler.testing.stage import Stage


@pytest.fixture
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """The stage with the scenario that the test names: ``parametrize("stage", [...], indirect=True)``.

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
