"""What setups have made, on disk: ``.codebutler/branches/.deps/<key>/``, there wholly or not at all.

An entry holds ``record.json`` (ours), ``kept/<n>`` and ``deps`` (a stranger's: the daemon opens nothing
in there). It is built as ``.new-…`` and renamed.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from codebutler.errors import RepoError
from codebutler.repo.discover import Repo
from codebutler.repo.layout import branches_folder, own_folder
from codebutler.repo.removal import delete_tree
from codebutler.sandbox.leading import read_small
from codebutler.setup.recipes import Recipe, covers, sound

FOLDER, FRESH, RECORD = ".deps", ".new-", "record.json"
KEEP, DAYS = 8, 14
"""So many entries stay, and those that were used in so many days."""
MOST = 64
"""Folders that one setup may make."""
_RECORD_BYTES = 64 * 1024
_DAY = 86_400.0


class Entry(Struct, frozen=True):
    """A finished setup. ``kept`` are paths of the worktree, each with its folder on disk."""

    folder: Path
    kept: tuple[tuple[str, Path], ...]

    @property
    def deps(self) -> Path:
        """What has no place in the worktree."""
        return self.folder / "deps"


def shelf(repo: Repo) -> Path:
    """The folder of entries, made if need be."""
    folder = branches_folder(repo) / FOLDER
    own_folder(repo, folder)
    return folder


def find(repo: Repo, key: str, *, use: bool = False) -> Entry | None:
    """The entry for ``key``; None if there is none, or its record is unreadable. Makes no folder.

    ``use``: mark it as used now, for ``prune``.
    """
    folder = next((path for path in _entries(repo) if path.name == key), None)
    if folder is None or not _is_folder(folder):
        return None
    try:
        names = json.loads(read_small(folder / RECORD, _RECORD_BYTES))["kept"]
        sane = isinstance(names, list) and all(isinstance(name, str) and sound(name) for name in names)
        if use and sane:
            os.utime(folder, follow_symlinks=False)
    except (ValueError, KeyError, TypeError, OSError):
        return None
    kept = tuple((name, folder / "kept" / str(number)) for number, name in enumerate(names)) if sane else ()
    return Entry(folder, kept) if sane else None


def _is_folder(path: Path) -> bool:
    """Whether it is a real folder, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def fresh(repo: Repo) -> Path:
    """A folder to build in, with ``tree``, ``deps``, ``scratch`` and ``kept``."""
    folder = shelf(repo) / (FRESH + secrets.token_hex(6))
    folder.mkdir()
    for name in ("tree", "deps", "scratch", "kept"):
        (folder / name).mkdir()
    return folder


def publish(building: Path, recipe: Recipe, key: str) -> None:
    """Turn a built folder, in which nothing runs any more, into the entry for ``key``.

    RepoError when what was made cannot be taken. Nothing is followed that is a link.
    """
    try:
        names = _collect(building, recipe)
    except OSError as error:
        raise RepoError(f"what the setup made cannot be taken: {error.strerror}") from error
    for name in ("tree", "scratch"):
        delete_tree(building / name)
    (building / RECORD).write_text(json.dumps({"kept": names, "recipe": recipe.title}), encoding="utf-8")
    target = building.with_name(key)
    if target.exists():  # its record could not be read
        discard(target)
    building.rename(target)


def discard(folder: Path) -> None:
    """Delete an entry, or what was to become one; its name goes first."""
    trash = folder.with_name(FRESH + secrets.token_hex(6))
    with suppress(FileNotFoundError):
        folder.rename(trash)
        delete_tree(trash)


def sweep(repo: Repo) -> None:
    """Delete what a crash left half made. Only at the start of the process that holds the repository."""
    for folder in _entries(repo):
        if folder.name.startswith(FRESH):
            delete_tree(folder)


def prune(repo: Repo, in_use: Iterable[str] = (), *, keep: int = KEEP, now: float | None = None) -> None:
    """Delete old entries: not the last used ones, nothing used within a day, and none of ``in_use``."""
    clock = time.time() if now is None else now
    entries = [path for path in _entries(repo) if not path.name.startswith(FRESH)]
    aged = sorted(((clock - path.lstat().st_mtime, path) for path in entries), key=lambda each: each[0])
    needed = set(in_use)
    for number, (age, path) in enumerate(aged):
        if path.name not in needed and age > _DAY and (number >= keep or age > DAYS * _DAY):
            discard(path)


def _entries(repo: Repo) -> list[Path]:
    """What lies on the shelf, finished or not; nothing where there is no shelf yet."""
    places = (repo.inner, repo.inner / "branches", repo.inner / "branches" / FOLDER)
    return list(places[-1].iterdir()) if all(map(_is_folder, places)) else []


def size(folder: Path, most: int) -> int:
    """Bytes on disk below ``folder``, counted no further than ``most``; a file counts as a block at least.

    Follows nothing; what vanishes meanwhile counts nothing.
    """
    total = 0
    for _, folders, files, fd in os.fwalk(folder, follow_symlinks=False, onerror=None):
        for name in (*folders, *files):
            with suppress(OSError):
                total += max(os.lstat(name, dir_fd=fd).st_blocks * 512, 4096)
        if total > most:
            break
    return total


def _collect(building: Path, recipe: Recipe) -> list[str]:
    """Move the folders to keep out of the tree; returns where they stood."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    names: list[str] = []
    kept, tree = os.open(building / "kept", flags), os.open(building / "tree", flags)
    try:
        for pattern in recipe.keep:
            for path in _matching(tree, pattern.split("/")):
                outer = any(covers(name, path) for name in names)
                if sound(path) and not outer and len(names) < MOST:
                    _take(tree, path, kept, str(len(names)))
                    names.append(path)
    finally:
        os.close(kept)
        os.close(tree)
    return names


def _matching(folder: int, parts: list[str]) -> list[str]:
    """Paths of real folders below an open one that fit the pattern."""
    wanted, rest = parts[0], parts[1:]
    found = []
    for name in sorted(os.listdir(folder)) if wanted == "*" else [wanted]:
        try:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                continue
        except FileNotFoundError:
            continue
        if not rest:
            found.append(name)
            continue
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            found += [f"{name}/{path}" for path in _matching(inner, rest)]
        finally:
            os.close(inner)
    return found


def _take(tree: int, path: str, kept: int, name: str) -> None:
    """Rename ``path`` of the tree, folder by folder, into the open folder ``kept``."""
    *outer, last = path.split("/")
    here = os.dup(tree)
    try:
        for part in outer:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = inner
        os.rename(last, name, src_dir_fd=here, dst_dir_fd=kept)
    finally:
        os.close(here)
