"""Sockets of the host that lie in a worktree: a program inside could talk to whoever listens there.

No namespace holds a socket that has a path, and a mount that is read-only does not either.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Collection
from pathlib import Path

from msgspec import Struct

_SECONDS = 0.2


class Sockets(Struct, frozen=True):
    """``live``: those that somebody listens at. ``unseen``: folders that could not be looked into."""

    live: tuple[Path, ...]
    unseen: tuple[Path, ...]


def below(root: Path, hidden: Collection[Path] = ()) -> Sockets:
    """Look through ``root`` without following links; ``hidden`` folders are not seen from inside either.

    A socket whose program is gone is left as it is: commands may delete it, and make it anew.
    """
    live: list[Path] = []
    unseen: list[Path] = []
    left = [os.fspath(root)]
    covered = {os.fspath(each) for each in hidden}
    while left:
        folder = left.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.path not in covered:
                            left.append(entry.path)
                    elif not entry.is_file(follow_symlinks=False) and not entry.is_symlink():
                        live += _if_live(entry)
        except OSError:
            unseen.append(Path(folder))
    return Sockets(tuple(live), tuple(unseen))


def _if_live(entry: os.DirEntry[str]) -> list[Path]:
    if stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode) and _listens(entry.path):
        return [Path(entry.path)]
    return []


def _listens(path: str) -> bool:
    """Whether anybody is there. Every answer but the kernel's plain no counts as somebody."""
    folder, name = os.path.split(path)
    try:
        fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(_SECONDS)
            asking.connect(f"/proc/self/fd/{fd}/{name}")  # an address holds 107 bytes, a path may be longer
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    except OSError:
        return True
    finally:
        os.close(fd)
    return True
