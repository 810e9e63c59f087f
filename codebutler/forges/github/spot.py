"""Which repository of GitHub a remote URL means."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from msgspec import Struct

from codebutler.settings.github import GitHub

_SCP_LIKE = re.compile(r"(?:[\w.+-]+@)?(?P<host>[\w.-]+):(?!//)(?P<path>.+)")
_PATH = re.compile(r"/*(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/*")


class Spot(Struct, frozen=True):
    """A repository. ``git_url`` is where git reaches it over HTTP, without credentials."""

    owner: str
    name: str
    git_url: str

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner}/{self.name}"


def spot_of(url: str, settings: GitHub, *, surely: bool = False) -> Spot | None:
    """The repository behind a remote's URL; None when its host is not GitHub's (``surely``: any host is)."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ssh", "git") and parts.hostname:
        host, path = parts.hostname, parts.path
    elif (match := _SCP_LIKE.fullmatch(url)) is not None and "://" not in url:
        host, path = match["host"], match["path"]
    else:
        return None
    named = _PATH.fullmatch(path)
    if named is None or (host.lower() not in hosts(settings) and not surely):
        return None
    full = f"{named['owner']}/{named['name']}"
    if parts.scheme in ("http", "https"):
        port = f":{parts.port}" if parts.port else ""
        git_url = f"{parts.scheme}://{parts.hostname}{port}/{full}.git"
    else:
        git_url = f"{web_url(settings)}/{full}.git"
    return Spot(named["owner"], named["name"], git_url)


def page(spot: Spot, settings: GitHub, branch: str, path: str) -> str:
    """Where people see, and edit, a file of a branch."""
    return f"{web_url(settings)}/{spot.full_name}/blob/{quote(branch)}/{quote(path)}"


def hosts(settings: GitHub) -> set[str]:
    """The hosts of remotes that are GitHub's: of its pages, and of an Enterprise server's API."""
    found = {(urlsplit(each).hostname or "").lower() for each in (web_url(settings), settings.base_url)}
    return {host for host in found | {name.removeprefix("api.") for name in found} if host} | {
        "ssh." + host for host in found
    }


def web_url(settings: GitHub) -> str:
    """Where pages and git are: as configured, or the Enterprise server that the API is on."""
    api = urlsplit(settings.base_url)
    shipped = GitHub()
    if settings.web_url == shipped.web_url and settings.base_url != shipped.base_url:
        return f"{api.scheme}://{api.netloc.removeprefix('api.')}"
    return settings.web_url
