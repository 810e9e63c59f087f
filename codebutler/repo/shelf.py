"""``.codebutler/images/``: pictures of threads that change no code. What lies there is never replaced."""

from __future__ import annotations

import os
import secrets
import stat
from itertools import count
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.filetypes import numbered
from codebutler.repo.discover import Repo
from codebutler.repo.layout import give_like, hide_own_files, own_folder

FOLDER = "images"
_FIX = "Check owner, mode and space"


def put(repo: Repo, name: str, data: bytes) -> Path:
    """Save ``data`` under ``name``, or the next free name; the same bytes twice are one file.

    ``name`` is one without folders. RepoError if it cannot be written, or a symlink leads elsewhere.
    """
    for folder in (repo.inner, repo.inner / FOLDER):
        own_folder(repo, folder)
    hide_own_files(repo)
    try:
        draft = _draft(repo, data)
        try:
            return _named(draft, name, data)
        finally:
            draft.unlink()
    except OSError as error:
        raise RepoError(f"{repo.inner / FOLDER} cannot be written: {error.strerror}", fix=_FIX) from error


def _draft(repo: Repo, data: bytes) -> Path:
    path = repo.inner / FOLDER / f".{secrets.token_hex(8)}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    give_like(path, repo.root)
    return path


def _named(draft: Path, name: str, data: bytes) -> Path:
    """A link, not a rename: it takes no name that is in use."""
    for number in count(1):
        path = draft.with_name(name if number == 1 else numbered(name, number))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            if not _holds(path, data):
                continue
        return path
    raise AssertionError


def _holds(path: Path, data: bytes) -> bool:
    info = path.lstat()
    return stat.S_ISREG(info.st_mode) and info.st_size == len(data) and path.read_bytes() == data
