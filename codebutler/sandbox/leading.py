"""Whether a repository leads the daemon's git away: out of its folder, or into a wait.

A folder's ``.git`` may be a command's work. The daemon's git writes refs, their logs, packs and the index
there, and reads the configuration: a link would carry that to any file of the host, and a pipe never answers.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

_LINKS = ("hooks", "info", "rr-cache", "lfs", "annex", "svn", "branches")
"""What people link to a place that they share, and the daemon's git neither writes nor waits for."""
_DEEP = ("refs", "logs", "worktrees", "objects/pack", "objects/info")
CONFIG_BYTES = 1024 * 1024
"""What is read of a git config."""
_INCLUDES = ("include.path", "includeif.")


def stays(path: Path, config: bytes) -> bool:
    """Whether git stays in the repository's folder ``path``, which has this ``config``."""
    if os.path.lexists(path / "commondir"):  # only a linked worktree's private folder has one
        return False
    return (
        _plain([path], links=_LINKS)
        and _plain([path / "objects"])
        and _plain((path / each for each in _DEEP), deep=True)
        and not _includes_a_pipe(path, config)
    )


def stays_private(gitdir: Path) -> bool:
    """The same for a linked worktree's private folder, which must belong to the repository it lies in."""
    try:
        common = os.path.realpath(gitdir / (gitdir / "commondir").read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return False
    return common == os.path.realpath(gitdir.parent.parent) and _plain([gitdir], deep=True)


def _plain(folders: Iterable[Path], *, deep: bool = False, links: tuple[str, ...] = ()) -> bool:
    """Whether these folders, where they exist, hold nothing but files and folders. ``links`` may be links."""
    left = [os.fspath(each) for each in folders if os.path.lexists(each)]
    if any(not stat.S_ISDIR(os.lstat(each).st_mode) for each in left):
        return False
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        left += [entry.path] if deep else []
                    elif not (entry.is_file(follow_symlinks=False) or entry.name in links or _socket(entry)):
                        return False
        except OSError:
            return False
    return True


def _socket(entry: os.DirEntry[str]) -> bool:
    """git's own file watcher keeps one there. It opens for nobody, so nobody waits for it."""
    return stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode)


def _includes_a_pipe(folder: Path, config: bytes, depth: int = 10) -> bool:
    """Whether the configuration of ``folder`` takes in what is no file. git itself goes ten deep."""
    if b"include" not in config.lower():
        return False
    for key, value in listed(config) or ():
        if not key.startswith(_INCLUDES) or not key.endswith(".path"):
            continue
        try:
            other = folder / Path(value).expanduser()
            if not stat.S_ISREG(other.stat().st_mode):
                return True
            with other.open("rb") as file:
                more = file.read(CONFIG_BYTES)
        except (OSError, ValueError, RuntimeError):  # git says the same of it, at once
            continue
        if depth and _includes_a_pipe(other.parent, more, depth - 1):
            return True
    return False


def listed(config: bytes) -> list[tuple[str, str]] | None:
    """The keys and values of a git config, nothing that it includes; None if git cannot read it."""
    done = subprocess.run(
        ["git", "config", "--file", "-", "--no-includes", "--null", "--list"],
        input=config, capture_output=True, timeout=60, check=False, cwd="/",
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        },
    )  # fmt: skip
    if done.returncode != 0:
        return None
    entries = done.stdout.decode("utf-8", "replace").split("\0")
    return [(key, value) for key, _, value in (entry.partition("\n") for entry in entries) if key]
