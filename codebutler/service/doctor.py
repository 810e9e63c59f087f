"""Everything a user can get wrong, looked at once: each problem with its fix. Nothing is changed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from codebutler.config import FILE, Config, home_folder, load_config
from codebutler.errors import CodeButlerError
from codebutler.repo.discover import Repo
from codebutler.sandbox import scope
from codebutler.sandbox.configured import sandbox_settings
from codebutler.sandbox.probe import probe
from codebutler.sandbox.problems import unscratched
from codebutler.sandbox.settings import SandboxSettings
from codebutler.service import (
    doctor_discord,
    doctor_host,
    doctor_models,
    doctor_repo,
    doctor_servers,
    doctor_setup,
    doctor_slack,
)
from codebutler.service.app import committed_config
from codebutler.service.doctor_check import Check, note, ok, problem
from codebutler.service.doctor_servers import Roles
from codebutler.service.doctor_tour import Tour
from codebutler.service.keeping import rescue_of
from codebutler.service.owner import models_away, stalled


class Report(Struct, frozen=True):
    """All checks, and the configuration if it could be read."""

    checks: Sequence[Check]
    config: Config | None

    @property
    def ok(self) -> bool:
        """No check found a problem."""
        return not any(check.state == "problem" for check in self.checks)


async def examine(
    path: Path, *, home: Path | None = None, env: Mapping[str, str], offline: bool = False, mcp: bool = False
) -> Report:
    """Look at this machine, the repo around ``path`` and the configuration. ``offline``: ask no server.

    ``mcp``: start the MCP servers, and ask what they offer.
    """
    tour = Tour()
    await tour.look("python", asyncio.to_thread(doctor_host.python))
    await tour.look("git", doctor_host.git())
    await tour.look("ripgrep", asyncio.to_thread(doctor_host.ripgrep))
    repo = await tour.find("repo", doctor_repo.repo(path), None)
    folder = home or await tour.find("home", asyncio.to_thread(_home, env), None)
    config = await tour.find("config", _config(repo, folder, env), None) if folder else None
    if folder is not None:
        await tour.look("home", asyncio.to_thread(doctor_host.folder, folder))
    if repo is not None:
        await tour.look("remote", doctor_repo.remote(repo, config, folder, offline=offline))
        away = offline or tour.has_problem("remote")
        await tour.look("branches", doctor_repo.room(repo, config, folder, offline=away))
        await tour.look("instructions", doctor_repo.told(repo))
    await tour.look("sandbox", _sandbox(config))
    roles: Roles = await tour.find("roles", doctor_repo.roles(repo), {})
    if config is not None and folder is not None:
        await tour.look("sandbox", asyncio.to_thread(_wishes, config))
        if repo is not None:
            await tour.look("setup", doctor_setup.examine(repo, config, folder))
        await tour.look("models", doctor_models.examine(config, roles, env, offline=offline))
        await tour.look("slack", doctor_slack.examine(config, offline=offline))
        await tour.look("discord", doctor_discord.examine(config, offline=offline))
        await tour.look("mcp", doctor_servers.examine(repo, config, roles, live=mcp))
    await _kept(tour, path, repo, folder)
    return Report(tour.checks, config)


def _home(env: Mapping[str, str]) -> tuple[Path, list[Check]]:
    return home_folder(env), []


async def _kept(tour: Tour, path: Path, repo: Repo | None, folder: Path | None) -> None:
    """Where threads and stores are: space, and whether the files are whole."""
    places = [repo.root if repo else path, *([folder] if folder else [])]
    if repo is not None and folder is not None:
        await tour.look("models", _away(repo, folder))
        await tour.look("threads", _stalled(repo, folder))
    await tour.look("disk", asyncio.to_thread(doctor_host.disk, *places))
    if repo is not None:
        rescue = rescue_of(repo, folder)() if folder else ""
        own = asyncio.to_thread(doctor_host.store, repo.inner / "store.db", "store", rescue)
        await tour.look("store", own)
    if folder is not None and not tour.has_problem("home"):
        shared = asyncio.to_thread(doctor_host.store, folder / "global.db", "global store")
        await tour.look("global store", shared)


async def _away(repo: Repo, folder: Path) -> list[Check]:
    return [note("models", line) for line in await models_away(repo.root, folder)]


async def _stalled(repo: Repo, folder: Path) -> list[Check]:
    found = await stalled(repo, folder)
    return [problem("threads", found.message, found.fix)] if found is not None else []


async def _config(repo: Repo | None, home: Path, env: Mapping[str, str]) -> tuple[Config | None, list[Check]]:
    """The configuration that holds: the host's and the committed one. The checkout's own is only compared."""
    try:
        text = await committed_config(repo) if repo else ""
        config = load_config(repo.root if repo else None, home=home, env=env, repo_text=text)
    except CodeButlerError as error:
        return None, [problem("config", error.message, error.fix)]
    there = [str(home / FILE)] if os.access(home / FILE, os.F_OK) else []
    there += [f"{repo.inner / FILE} as committed"] if repo and text else []
    checks = [ok("config", ", ".join(there) or "no file: the shipped values hold")]
    checks += [note("config", line) for line in config.notes]
    if repo is not None:
        checks += await asyncio.to_thread(doctor_repo.uncommitted, repo, text, home, env)
    return config, checks


async def _sandbox(config: Config | None) -> list[Check]:
    """The live probe, with the host's own settings."""
    settings = SandboxSettings.from_host()
    if config is not None:
        settings = sandbox_settings(config)
    if (refusal := unscratched(settings)) is not None:
        return [problem("sandbox", refusal.message, refusal.fix)]
    result = await probe(settings)
    if result.tier == "off":
        return [note("sandbox", f"it is switched off. {settings.banner}")]
    if result.problem:
        return [problem("sandbox", result.problem, result.fix)]
    held = [check for check in result.checks if check.ok]
    broken = [
        problem(
            "sandbox", f"the border did not hold: {check.name}: {check.detail}", "Report this; do not use it"
        )
        for check in result.checks
        if not check.ok
    ]
    holds = f"{result.tier}, {result.by}; {len(held)} attempts to leave it failed"
    if result.open:
        holds += f". Not held by this tier: {'; '.join(result.open)}"
    return broken or [
        ok("sandbox", holds),
        *([note("sandbox", settings.banner)] if settings.banner else []),
    ]


def _wishes(config: Config) -> list[Check]:
    """Settings that a person should know the price of."""
    notes = []
    if config.sandbox.allow:
        hosts = ", ".join(config.sandbox.allow)
        text = f"tools reach {hosts}: any of them that takes uploads can be handed your source"
        notes.append(note("sandbox", text))
    if config.sandbox.private:
        hosts = ", ".join(config.sandbox.private)
        notes.append(note("sandbox", f"{hosts} may lead to addresses of your own network"))
    if config.sandbox.memory_mib and scope.offered(os.environ, uid=os.geteuid()) is None:
        notes.append(note("sandbox", "sandbox.memoryMib is not kept: systemd offers this user no scope"))
    return notes
