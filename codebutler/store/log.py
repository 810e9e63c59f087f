"""Threads and their events: the SQL of ``thread``, ``event``, ``binding`` and ``timer``."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from codebutler.errors import CodeButlerError, StaleWorker
from codebutler.store import blobs
from codebutler.store.rows import NewEvent, StoredEvent, ThreadRow, Timer
from codebutler.store.writer import Transaction

COLUMNS = ("title", "phase", "status", "branch", "pr", "data")
"""What ``row`` may set."""

_EVENT = """
    SELECT thread, seq, kind, key, coalesce(body, bytes), ts
    FROM event LEFT JOIN blob ON sha256 = body_blob
"""
_THREAD = """
    SELECT id, title, phase, status, owner, branch, pr, ready, epoch, created_at, updated_at, data FROM thread
"""


def create(
    tx: Transaction,
    thread: str,
    *,
    owner: str,
    row: Mapping[str, Any],
    bindings: Sequence[tuple[str, str]],
    ready: bool,
) -> bool:
    """Write the thread's row and its doors; False, and nothing written, if one of them exists."""
    if tx.connection.execute("SELECT 1 FROM thread WHERE id = ?", (thread,)).fetchone():
        return False
    if any(find(tx.connection, *binding) is not None for binding in bindings):
        return False
    tx.connection.execute(
        """INSERT INTO thread (id, owner, title, phase, status, branch, pr, data,
        ready, epoch, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)""",
        (
            *(thread, owner),
            *(row.get(name, "") for name in ("title", "phase", "status", "branch", "pr")),
            *(row.get("data", "{}"), ready, tx.now, tx.now),
        ),
    )
    for surface, external_id in bindings:
        bind(tx, thread, surface, external_id)
    return True


def position(tx: Transaction, thread: str, epoch: int | None) -> int:
    """The thread's last seq. Raises CodeButlerError if it is unknown, StaleWorker for an old ``epoch``."""
    found = tx.connection.execute(
        "SELECT epoch, (SELECT coalesce(max(seq), 0) FROM event WHERE thread = id) FROM thread WHERE id = ?",
        (thread,),
    ).fetchone()
    if found is None:
        raise CodeButlerError(f"there is no thread {thread}", fix="`codebutler threads` lists them.")
    current, last = found
    if epoch is not None and epoch != current:
        raise StaleWorker(f"thread {thread} was claimed again: epoch {current}, this worker holds {epoch}")
    return int(last)


def add_events(tx: Transaction, thread: str, last: int, events: Sequence[NewEvent]) -> list[StoredEvent]:
    """Write those events whose key is new, from seq ``last + 1`` on; return all as they are stored."""
    stored = []
    for event in events:
        known = _by_key(tx.connection, thread, event.key)
        if known is None:
            last += 1
            known = StoredEvent(thread, last, event.kind, event.key, event.body, tx.now)
            _insert(tx, known)
        stored.append(known)
    return stored


def _insert(tx: Transaction, event: StoredEvent) -> None:
    body, blob = blobs.park(tx.connection, event.body)
    tx.connection.execute(
        "INSERT INTO event (thread, seq, kind, key, body, body_blob, ts) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (event.thread, event.seq, event.kind, event.key, body, blob, event.ts),
    )
    tx.added.append(event.kind)


def last(connection: sqlite3.Connection, thread: str, kind: str) -> StoredEvent | None:
    """The thread's last event of a kind."""
    query = _EVENT + "WHERE thread = ? AND kind = ? ORDER BY seq DESC LIMIT 1"
    row = connection.execute(query, (thread, kind)).fetchone()
    return None if row is None else _event(row)


def _by_key(connection: sqlite3.Connection, thread: str, key: str) -> StoredEvent | None:
    row = connection.execute(_EVENT + "WHERE thread = ? AND key = ?", (thread, key)).fetchone()
    return None if row is None else _event(row)


def _event(row: tuple[str, int, str, str, str | bytes | None, float]) -> StoredEvent:
    thread, seq, kind, key, body, ts = row
    return StoredEvent(thread, seq, kind, key, blobs.whole(body), ts)


def update(tx: Transaction, thread: str, row: Mapping[str, Any], ready: bool | None, *, touch: bool) -> None:
    """Set what is given; ``touch`` moves ``updated_at``."""
    tx.connection.execute(
        """UPDATE thread SET title = coalesce(?, title), phase = coalesce(?, phase),
        status = coalesce(?, status), branch = coalesce(?, branch), pr = coalesce(?, pr),
        data = coalesce(?, data), ready = coalesce(?, ready), updated_at = coalesce(?, updated_at)
        WHERE id = ?""",
        (*map(row.get, COLUMNS), ready, tx.now if touch else None, thread),
    )


