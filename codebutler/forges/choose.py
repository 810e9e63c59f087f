"""Which forge a repository has. Another kind of forge is one more branch in ``forge_for``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from codebutler.errors import ConfigError
from codebutler.forges.base import Forge
from codebutler.forges.local import LocalForge
from codebutler.repo.discover import Repo
from codebutler.repo.layout import hide_own_files, own_folder
from codebutler.repo.process import without_passwords
from codebutler.repo.remotes import is_local, pick_remote


class ForgeChoice(Protocol):
    """The part of the configuration that chooses: "" or "auto" by the remote, "local" for one on disk."""

    @property
    def forge(self) -> str:
        """The forge's name."""
        ...


async def forge_for(repo: Repo, config: ForgeChoice, *, home: Path) -> Forge:
    """The repository's forge. A remote on this disk, or none at all, has the local one.

    The repository's store is there already (``service.app.open_store``): PRs are rows of it.
    ``home`` is CODEBUTLER_HOME, where a missing remote is made on first use. ConfigError when the remote is
    a server that no forge here can talk to.
    """
    local = config.forge == "local"
    if repo.remote_url and not is_local(repo.remote_url) and not local:
        raise ConfigError(
            f"pull requests at {without_passwords(repo.remote_url)} are not supported yet: GitHub is to come",
            fix=f'Put "forge": "local" into {home / "config.json"}: PRs then go to a remote on this disk',
        )
    await asyncio.to_thread(own_folder, repo, repo.inner)
    await asyncio.to_thread(hide_own_files, repo)
    return LocalForge(repo, pick_remote(repo, home, local=local), repo.inner / "store.db")
