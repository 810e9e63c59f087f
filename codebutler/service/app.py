"""Puts the parts of one repo's service together. The only place that knows all of them."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from codebutler import logs
from codebutler.config import Config, home_folder, load_config, make_home
from codebutler.errors import ConfigError
from codebutler.models.foreign import Client
from codebutler.models.routing import Router
from codebutler.redact import Redactor
from codebutler.repo import process
from codebutler.repo.discover import Repo, find_repo
from codebutler.repo.layout import hide_own_files, own_file, own_folder
from codebutler.repo.objects import read_bytes, show_file
from codebutler.sandbox.configured import sandbox_settings
from codebutler.service.keeping import copy_of, name_of, rescue_of
from codebutler.settings import borrowed
from codebutler.settings.discord import Discord
from codebutler.settings.slack import Slack
from codebutler.store.store import Store
from codebutler.thread.host import Host

STORE = ".codebutler/store.db"


class Place(Struct, frozen=True):
    """A repo with the configuration that holds in it."""

    repo: Repo
    config: Config
    home: Path
    redactor: Redactor

    def with_doors(self, *, slack: Slack, discord: Discord) -> Place:
        """The same place with other settings of its doors."""
        update = {"slack": slack, "discord": discord}
        return replace(self, config=self.config.model_copy(update=update))


async def find_place(
    path: Path,
    *,
    home: Path | None = None,
    env: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Place:
    """Find the repo around ``path`` and read its configuration, with ``flags`` (dotted keys) over all else.

    Errors name file, key and fix.
    """
    variables = os.environ if env is None else env
    folder = home or home_folder(variables)
    repo = await find_repo(path)
    theirs = await committed_config(repo)
    config = load_config(repo.root, home=folder, env=variables, flags=flags, repo_text=theirs)
    process.SECONDS.set(config.git.timeout)
    return Place(repo, config, folder, Redactor([*config.secrets(), *borrowed.secrets(variables)]))


async def committed_config(repo: Repo) -> str:
    """The repo's own config file as the last commit has it; "" when it has none."""
    return await show_file(repo.gitdir, repo.head, ".codebutler/config.json") or ""


async def open_store(place: Place) -> Store:
    """The repo's store; its folder is hidden from git by the clone's own exclude file."""
    if await read_bytes(place.repo.gitdir, place.repo.head, STORE, limit=1) is not None:
        raise ConfigError(
            f"{STORE} is committed in this repo, so it cannot be trusted",
            fix=f"git rm --cached {STORE}; commit that.",
        )
    own_folder(place.repo, place.repo.inner)
    hide_own_files(place.repo)
    own_file(place.repo, place.repo.inner / "store.db")
    rescue = rescue_of(place.repo, place.home)
    return await Store.open(place.repo.inner / "store.db", place.redactor, rescue)


def is_frozen(place: Place) -> bool:
    """Whether the store is on a disk that takes nothing: one that is broken turns so by itself."""
    file = place.repo.inner / "store.db"
    return file.exists() and bool(os.statvfs(file).f_flag & os.ST_RDONLY)


async def open_copy(place: Place, room: Path) -> Store:
    """The store of a read-only disk, copied to the folder ``room``: SQLite cannot read it where it is."""
    for name in ("store.db", "store.db-wal"):
        file = place.repo.inner / name
        if file.is_file() and not file.is_symlink():
            await asyncio.to_thread(shutil.copyfile, file, room / name)
    return await Store.open(room / "store.db", place.redactor)


async def open_host(place: Place) -> Host:
    """All services of the repo. Close the host when done."""
    make_home(place.home)
    store = await open_store(place)
    name = name_of(place.repo)
    logs.REPO.set(name)
    logs.keep(place.redactor, log_file(place), repo=name, json_lines=place.config.serve.log_json)
    ledger = await Store.open(place.home / "global.db", place.redactor)
    router = Router(place.config)
    return Host(
        repo=place.repo,
        config=place.config,
        home=place.home,
        store=store,
        ledger=ledger,
        copy=await copy_of(place.repo, place.home, store),
        sandbox=sandbox_settings(place.config),
        client=Client(router),
        router=router,
        redactor=place.redactor,
        log=name,
    )


def log_file(place: Place) -> Path:
    """The service's own log of this repo."""
    return place.home / "logs" / f"{name_of(place.repo)}.log"
