"""Folders in the host's temporary folder.

Whoever made one as a ``Room`` holds a lock on it, which ends with the process: so what a killed daemon left
behind can be told from what is in use, also across containers that share a temporary folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Self

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def folder() -> Path:
    """Where temporary files go. A session's own ($TMPDIR) ends with the session: it is then chosen anew."""
    if not Path(tempfile.gettempdir()).is_dir():
        tempfile.tempdir = None
    return Path(tempfile.gettempdir())


class Room:
    """One such folder, new and empty, readable to its owner alone."""

    def __init__(self, path: Path, lock: int) -> None:
        """Takes ownership of the descriptor ``lock``."""
        self.path = path
        self._lock = lock

    @classmethod
    def make(cls, prefix: str) -> Self:
        """A new one, whose name begins with ``prefix``."""
        while True:
            path = Path(tempfile.mkdtemp(prefix=prefix, dir=folder()))
            lock = _locked(path)
            if lock >= 0 and path.is_dir():
                return cls(path, lock)
            if lock >= 0:  # a collector was faster than the lock
                os.close(lock)

    def remove(self) -> None:
        """Delete it, and let go of it. Harmless a second time."""
        if self._lock >= 0:
            _delete(self.path)
            os.close(self._lock)
            self._lock = -1


def collect(prefix: str, uid: int | None = None) -> list[Path]:
    """Delete what killed processes left behind: rooms of that ``prefix`` that nobody holds. Returns them.

    They are to be ours, or those of the sandbox's user ``uid``.
    """
    gone: list[Path] = []
    for path in folder().glob(f"{prefix}*"):
        lock = _locked(path) if _is_ours(path, uid) else -1
        if lock >= 0:
            _delete(path)
            os.close(lock)
            gone.append(path)
    return gone


def _is_ours(path: Path, uid: int | None) -> bool:
    try:
        found = path.lstat()
    except OSError:  # another collector was faster
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid in {os.geteuid(), uid}


def _locked(path: Path) -> int:
    """A descriptor that holds the folder; -1 where somebody else does, or it is gone or closed to us."""
    try:
        fd = os.open(path, _FOLDER)
    except OSError:
        return -1
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return -1
    return fd


def _delete(path: Path) -> None:
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):  # commands may have closed folders in it, and made it very deep
        _insist(path)


def _insist(path: Path) -> None:
    for words in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        subprocess.run([*words, "--", str(path)], stderr=subprocess.DEVNULL, check=False)
