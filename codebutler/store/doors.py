"""What a door asks of the store: how far it has listened, and what it has heard already."""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from codebutler.store import blobs
from codebutler.store.rows import StoredEvent
from codebutler.store.writer import Transaction


class Bound(Struct, frozen=True):
    """A conversation of a door and the thread behind it. ``changed`` is seconds since the epoch."""

    external_id: str
    thread: str
    phase: str
    changed: float


def note(tx: Transaction, key: str, value: str) -> None:
    """Keep a small fact of a door's; an empty one is forgotten."""
    tx.connection.execute("DELETE FROM meta WHERE key = ?", (f"door:{key}",))
    if value:
        tx.connection.execute("INSERT INTO meta (key, value) VALUES (?, ?)", (f"door:{key}", value))


def noted(connection: sqlite3.Connection, key: str) -> str:
    """The fact, or ""."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (f"door:{key}",)).fetchone()
    return "" if row is None else str(row[0])


def notes(connection: sqlite3.Connection, prefix: str) -> list[str]:
    """All facts whose key starts with ``prefix``, in the order of their keys."""
    query = "SELECT value FROM meta WHERE substr(key, 1, ?) = ? ORDER BY key"
    start = f"door:{prefix}"
    return [str(row[0]) for row in connection.execute(query, (len(start), start))]


def heard(connection: sqlite3.Connection, thread: str, key: str) -> bool:
    """Whether the thread has an event with this key."""
    query = "SELECT 1 FROM event WHERE thread = ? AND key = ?"
    return connection.execute(query, (thread, key)).fetchone() is not None


def bound(connection: sqlite3.Connection, surface: str) -> list[Bound]:
    """All conversations of a door; the one whose thread changed last comes first."""
    query = """SELECT external_id, thread, phase, updated_at FROM binding JOIN thread ON thread.id = thread
        WHERE surface = ? ORDER BY updated_at DESC"""
    return [Bound(*row) for row in connection.execute(query, (surface,))]


def said(connection: sqlite3.Connection, surface: str, place: str, key: str) -> StoredEvent | None:
    """The event with this key in any of the door's conversations whose ids begin with ``place``."""
    query = """SELECT event.thread, seq, kind, key, coalesce(body, bytes), ts FROM binding
        JOIN event ON event.thread = binding.thread AND key = ? LEFT JOIN blob ON sha256 = body_blob
        WHERE surface = ? AND substr(external_id, 1, ?) = ?"""
    row = connection.execute(query, (key, surface, len(place), place)).fetchone()
    if row is None:
        return None
    thread, seq, kind, name, body, ts = row
    return StoredEvent(thread, seq, kind, name, blobs.whole(body), ts)
