"""Find the repository around a folder, without letting git look around in it."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.git import common_dir, git, resolve, try_git
from codebutler.repo.process import environment, run
from codebutler.waiting import together

_OLDEST_GIT = (2, 38)
_INIT = "git init && git add . && git commit -m 'First commit'"


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository as it was found. Whether its checkout is dirty is not known: nobody looks.

    ``root`` is the main checkout, ``gitdir`` the folder with objects and refs, ``head`` the commit that
    the person stands on (in a linked worktree: that worktree's), ``branch`` None when detached.
    """

    root: Path
    gitdir: Path
    head: str
    branch: str | None
    default_branch: str
    remote_name: str = ""
    remote_url: str = ""
    worktrees: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False, repr=False)
    """Held while git's record of a worktree comes or goes: git fails when it meets a half-made one."""
    landing: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False, repr=False)
    """Held while a pull request is merged on this machine: many at once would overtake each other."""

    @property
    def inner(self) -> Path:
        """The folder of CodeButler's own files in the checkout."""
        return self.root / ".codebutler"


async def find_repo(path: Path) -> Repo:
    """The repository that ``path`` is in. RepoError says what is missing and how to mend it."""
    await _need_git()
    gitdir, top = await asyncio.to_thread(_locate, path)
    common = common_dir(gitdir)
    root = top if common == gitdir else _main_root(common)
    about_urls = ("config", "-z", "--get-regexp", r"^remote\..*\.url$")
    async with together() as group:
        group.create_task(_need_readable(common))
        resolving = group.create_task(resolve(gitdir, "HEAD"))
        naming = group.create_task(
            git("symbolic-ref", "--quiet", "--short", "HEAD", gitdir=gitdir, check=False)
        )
        listing = group.create_task(git(*about_urls, gitdir=common, check=False))
    head, urls = resolving.result(), listing.result()
    if head is None:
        raise RepoError(
            f"{root} has no commit yet",
            fix="Make one: git add . && git commit --allow-empty -m 'First commit'",
        )
    branch = naming.result().decode().strip() or None
    name, url = await _remote(common, branch, urls)
    default = await _default_branch(common, name, branch)
    return Repo(root, common, head, branch, default, name, url)


async def _need_git() -> None:
    """RepoError when git is missing or too old to merge without a worktree."""
    said = (await run(("--version",), environment())).out.decode(errors="replace")
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST_GIT:
        raise RepoError(f"{said.strip() or 'this git'} is too old", fix="Install git 2.38 or newer")


def _locate(path: Path) -> tuple[Path, Path]:
    """The gitdir and the top folder of the checkout that ``path`` is in."""
    start = Path(os.path.realpath(path))
    try:
        if not start.is_dir():
            raise RepoError(f"{path} is not a folder", fix="Name the folder of a git repository")
        for folder in (start, *start.parents):
            gitdir = _gitdir_of(folder)
            if gitdir is not None:
                return gitdir, folder
            if _is_gitdir(folder) and _gitdir_of(folder.parent) != folder:
                raise _no_checkout(folder)
    except OSError as error:
        raise RepoError(f"{path} cannot be read: {error.strerror}", fix="Check its owner and mode") from error
    if start == Path(os.path.realpath(Path.home())):  # with all that lies there, keys too
        raise RepoError(f"{path} is not in a git repository", fix=f"In the project's own folder: {_INIT}")
    raise RepoError(f"{path} is not in a git repository", fix=f"Make one: {_INIT}")


def _no_checkout(gitdir: Path) -> RepoError:
    """Why a repository's own folder that lies in no checkout of its own cannot be used."""
    config = gitdir / "config"
    text = config.read_text(errors="replace") if config.is_file() else ""
    if re.search(r"^\s*bare\s*=\s*(true|yes|on|1)\s*$", text, re.IGNORECASE | re.MULTILINE):
        return RepoError(f"{gitdir} is a bare repository", fix="Clone it and use the clone")
    return RepoError(
        f"{gitdir} is the inside of a repository whose files are elsewhere",
        fix="Name the folder of its files",
    )


def _gitdir_of(folder: Path) -> Path | None:
    """The gitdir that ``folder/.git`` is or points to, if it is one."""
    entry = folder / ".git"
    if entry.is_file():
        first = entry.read_bytes()[:4096].decode(errors="surrogateescape").split("\n", 1)[0]
        if not first.startswith("gitdir: "):
            return None
        target = Path(os.path.realpath(folder / first.removeprefix("gitdir: ")))
        if not target.is_dir():
            raise RepoError(
                f"{entry} points to {target}, which is gone", fix="Repair it: git worktree repair"
            )
        return target
    return Path(os.path.realpath(entry)) if _is_gitdir(entry) else None


def _is_gitdir(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def _main_root(common: Path) -> Path:
    """The main checkout of the repository that a linked worktree belongs to."""
    if common.name != ".git":
        raise RepoError(
            f"this is a linked worktree of the bare repository {common}", fix="Clone it and use the clone"
        )
    return common.parent


async def _need_readable(common: Path) -> None:
    result = await try_git("rev-parse", "--git-dir", gitdir=common)
    if result.code != 0:
        reason = result.err.strip().split("\n")[0].removeprefix("fatal: ")
        raise RepoError(f"git cannot use {common}: {reason}", fix="See what `git status` says there")


async def _remote(common: Path, branch: str | None, said: bytes) -> tuple[str, str]:
    """Name and URL of the remote that counts, of those that git ``said``: origin, else the branch's own, else
    the first.
    """
    urls: dict[str, str] = {}
    for item in said.decode(errors="surrogateescape").split("\0"):
        key, _, url = item.partition("\n")
        name = key.removeprefix("remote.").removesuffix(".url")
        if url and name not in urls:
            urls[name] = url
    own = b""
    if urls and "origin" not in urls and branch:
        own = await git("config", f"branch.{branch}.remote", gitdir=common, check=False)
    for name in ("origin", own.decode().strip(), *sorted(urls)):
        if name in urls:
            return name, urls[name]
    return "", ""


async def _default_branch(common: Path, remote: str, branch: str | None) -> str:
    """What the remote calls its default, else main or master, else the branch that the person is on."""
    if remote:
        at = f"refs/remotes/{remote}/"
        said = await git("symbolic-ref", "--quiet", f"{at}HEAD", gitdir=common, check=False)
        if said:
            return said.decode().strip().removeprefix(at)
    spaces = (f"refs/remotes/{remote}/", "refs/heads/") if remote else ("refs/heads/",)
    for space in spaces:
        for name in ("main", "master"):
            if await resolve(common, space + name):
                return name
    if branch:
        return branch
    said = await git("for-each-ref", "--count=1", "--format=%(refname:lstrip=2)", "refs/heads", gitdir=common)
    return said.decode().strip() or "main"
