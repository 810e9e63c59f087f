"""Everything a user can get wrong, looked at once: each problem with its fix. Nothing is changed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codebutler.config import Config, home_folder, load_config
from codebutler.errors import CodeButlerError
from codebutler.repo.discover import Repo, find_repo
from codebutler.sandbox import scope
from codebutler.sandbox.probe import probe
from codebutler.sandbox.settings import SandboxSettings
from codebutler.service import doctor_host, doctor_models
from codebutler.service.app import sandbox_settings
from codebutler.service.doctor_check import Check, note, ok, problem


@dataclass(frozen=True, slots=True)
class Report:
    """All checks, and the configuration if it could be read."""

    checks: Sequence[Check]
    config: Config | None

    @property
    def ok(self) -> bool:
        """No check found a problem."""
        return not any(check.state == "problem" for check in self.checks)


async def examine(
    path: Path, *, home: Path | None = None, env: Mapping[str, str], offline: bool = False
) -> Report:
    """Look at this machine, the repo around ``path`` and the configuration. ``offline``: ask no server."""
    folder = home or home_folder(env)
    checks = [doctor_host.python(), await doctor_host.git(), doctor_host.ripgrep()]
    repo, found = await _repo(path)
    checks += found
    config, found = _config(repo, folder, env)
    checks += found
    checks += await _sandbox(config)
    if config is not None:
        checks += _wishes(config)
        checks += await doctor_models.examine(config, offline=offline)
    checks += await asyncio.to_thread(doctor_host.disk, repo.root if repo else path, folder)
    if repo is not None:
        checks.append(await asyncio.to_thread(doctor_host.store, repo.inner / "store.db", "store"))
    checks.append(await asyncio.to_thread(doctor_host.store, folder / "global.db", "global store"))
    return Report(checks, config)


async def _repo(path: Path) -> tuple[Repo | None, list[Check]]:
    try:
        repo = await find_repo(path)
    except CodeButlerError as error:
        return None, [problem("repo", error.message, error.fix)]
    where = f"on {repo.branch}" if repo.branch else f"detached at {repo.head[:10]}"
    checks = [ok("repo", f"{repo.root}, {where}, default branch {repo.default_branch}")]
    if not repo.remote_url:
        checks.append(note("remote", "none: a bare remote will be made in the global folder"))
    else:
        checks.append(ok("remote", repo.remote_name))
    return repo, checks


def _config(repo: Repo | None, home: Path, env: Mapping[str, str]) -> tuple[Config | None, list[Check]]:
    try:
        config = load_config(repo.root if repo else None, home=home, env=env)
    except CodeButlerError as error:
        return None, [problem("config", error.message, error.fix)]
    files = [home / "config.json", *([repo.inner / "config.json"] if repo else [])]
    there = [str(f) for f in files if f.exists()]
    checks = [ok("config", ", ".join(there) or "no file: the shipped values hold")]
    checks += [note("config", text) for text in config.notes]
    return config, [*checks, doctor_host.folder(home)]


async def _sandbox(config: Config | None) -> list[Check]:
    """The live probe, with the host's own settings."""
    settings = SandboxSettings.from_host()
    if config is not None:
        settings = sandbox_settings(config)
    result = await probe(settings)
    if result.tier == "off":
        return [note("sandbox", "it is switched off on this host: tools run with all rights of this user")]
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
    return broken or [
        ok("sandbox", f"{result.tier}, bwrap {result.bwrap}; {len(held)} attempts to leave it failed")
    ]


def _wishes(config: Config) -> list[Check]:
    """Settings that a person should know the price of."""
    notes = []
    if config.sandbox.allow:
        hosts = ", ".join(config.sandbox.allow)
        text = f"tools reach {hosts}: any of them that takes uploads can be handed your source"
        notes.append(note("sandbox", text))
    if config.sandbox.memory_mib and scope.offered(os.environ, uid=os.geteuid()) is None:
        notes.append(note("sandbox", "sandbox.memoryMib is not kept: systemd offers this user no scope"))
    return notes
