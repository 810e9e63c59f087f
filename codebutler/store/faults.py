"""SQLite's and the system's errors as one clear line."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import sqlite3
import tempfile
from pathlib import Path

from codebutler.errors import CodeButlerError, ConfigError, StoreDamaged
from codebutler.store.standing import Rescue, no_rescue

BUSY_SECONDS = 30.0
"""How long a connection waits for another process's lock."""
_TIGHT = 64 * 1024
_SPARE = 16
"""Files that a store, its log and a folder's sync may need to open at once."""
_GROWTH = 1024 * 1024
"""Bytes by which a store's file may have to grow at once."""
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_LIMITED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR})


def translate(path: Path, error: Exception, rescue: Rescue = no_rescue) -> Exception:
    """The error to raise for ``error``, met while using the store at ``path``; it knows its cause.

    Our own errors and programming mistakes come back as they are: their message or traceback is the help.
    """
    worded = _word(path, error, rescue)
    if worded is not error:
        worded.__cause__ = error
    return worded


def _word(path: Path, error: Exception, rescue: Rescue) -> Exception:
    if isinstance(error, OSError):
        return _of_system(path, error)
    if isinstance(error, UnicodeEncodeError):
        return CodeButlerError(f"a text for {path} is not valid Unicode: {error.reason}")
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)  # absent when Python, not SQLite, raised it
        return error if code is None else _of_sqlite(path, error, code & 0xFF, rescue)
    return error


def _of_system(path: Path, error: OSError) -> CodeButlerError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _disk_full(path)
    if error.errno in (errno.EMFILE, errno.EFBIG) and (limited := _limited(path)) is not None:
        return limited
    fix = "Check the folder and its permissions."
    if error.errno == errno.EROFS:
        fix = "Mount it writable. Meanwhile threads, show, logs, export and backup read a copy of it."
    return ConfigError(f"cannot use the store {path}: {error.strerror or error}", fix=fix)


def _of_sqlite(path: Path, error: sqlite3.Error, code: int, rescue: Rescue) -> CodeButlerError:
    if code in _LIMITED and (limited := _limited(path)) is not None:
        return limited
    match code:
        case sqlite3.SQLITE_FULL:
            return _disk_full(path)
        case sqlite3.SQLITE_IOERR if _is_tight(path):
            return _disk_full(path)  # SQLite calls it so when the WAL's index cannot grow
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return CodeButlerError(
                f"another process has kept {path} locked for {BUSY_SECONDS:.0f} s",
                fix="Wait for it to finish, or end it, and try again.",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreDamaged(
                f"{path} is damaged or no store ({error})",
                fix=rescue() or "Move it away, or restore it from a backup.",
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return ConfigError(
                f"cannot use the store {path}: {error}", fix="Check the file and its permissions."
            )
        case sqlite3.SQLITE_IOERR if (refused := _refused(path.parent)) is not None:
            return _of_system(path, refused)
        case _:
            return CodeButlerError(f"the store {path} failed: {error}")


def _limited(path: Path) -> CodeButlerError | None:
    """A limit of this process that stands in the way: SQLite tells only that it could not go on."""
    files, size = (resource.getrlimit(which)[0] for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE))
    if files != resource.RLIM_INFINITY and _open_files() + _SPARE > files:
        return CodeButlerError(
            f"no more files can be opened for {path}: this process may have {files} open",
            fix="Raise the limit where it is started, such as with: ulimit -n 1024",
        )
    stores = (path, path.with_name(path.name + "-wal"))
    if size != resource.RLIM_INFINITY and any(_size(each) + _GROWTH > size for each in stores):
        return CodeButlerError(
            f"{path} cannot grow: this process may write no file of more than {size} bytes",
            fix="Raise the limit where it is started, such as with: ulimit -f unlimited",
        )
    return None


def _refused(folder: Path) -> OSError | None:
    """Why nothing can be written beside a store whose files SQLite could not write: it says only that."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return error
    return None


def refusal(path: Path) -> CodeButlerError | None:
    """Why the store at ``path`` can take nothing more: its disk is full, or turned read-only. Else None."""
    refused = _refused(path.parent)
    if refused is not None and refused.errno in _DISK:
        return _of_system(path, refused)
    return _disk_full(path) if refused is None and _is_tight(path) else None


def _is_tight(path: Path) -> bool:
    return shutil.disk_usage(path.parent).free < _TIGHT


def _open_files() -> int:
    """Descriptors of this process; none can be counted where not even a folder can be opened."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return sum(1 for _ in Path(folder).iterdir())
        except OSError as error:
            if error.errno == errno.EMFILE:
                return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _disk_full(path: Path) -> CodeButlerError:
    return CodeButlerError(
        f"no space is left on the disk that holds {path}",
        fix="Free some space and try again; what was saved before is intact.",
    )
