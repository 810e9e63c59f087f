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
_DEEP = ("refs", "logs", "worktrees", "objects")
CONFIG_BYTES = 1024 * 1024
"""What is read of a git config."""
_INCLUDES = ("include.path", "includeif.")
_MOST = 32
"""Files that a configuration may take in. git itself stops at ten within each other."""
_KERNEL = ("/proc/", "/sys/", "/dev/")
"""Regular files by their looks, of which some never end, or never answer."""


def stays(path: Path, config: bytes) -> bool:
    """Whether git stays in the repository's folder ``path``, which has this ``config``."""
    if os.path.lexists(path / "commondir"):  # only a linked worktree's private folder has one
        return False
    deep = [path / each for each in (*_DEEP, *(() if (path / "info").is_symlink() else ("info",)))]
    return _plain([path], links=_LINKS) and _plain(deep, deep=True) and not _includes_badly(path, config)


def stays_private(gitdir: Path) -> bool:
    """The same for a linked worktree's private folder, which must belong to the repository it lies in."""
    told = read_small(gitdir / "commondir", 4096).decode("utf-8", "replace").strip()
    common = os.path.realpath(gitdir / told) if told and "\0" not in told else ""
    return common == os.path.realpath(gitdir.parent.parent) and _plain([gitdir], deep=True)


def _plain(folders: Iterable[Path], *, deep: bool = False, links: tuple[str, ...] = ()) -> bool:
    """Whether these folders, where they exist, hold nothing but files and folders. ``links`` may be links."""
    left = []
    for each in map(os.fspath, folders):
        try:
            mode = os.lstat(each).st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(mode):
            return False
        left.append(each)
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                found = list(entries)
        except FileNotFoundError:  # another thread's worktree went, or git moved its objects, just now
            continue
        except OSError:
            return False
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                left += [entry.path] if deep else []
            elif not (entry.is_file(follow_symlinks=False) or entry.name in links or _socket(entry)):
                return False
    return True


def _socket(entry: os.DirEntry[str]) -> bool:
    """git's own file watcher keeps one there. It opens for nobody, so nobody waits for it."""
    try:
        return stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode)
    except OSError:
        return False


def _includes_badly(folder: Path, config: bytes) -> bool:
    """Whether the configuration of ``folder`` takes in what is no file, the kernel's, or too many."""
    left, seen = [(folder, config)], set[str]()
    while left:
        folder, config = left.pop()
        for path in _included(config):
            try:
                other = os.path.realpath(folder / Path(path).expanduser())
            except (OSError, ValueError, RuntimeError):  # git says the same of it, at once
                continue
            if other in seen or not os.path.lexists(other):
                continue
            seen.add(other)
            if len(seen) > _MOST or other.startswith(_KERNEL) or not stat.S_ISREG(os.lstat(other).st_mode):
                return True
            left.append((Path(other).parent, read_small(Path(other), CONFIG_BYTES)))
    return False


def _included(config: bytes) -> list[str]:
    if b"include" not in config.lower():
        return []
    pairs = listed(config) or ()
    return [value for key, value in pairs if key.startswith(_INCLUDES) and key.endswith(".path")]


def read_small(path: Path, limit: int) -> bytes:
    """At most ``limit`` bytes of a regular file; empty if it is anything else. Never waits, never follows."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(fd, "rb") as file:
        return file.read(limit) if stat.S_ISREG(os.fstat(fd).st_mode) else b""


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
