"""The schema as an ordered list of functions. What is applied is never edited: add a function at the end."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from codebutler.errors import ConfigError, StoreDamaged
from codebutler.store.standing import Rescue, no_rescue

if TYPE_CHECKING:
    from sqlite_utils import Database

_SET = "codebutler.store"


def m001_threads(db: Database) -> None:
    """The log, its read model, its doors, its outbox, its blobs and its timers."""
    db.create_table(
        "event",
        {"thread": str, "seq": int, "kind": str, "key": str, "body": str, "body_blob": str, "ts": float},
        pk=("thread", "seq"),
        not_null={"kind", "key", "ts"},
    ).create_index(["thread", "key"], unique=True)
    texts = ("id", "title", "phase", "status", "owner", "branch", "pr")
    columns = dict.fromkeys(texts, str) | {"ready": int, "epoch": int, "created_at": float}
    thread = db.create_table(
        "thread",
        {**columns, "updated_at": float, "data": str},
        pk="id",
        not_null={*columns, "updated_at", "data"},
    )
    thread.create_index(["status", "updated_at"])
    db.conn.execute("CREATE INDEX thread_ready ON thread (updated_at) WHERE ready = 1")
    db.create_table(
        "binding",
        {"surface": str, "external_id": str, "thread": str},
        pk=("surface", "external_id"),
        not_null={"thread"},
    ).create_index(["thread"])
    db.create_table("blob", {"sha256": str, "bytes": bytes}, pk="sha256", not_null={"bytes"})
    db.create_table(
        "timer", {"thread": str, "key": str, "due": float}, pk=("thread", "key"), not_null={"due"}
    ).create_index(["due"])
    _outbox(db)


def _outbox(db: Database) -> None:
    texts = ("thread", "key", "surface", "conversation", "slot", "state", "external_id", "error")
    db.create_table(
        "outbox",
        {"id": int, **dict.fromkeys(texts, str), "payload": str, "payload_blob": str, "attempts": int},
        pk="id",
        not_null={*texts, "attempts"},
    ).create_index(["thread", "key"], unique=True)
    db.conn.execute("CREATE INDEX outbox_pending ON outbox (surface, id) WHERE state = 'pending'")
    db.conn.execute(
        "CREATE INDEX outbox_slot ON outbox (thread, surface, conversation, slot, id) WHERE slot != ''"
    )


def m002_money(db: Database) -> None:
    """What each scope has spent and holds reserved, in whole billionths of a dollar."""
    db.create_table(
        "budget", {"scope": str, "spent": int, "reserved": int}, pk="scope", not_null={"spent", "reserved"}
    )
    db.create_table(
        "reservation",
        {"key": str, "scopes": str, "reserved": int, "spent": int, "created_at": float},
        pk="key",
        not_null={"scopes", "reserved", "created_at"},
    )
    db.conn.execute("CREATE INDEX reservation_open ON reservation (key) WHERE spent IS NULL")


def m003_identity(db: Database) -> None:
    """Which store this is: copies of it are kept under its id, and another one must not be mixed in."""
    db.create_table("meta", {"key": str, "value": str}, pk="key", not_null={"value"})
    db.conn.execute("INSERT INTO meta (key, value) VALUES ('id', lower(hex(randomblob(8))))")


MIGRATIONS = (m001_threads, m002_money, m003_identity)


def migrate(connection: sqlite3.Connection, path: Path, rescue: Rescue = no_rescue) -> None:
    """Apply what is missing, in one transaction. sqlite-utils is imported only if something is missing.

    Raises ConfigError for a file of a newer version, StoreDamaged for one of another program.
    """
    if not missing(connection, path, rescue):
        return
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    plan = Migrations(_SET)
    for step in MIGRATIONS:
        plan()(step)
    connection.execute("BEGIN IMMEDIATE")
    try:
        # looks again what is missing, now that no other process can be at it
        plan.apply(Database(connection, recursive_triggers=False, execute_plugins=False))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def missing(connection: sqlite3.Connection, path: Path, rescue: Rescue = no_rescue) -> bool:
    """Whether the schema lacks something that this version needs. Raises as ``migrate``."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return True
    if "_sqlite_migrations" not in tables:
        raise StoreDamaged(
            f"{path} is a database of another program",
            fix=rescue() or "Move it away or name another file.",
        )
    query = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"
    applied = {name for (name,) in connection.execute(query, (_SET,))}
    known = {step.__name__ for step in MIGRATIONS}
    if newer := sorted(applied - known):
        raise ConfigError(
            f"{path} was written by a newer CodeButler (it has {newer[-1]})", fix="Upgrade CodeButler."
        )
    return applied != known
