"""Opening a store's file: private, in WAL mode, every commit on disk before anyone is told of it."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from pathlib import Path

from codebutler.errors import ConfigError
from codebutler.store.faults import BUSY_SECONDS, translate
from codebutler.store.migrations import migrate, missing
from codebutler.store.standing import Rescue, no_rescue


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection without implicit transactions to a file that exists.

    It may move between threads, one at a time.
    """
    name = f"{path.absolute().as_uri()}?mode=rw"  # whoever makes a store does so with ``prepare``
    connection = sqlite3.connect(
        name, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync does not reach the disk
    connection.execute("PRAGMA secure_delete = ON")  # what is removed is not to be found in free pages
    connection.execute("PRAGMA trusted_schema = OFF")  # the file lies in a repo and may have come with it
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def join(path: Path) -> sqlite3.Connection:
    """A connection to a store that others have made and brought up to date; this changes nothing of it.

    Raises ConfigError when there is none, or none of this version.
    """
    if not path.exists():
        raise ConfigError(f"there is no store {path}", fix="codebutler threads makes it.")
    connection = connect(path)
    try:
        lacks = missing(connection, path)
    except BaseException:
        connection.close()
        raise
    if lacks:
        connection.close()
        raise ConfigError(f"{path} is not ready yet", fix="codebutler threads brings it up to date.")
    return connection


def prepare(path: Path, rescue: Rescue = no_rescue) -> sqlite3.Connection:
    """Create the file if need be, bring its schema up to date, and return the writer's connection.

    Raises ConfigError for a file that cannot be used, CodeButlerError for a full disk.
    """
    try:
        _create(path)
        _writable(path)
        connection = connect(path)
        try:
            _use_wal(connection)
            migrate(connection, path, rescue)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise translate(path, error, rescue) from error
    return connection


def _create(path: Path) -> None:
    """Make an empty file that only its owner may read; SQLite gives its WAL the same mode.

    An existing file is not even opened here: closing any descriptor of it would drop the locks that
    SQLite holds on it for this process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # without it a power cut may take the file's name, and all commits with it
    finally:
        os.close(folder)


def _writable(path: Path) -> None:
    """Refuse now what SQLite would open, and then fail on at the first write: it needs both, for its WAL."""
    for needed in (path.parent, path):
        if os.statvfs(needed).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, f"{needed} is on a read-only disk")
        if not os.access(needed, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, f"{needed} is not writable for this user")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn WAL on. Two processes doing so at once may be refused without the busy timeout being used."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
