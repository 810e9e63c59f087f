"""Where a repository's work is sent: the person's remote, or a bare one made in CODEBUTLER_HOME.

The person's own configuration and remote-tracking refs are never written: what CodeButler learns of a
remote stands under ``refs/codebutler/``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

from codebutler.errors import RepoError
from codebutler.repo.discover import Repo
from codebutler.repo.git import is_ancestor, tip_of
from codebutler.repo.process import complaint, environment, run
from codebutler.repo.transfer import Update, ls_remote, push_refs
from codebutler.repo.words import slug

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class Remote(Struct, frozen=True):
    """A place to push to. ``path`` is its gitdir if it is on this disk; ``made`` if CodeButler made it."""

    url: str
    path: Path | None = None
    made: bool = False


def pick_remote(repo: Repo, home: Path, *, local: bool = False) -> Remote:
    """The remote of the repo; the one made in ``home`` if there is none, or ``local`` asks for one on disk.

    A made remote need not exist yet: see ``ensure_made``. RepoError if a remote on disk is gone.
    """
    if not repo.remote_url:
        return _made(repo, home)
    if not is_local(repo.remote_url):
        return _made(repo, home) if local else Remote(repo.remote_url)
    path = _local_gitdir(repo.root, repo.remote_url)
    if path is None:
        raise away(repo, repo.remote_url)
    return Remote(str(path), path)


def away(repo: Repo, url: str) -> RepoError:
    """A remote on this disk is gone."""
    return RepoError(
        f"the remote {repo.remote_name} ({url}) is not there",
        fix=f"Mount its disk and try again, or name another place: git remote set-url {repo.remote_name} URL",
    )


def is_local(url: str) -> bool:
    """Whether a remote URL means a folder on this disk, as git reads it."""
    if _SCHEME.match(url):
        return url.lower().startswith("file://")
    before_slash = url.split("/", 1)[0]
    return ":" not in before_slash


def _local_gitdir(root: Path, url: str) -> Path | None:
    text = unquote(url[len("file://") :]) if _SCHEME.match(url) else url
    place = Path(os.path.realpath(root / text))
    beside = place.with_name(place.name + ".git")
    for folder in (place / ".git", place, beside):
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder
    return None


def _made(repo: Repo, home: Path) -> Remote:
    mark = hashlib.sha256(os.fsencode(repo.root)).hexdigest()[:12]
    path = Path(os.path.realpath(home)) / "remotes" / f"{slug(repo.root.name)}-{mark}.git"
    return Remote(str(path), path, made=True)


def pull_line(remote: Remote, branch: str) -> str:
    """The command that brings merged work into the person's checkout."""
    return f"git pull {shlex.quote(remote.url)} {shlex.quote(branch)}"


async def ensure_made(repo: Repo, remote: Remote, branch: str) -> None:
    """Make the bare remote if it is not there, and bring its ``branch`` up to the repository's own.

    The repository's is the newest of the local branch and what was last fetched of a real remote. A branch
    that has gone another way than the remote's is left alone: the remote's is what PRs are merged into.
    """
    if not remote.made or remote.path is None:
        return
    tip = await upstream_tip(repo, branch)
    if tip is None:
        raise RepoError(f"there is no branch {branch} to start the local remote from")
    if not remote.path.exists():
        await _make(repo, remote.path, branch)
    known = (await ls_remote(repo.gitdir, remote.url, f"refs/heads/{branch}")).get(f"refs/heads/{branch}", "")
    if known != tip and (not known or await is_ancestor(repo.gitdir, known, tip)):
        await push_refs(repo.gitdir, remote.url, [Update(f"refs/heads/{branch}", tip, known)])


async def our_branches(
    repo: Repo, remote: Remote, *, url: str = "", token: str | None = None, timeout: float = 10.0
) -> frozenset[str]:
    """The branches of ours that the remote has, whichever clone or process made them; ``timeout`` in seconds.

    And ``codebutler``, if there is one: see ``repo.namesake``.

    ``url`` and ``token`` reach the remote where its own URL does not.
    """
    if remote.made and remote.path is not None and not remote.path.exists():
        return frozenset()
    ours = ("refs/heads/codebutler", "refs/heads/codebutler/*")
    refs = await ls_remote(repo.gitdir, url or remote.url, *ours, token=token, timeout=timeout)
    return frozenset(ref.removeprefix("refs/heads/") for ref in refs)


async def upstream_tip(repo: Repo, branch: str) -> str | None:
    """The newest commit known of a branch outside a made remote: local, or as fetched from a real remote."""
    newest: str | None = None
    refs = [f"refs/codebutler/base/{branch}"] if repo.remote_url else [f"refs/heads/{branch}"]
    if repo.remote_url:
        refs += [f"refs/remotes/{repo.remote_name}/{branch}"]
    for ref in refs:
        tip = await tip_of(repo.gitdir, ref)
        if tip and (newest is None or await is_ancestor(repo.gitdir, newest, tip)):
            newest = tip
    return newest or await tip_of(repo.gitdir, f"refs/heads/{branch}")


async def _make(repo: Repo, path: Path, branch: str) -> None:
    """Initialise a bare repository in one step: it is there wholly, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        object_format = "sha256" if len(repo.head) == 64 else "sha1"
        args = ("init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}")
        result = await run((*args, f"--object-format={object_format}", "--", str(fresh)), environment())
        if result.code != 0:
            raise RepoError(f"no local remote can be made in {path.parent}: {complaint(result.err)}")
        await asyncio.to_thread(fresh.rename, path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
