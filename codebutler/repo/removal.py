"""Delete a folder that an untrusted program has filled, without ever leaving it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from codebutler.errors import RepoError


def delete_tree(folder: Path) -> None:
    """Delete ``folder`` and all in it. Blocking: call it in a thread, with nothing else running in there.

    Every step is by name inside an open folder, symlinks are unlinked and never followed, folders without
    permissions are opened up first. Depth does not matter: a folder's subfolders are moved up before it is
    emptied, so that two open folders always suffice. A folder that is not there is fine.
    """
    try:
        top = _open(folder, None)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise RepoError(f"{folder} is not a folder, so it was not deleted", fix="Remove it by hand") from None
    try:
        spare = 0
        while names := _subfolders(top):
            for name in names:
                spare = _empty(top, name, spare)
    finally:
        os.close(top)
    folder.rmdir()


def _subfolders(top: int) -> list[str]:
    """Unlink the files of an open folder and name its subfolders."""
    found = []
    for name in os.listdir(top):
        if stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
            found.append(name)
        else:
            os.unlink(name, dir_fd=top)
    return found


def _empty(top: int, name: str, spare: int) -> int:
    """Delete the subfolder ``name``; what folders it has become folders of ``top``, under unused names."""
    inner = _open(name, top)
    try:
        for child in _subfolders(inner):
            os.close(_open(child, inner))
            spare = _free_name(top, spare)
            os.rename(child, str(spare), src_dir_fd=inner, dst_dir_fd=top)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)
    return spare


def _free_name(top: int, spare: int) -> int:
    """The next number that is no name in an open folder."""
    while True:
        spare += 1
        try:
            os.lstat(str(spare), dir_fd=top)
        except FileNotFoundError:
            return spare


def _open(name: str | Path, parent: int | None) -> int:
    """Open a real folder, after giving its owner all rights in it."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    if hasattr(os, "O_PATH"):
        handle = os.open(name, flags | os.O_PATH, dir_fd=parent)
        try:
            with suppress(PermissionError):  # somebody else's folder: its rights may suffice as they are
                Path(f"/proc/self/fd/{handle}").chmod(0o700)
        finally:
            os.close(handle)
    return os.open(name, flags | os.O_RDONLY, dir_fd=parent)