def claim(tx: Transaction, thread: str, held: int | None) -> int:
    """Raise the thread's epoch and return it; StaleWorker when that is not ``held`` any more."""
    position(tx, thread, held)
    tx.connection.execute("UPDATE thread SET epoch = epoch + 1 WHERE id = ?", (thread,))
    return int(tx.connection.execute("SELECT epoch FROM thread WHERE id = ?", (thread,)).fetchone()[0])


def bind(tx: Transaction, thread: str, surface: str, external_id: str) -> None:
    """Add a door to a thread. Raises CodeButlerError if another thread has it."""
    position(tx, thread, None)
    holder = find(tx.connection, surface, external_id)
    if holder not in (None, thread):
        raise CodeButlerError(f"{surface} {external_id} already belongs to thread {holder}")
    tx.connection.execute(
        "INSERT OR IGNORE INTO binding (surface, external_id, thread) VALUES (?, ?, ?)",
        (surface, external_id, thread),
    )


def set_timers(tx: Transaction, thread: str, drop: Sequence[str], timers: Sequence[Timer]) -> None:
    """Drop first, then set, so that one append can replace a timer."""
    execute = tx.connection.execute
    for key in drop:
        execute("DELETE FROM timer WHERE thread = ? AND key = ?", (thread, key))
    for timer in timers:
        execute(
            "INSERT OR REPLACE INTO timer (thread, key, due) VALUES (?, ?, ?)", (thread, timer.key, timer.due)
        )


# ---------------------------------------------------------------------------- reading


def events(connection: sqlite3.Connection, thread: str, after: int) -> list[StoredEvent]:
    """The events past seq ``after``, in order."""
    rows = connection.execute(_EVENT + "WHERE thread = ? AND seq > ? ORDER BY seq", (thread, after))
    return [_event(row) for row in rows]


def thread(connection: sqlite3.Connection, thread_id: str) -> ThreadRow | None:
    """One thread's row."""
    row = connection.execute(_THREAD + "WHERE id = ?", (thread_id,)).fetchone()
    return None if row is None else _thread(row)


def threads(connection: sqlite3.Connection, status: str | None, limit: int | None) -> list[ThreadRow]:
    """The threads, the one that changed last first."""
    where, values = ("", ()) if status is None else ("WHERE status = ? ", (status,))
    query = _THREAD + where + "ORDER BY updated_at DESC, id LIMIT ?"
    return [_thread(row) for row in connection.execute(query, (*values, -1 if limit is None else limit))]


def _thread(row: tuple[Any, ...]) -> ThreadRow:
    values = list(row)
    values[7] = bool(row[7])
    return ThreadRow(*values)


def ready_threads(connection: sqlite3.Connection) -> list[str]:
    """The threads that want a turn, the longest unchanged first."""
    return [i for (i,) in connection.execute("SELECT id FROM thread WHERE ready = 1 ORDER BY updated_at, id")]


def find(connection: sqlite3.Connection, surface: str, external_id: str) -> str | None:
    """The thread behind a conversation of a door."""
    query = "SELECT thread FROM binding WHERE surface = ? AND external_id = ?"
    row = connection.execute(query, (surface, external_id)).fetchone()
    return None if row is None else str(row[0])


def bindings(connection: sqlite3.Connection, thread_id: str) -> list[tuple[str, str]]:
    """The thread's doors as (surface, external_id), in the order in which they were bound."""
    query = "SELECT surface, external_id FROM binding WHERE thread = ? ORDER BY rowid"
    return list(connection.execute(query, (thread_id,)))


def shift_timers(tx: Transaction, seconds: float) -> None:
    """See ``Store.shift_timers``."""
    tx.connection.execute("UPDATE timer SET due = due + ?", (seconds,))


def draw_timers(tx: Transaction, limit: float) -> None:
    """See ``Store.draw_timers``."""
    tx.connection.execute("UPDATE timer SET due = :limit WHERE due > :limit", {"limit": limit})


def due_timers(connection: sqlite3.Connection, now: float) -> list[Timer]:
    """The timers with ``due <= now``, the earliest first."""
    query = "SELECT thread, key, due FROM timer WHERE due <= ? ORDER BY due, thread, key"
    return [Timer(*row) for row in connection.execute(query, (now,))]


def next_due(connection: sqlite3.Connection) -> float | None:
    """When the earliest timer is due."""
    return connection.execute("SELECT min(due) FROM timer").fetchone()[0]  # type: ignore[no-any-return] # REAL or NULL


def last_due(connection: sqlite3.Connection) -> float | None:
    """When the latest timer is due."""
    return connection.execute("SELECT max(due) FROM timer").fetchone()[0]  # type: ignore[no-any-return] # REAL or NULL
