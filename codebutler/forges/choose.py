"""Which forge a repository has. Another kind of forge is one more branch in ``forge_for``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from codebutler.errors import ConfigError, RepoError
from codebutler.forges.base import Forge
from codebutler.forges.github.access import access_for
from codebutler.forges.github.calls import Calls
from codebutler.forges.github.forge import GitHubForge
from codebutler.forges.github.spot import Spot, spot_of
from codebutler.forges.local import LocalForge
from codebutler.repo import namesake
from codebutler.repo.discover import Repo
from codebutler.repo.layout import hide_own_files, own_folder
from codebutler.repo.process import without_passwords
from codebutler.repo.remotes import is_local, our_branches, pick_remote
from codebutler.settings.github import GitHub


class ForgeChoice(Protocol):
    """The part of the configuration that chooses: "auto" by the remote, "local" for one on disk, "github"."""

    @property
    def forge(self) -> str:
        """The forge's name."""
        ...

    @property
    def github(self) -> GitHub:
        """GitHub's addresses and credentials."""
        ...


class Way(Struct, frozen=True):
    """How git reaches a repository's remote: "" and None where it is as the remote's own URL says."""

    url: str = ""
    token: str | None = None


async def forge_for(repo: Repo, config: ForgeChoice, *, home: Path, checked: bool = True) -> Forge:
    """The repository's forge. A remote on this disk, or none at all, has the local one.

    The repository's store is there already (``service.app.open_store``): PRs are rows of it.
    ``home`` is CODEBUTLER_HOME, where a missing remote is made on first use. ConfigError when the remote is
    a server that no forge here can talk to, or when there are no credentials for it; RepoError when it is
    GitHub and, as it is asked unless ``checked`` is False, takes no pushes of ours.
    """
    spot = github_spot(repo, config)
    if spot is not None:
        forge = GitHubForge(repo, spot, config.github, await calls_for(spot, config.github))
        if checked:
            await forge.check()
        return forge
    local = config.forge == "local"
    if repo.remote_url and not is_local(repo.remote_url) and not local:
        raise ConfigError(
            f"pull requests at {without_passwords(repo.remote_url)} are not supported: no GitHub known here",
            fix=f'Put "forge": "local" into {home / "config.json"}: PRs then go to a remote on this disk. '
            "(An Enterprise server: set github.baseUrl there.)",
        )
    await asyncio.to_thread(own_folder, repo, repo.inner)
    await asyncio.to_thread(hide_own_files, repo)
    return LocalForge(repo, pick_remote(repo, home, local=local), repo.inner / "store.db")


def github_spot(repo: Repo, config: ForgeChoice) -> Spot | None:
    """The repository at GitHub, if that is where its pull requests live."""
    if config.forge == "local" or not repo.remote_url or is_local(repo.remote_url):
        return None
    return spot_of(repo.remote_url, config.github, surely=config.forge == "github")


async def calls_for(spot: Spot, settings: GitHub) -> Calls:
    """The API with the credentials that are configured for a repository. ConfigError without any."""
    access = await access_for(spot, settings)
    return Calls(access, gap=settings.post_seconds, patience=settings.wait_seconds)


async def way_to(repo: Repo, config: ForgeChoice) -> Way:
    """How the daemon's git reaches the remote: at GitHub over HTTP with our token, where there is one."""
    spot = github_spot(repo, config)
    if spot is None:
        return Way()
    try:
        access = await access_for(spot, config.github)
        return Way(spot.git_url, await access.password())
    except (ConfigError, RepoError):  # reading may go without: by an SSH agent, or of a public repository
        return Way()


async def taken_branches(repo: Repo, config: ForgeChoice, *, home: Path) -> frozenset[str]:
    """The names that no new thread may take for its branch: other clones of the remote may have threads, too.

    None for a remote that cannot be reached: the first push looks again. RepoError when a branch that is
    here or there leaves no room for any name (``repo.namesake``).
    """
    there, names = await _at_remote(repo, config, home)
    blocked = await namesake.found(repo, there if namesake.NAME in names else "")
    if blocked is not None:
        raise blocked
    return names


async def _at_remote(repo: Repo, config: ForgeChoice, home: Path) -> tuple[str, frozenset[str]]:
    """What git calls the remote, and the names of ours that it has."""
    way = await way_to(repo, config)
    try:
        remote = pick_remote(repo, home, local=config.forge == "local")
        names = await our_branches(repo, remote, url=way.url, token=way.token)
    except RepoError:
        return "", frozenset()
    return remote.url if remote.made else repo.remote_name, names
