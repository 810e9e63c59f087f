"""What the doctor says of a repo's dependencies: what would be installed, from where, and what is missing."""

from __future__ import annotations

from pathlib import Path

from codebutler.config import Config
from codebutler.errors import CodeButlerError
from codebutler.repo.discover import Repo
from codebutler.sandbox.configured import sandbox_settings
from codebutler.service.doctor_check import Check, note, ok, problem
from codebutler.setup.registries import FIX, WARNING
from codebutler.setup.service import Setups

_AREA = "setup"


async def examine(repo: Repo, config: Config, home: Path) -> list[Check]:
    """Look at the last commit's lockfiles and at the registries. Nothing is installed or made."""
    if not config.sandbox.setup:
        return [note(_AREA, "switched off (sandbox.setup): no dependencies are installed")]
    setups = Setups(repo, config, home, sandbox_settings(config))
    try:
        checks = await _recipes(setups, repo)
        return [*checks, *await _registries(setups, config)]
    except CodeButlerError as error:
        return [problem(_AREA, error.message, error.fix)]
    finally:
        await setups.close()


async def _recipes(setups: Setups, repo: Repo) -> list[Check]:
    checks = []
    for wanted in await setups.wanted(repo.head):
        title = wanted.recipe.title
        if await setups.ready(wanted):
            checks.append(ok(_AREA, f"{title}: installed already"))
        elif wanted.problem:
            checks.append(note(_AREA, f"{title}: will not be installed: {wanted.problem}. {wanted.fix}"))
        else:
            checks.append(ok(_AREA, f"{title}: will be installed when a thread starts"))
    return checks or [ok(_AREA, "nothing to install: no lockfile at the top of the repo, no setup.command")]


async def _registries(setups: Setups, config: Config) -> list[Check]:
    names = ", ".join(config.sandbox.registries)
    if not names:
        return []
    found = await setups.registry()
    checks = [note(_AREA, line) for line in found.notes]
    if found.problem:
        checks.append(problem(_AREA, found.problem, FIX))
    if found.allow:
        checks.append(note(_AREA, f"{names} ({', '.join(found.allow)}) {WARNING}"))
    return checks
