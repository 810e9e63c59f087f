"""Puts the parts of one repo's service together. The only place that knows all of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codebutler.config import Config, home_folder, load_config
from codebutler.models.client import OpenAIClient
from codebutler.models.routing import Router
from codebutler.redact import Redactor
from codebutler.repo import process
from codebutler.repo.discover import Repo, find_repo
from codebutler.repo.layout import hide_own_files, own_folder
from codebutler.sandbox.settings import SandboxSettings
from codebutler.store.store import Store
from codebutler.thread.host import Host


@dataclass(frozen=True, slots=True)
class Place:
    """A repo with the configuration that holds in it."""

    repo: Repo
    config: Config
    home: Path
    redactor: Redactor


async def find_place(
    path: Path, *, home: Path | None = None, env: Mapping[str, str] | None = None
) -> Place:
    """Find the repo around ``path`` and read its configuration. Errors name file, key and fix."""
    variables = os.environ if env is None else env
    folder = home or home_folder(variables)
    repo = await find_repo(path)
    config = load_config(repo.root, home=folder, env=variables)
    process.SECONDS.set(config.git.timeout)
    return Place(repo, config, folder, Redactor(config.secrets()))


async def open_store(place: Place) -> Store:
    """The repo's store; its folder is hidden from git by the clone's own exclude file."""
    own_folder(place.repo, place.repo.inner)
    hide_own_files(place.repo)
    return await Store.open(place.repo.inner / "store.db")


async def open_host(place: Place) -> Host:
    """All services of the repo. Close the host when done."""
    store = await open_store(place)
    place.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    ledger = await Store.open(place.home / "global.db")
    router = Router(place.config)
    return Host(
        repo=place.repo,
        config=place.config,
        home=place.home,
        store=store,
        ledger=ledger,
        sandbox=SandboxSettings.from_host(),
        client=OpenAIClient(router),
        router=router,
        redactor=place.redactor,
    )
