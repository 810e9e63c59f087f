"""A store as a file: saved whole while it is in use, checked, and put in the place of another."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from codebutler.errors import CodeButlerError, ConfigError, StoreDamaged
from codebutler.store.connection import connect, prepare
from codebutler.store.faults import translate

SIDES = ("-wal", "-shm", "-journal")


def identity(connection: sqlite3.Connection) -> str:
    """The store's id."""
    return str(connection.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()[0])


def save(connection: sqlite3.Connection, target: Path) -> None:
    """Write what ``connection`` sees now to the new file ``target``: one file, sound, mode 0600, on disk."""
    try:
        _save(connection, target)
    except (sqlite3.Error, OSError) as error:
        raise translate(target, error) from error


def _save(connection: sqlite3.Connection, target: Path) -> None:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()
            sound(copy, part)
        _to_disk(part)
        part.replace(target)
        _to_disk(target.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        raise


def restore(source: Path, target: Path, keep: Path, *, broken: bool = False) -> bool:
    """Put a checked copy of the store ``source`` in the place of ``target``; its id becomes a new one.

    A store that is there goes to ``keep`` first; False if there was none. At no moment is there neither. One
    that is ``broken``, or no store of ours, is not opened, and what lies beside it goes along. The
    caller sees to it that nobody else opens ``target``. Raises ConfigError for a file that is no sound store,
    CodeButlerError when another process has the old store open.
    """
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        _copied(source, part)
        prepare(part).close()  # also brings an old schema up to date
        with closing(sqlite3.connect(part, isolation_level=None)) as raw:
            raw.execute("UPDATE meta SET value = lower(hex(randomblob(8))) WHERE key = 'id'")
            raw.execute("PRAGMA journal_mode = DELETE").fetchone()
        _to_disk(part)
        had = target.exists()
        if had:
            if broken:
                _move_sides(target, keep)
            else:
                alone(target)
            os.link(target, keep)
        part.replace(target)
        _to_disk(target.parent)
    except (sqlite3.Error, OSError) as error:
        raise translate(source, error) from error
    finally:
        for side in ("", *SIDES):
            part.with_name(part.name + side).unlink(missing_ok=True)
    return had


def _move_sides(target: Path, keep: Path) -> None:
    """What SQLite left beside a broken store must not meet the one that takes its place."""
    for side in SIDES:
        beside = target.with_name(target.name + side)
        if beside.exists():
            beside.replace(keep.with_name(keep.name + side))


def shrink(path: Path) -> None:
    """Give back what was removed from the store at ``path``, so that no byte of it is left in its files.

    Raises CodeButlerError when another process has the store open.
    """
    try:
        alone(path)
        with closing(sqlite3.connect(path, isolation_level=None)) as raw:
            raw.execute("VACUUM")
        _to_disk(path)
    except (sqlite3.Error, OSError) as error:
        raise translate(path, error) from error


def _copied(source: Path, part: Path) -> None:
    """The store at ``source`` as the new file ``part``; also while ``source`` is in use."""
    if not source.is_file():
        raise ConfigError(f"there is no file {source}", fix="Name a file that `codebutler backup` wrote.")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(connect(source, read_only=True)) as old, closing(sqlite3.connect(part)) as new:
        tables = {name for (name,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"event", "thread", "outbox"} <= tables:
            raise ConfigError(
                f"{source} is no store of CodeButler", fix="Name a file that `codebutler backup` wrote."
            )
        old.backup(new)
        sound(new, source)


def sound(connection: sqlite3.Connection, path: Path) -> None:
    """Read all of a store. Raises StoreDamaged when it is not sound."""
    said = [str(word) for (word,) in connection.execute("PRAGMA integrity_check(3)")]
    if said != ["ok"]:
        raise StoreDamaged(f"{path} is damaged: {'; '.join(said)}", fix="Use another copy of the store.")


def alone(path: Path) -> None:
    """Fold the WAL of a store into its file. CodeButlerError while anybody else has it open."""
    with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as raw:
        try:
            mode = raw.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            mode = ""
    if mode != "delete":
        raise CodeButlerError(
            f"another process has {path} open", fix="End it (codebutler logs --follow, chat …) and try again."
        )


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
