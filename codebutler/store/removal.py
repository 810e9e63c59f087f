"""What leaves the store again: threads that are over, bytes that nothing names, and a person's words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from codebutler.store import blobs
from codebutler.store.rows import Rewrite
from codebutler.store.writer import Transaction

_OWN = (
    "DELETE FROM event WHERE thread = :thread",
    "DELETE FROM outbox WHERE thread = :thread",
    "DELETE FROM binding WHERE thread = :thread",
    "DELETE FROM timer WHERE thread = :thread",
    "DELETE FROM budget WHERE scope = 'thread:' || :thread",
    "DELETE FROM thread WHERE id = :thread",
)
_LOOSE = """
    SELECT sha256 FROM blob WHERE rowid <= ? EXCEPT SELECT body_blob FROM event
    EXCEPT SELECT payload_blob FROM outbox
"""
"""Bytes that are no long text."""
_NAMED = """
    SELECT DISTINCT found.value
    FROM (
        SELECT coalesce(body, CAST(bytes AS TEXT)) AS text
        FROM event JOIN thread ON id = thread LEFT JOIN blob ON sha256 = body_blob
        WHERE phase != 'closed' OR ready = 1 OR updated_at >= ?
    ),
    json_tree(CASE WHEN instr(text, '"sha256"') AND json_valid(text) THEN text ELSE '{}' END) AS found
    WHERE found.key = 'sha256'
"""
"""Bytes that the log of a thread that stays names, such as an attachment."""
_SEEN = "blobs_seen"
_CLOCK = "clock_seen"
_NEARLY_A_DAY = 20 * 3600
_PLAUSIBLE = 1_577_836_800.0
"""2020-01-01: a stamp before it is of a machine that did not know the time yet."""
_DAY = "*[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"


def confirmed(tx: Transaction, now: float) -> float:
    """See ``Store.confirmed``."""
    row = tx.connection.execute("SELECT value FROM meta WHERE key = ?", (_CLOCK,)).fetchone()
    sure, seen = json.loads(row[0]) if row is not None else (0.0, 0.0)
    if seen > now:  # it was ahead at the last look, or is behind now
        seen = now
    elif now - seen >= _NEARLY_A_DAY:
        sure, seen = seen, now
    sure = sure if sure <= now else 0.0
    note = json.dumps([sure, seen])
    tx.connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_CLOCK, note))
    if now >= _PLAUSIBLE:
        order = "UPDATE thread SET updated_at = ? WHERE phase = 'closed' AND updated_at < ?"
        tx.connection.execute(order, (now, _PLAUSIBLE))
    return float(sure)


def closed_before(connection: sqlite3.Connection, moment: float) -> list[str]:
    """The closed threads that have not changed since ``moment``."""
    query = "SELECT id FROM thread WHERE phase = 'closed' AND ready = 0 AND updated_at < ? ORDER BY id"
    return [str(thread) for (thread,) in connection.execute(query, (moment,))]


def drop_thread(tx: Transaction, thread: str) -> None:
    """Remove a closed thread; its long texts go with it, unless another thread has the same."""
    if not tx.connection.execute(
        "SELECT 1 FROM thread WHERE id = ? AND phase = 'closed' AND ready = 0", (thread,)
    ).fetchone():
        return
    texts = _long_texts(tx.connection, thread)
    for order in _OWN:
        tx.connection.execute(order, {"thread": thread})
    _drop_unused(tx.connection, texts)


def drop_blobs(tx: Transaction, moment: float, patience: float) -> int:
    """See ``Store.drop_blobs``. What was there at the last look, and long enough ago, may go."""
    seen, at = _last_look(tx.connection)
    if 0 <= tx.now - at < patience:
        return 0
    if tx.now < at:  # the clock was put back: nobody knows how long ago that was
        seen = 0
    last = tx.connection.execute("SELECT coalesce(max(rowid), 0) FROM blob").fetchone()[0]
    tx.connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_SEEN, json.dumps([last, tx.now]))
    )
    loose = {str(sha) for (sha,) in tx.connection.execute(_LOOSE, (seen,))}
    if loose:
        loose -= {str(sha) for (sha,) in tx.connection.execute(_NAMED, (moment,))}
    for sha in loose:
        tx.connection.execute("DELETE FROM blob WHERE sha256 = ?", (sha,))
    return len(loose)


def _last_look(connection: sqlite3.Connection) -> tuple[int, float]:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_SEEN,)).fetchone()
    seen, at = json.loads(row[0]) if row is not None else (0, 0.0)
    return int(seen), float(at)


def drop_money(tx: Transaction, before: str, *, held: bool) -> None:
    """See ``Store.drop_money``."""
    execute = tx.connection.execute
    execute("DELETE FROM budget WHERE scope GLOB ? AND substr(scope, -10) < ?", (_DAY, before))
    execute(
        "DELETE FROM budget WHERE scope GLOB ? AND substr(scope, -13, 10) < ?", (f"{_DAY}T[0-9][0-9]", before)
    )
    execute(
        "DELETE FROM reservation WHERE created_at < strftime('%s', ?) + 0 AND (spent IS NOT NULL OR ?)",
        (before, held),
    )


def rewrite(tx: Transaction, thread: str, change: Rewrite) -> None:
    """Put the texts of ``change`` in place; what only the old ones used goes."""
    old = _long_texts(tx.connection, thread)
    execute = tx.connection.execute
    for seq, body in change.bodies.items():
        text, blob = blobs.park(tx.connection, body)
        execute(
            "UPDATE event SET body = ?, body_blob = ? WHERE thread = ? AND seq = ?", (text, blob, thread, seq)
        )
    for post, payload in change.payloads.items():
        text, blob = blobs.park(tx.connection, payload)
        execute("UPDATE outbox SET payload = ?, payload_blob = ? WHERE id = ?", (text, blob, post))
    row = change.row
    execute(
        "UPDATE thread SET title = coalesce(?, title), owner = coalesce(?, owner), data = coalesce(?, data)"
        " WHERE id = ?",
        (row.get("title"), row.get("owner"), row.get("data"), thread),
    )
    if change.unbind:
        execute("DELETE FROM binding WHERE thread = ?", (thread,))
        execute("UPDATE outbox SET state = 'failed' WHERE thread = ? AND state = 'pending'", (thread,))
    _drop_unused(tx.connection, {*old, *change.drop})


def rewrite_pulls(tx: Transaction, change: Callable[[str], str]) -> None:
    """Titles and bodies of pull requests, where a local forge keeps any."""
    if not tx.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'pull_request'").fetchone():
        return
    for number, title, body in tx.connection.execute(
        "SELECT number, title, body FROM pull_request"
    ).fetchall():
        tx.connection.execute(
            "UPDATE pull_request SET title = ?, body = ? WHERE number = ?",
            (change(title), change(body), number),
        )


def drop_scopes(tx: Transaction, part: str) -> None:
    """Budgets of scopes that hold ``part``, with the reservations that count there."""
    tx.connection.execute("DELETE FROM budget WHERE instr(scope, ?)", (part,))
    tx.connection.execute("DELETE FROM reservation WHERE instr(scopes, ?)", (part,))


def _long_texts(connection: sqlite3.Connection, thread: str) -> set[str]:
    query = """SELECT body_blob FROM event WHERE thread = :t AND body_blob IS NOT NULL
        UNION SELECT payload_blob FROM outbox WHERE thread = :t AND payload_blob IS NOT NULL"""
    return {str(sha) for (sha,) in connection.execute(query, {"t": thread})}


def _drop_unused(connection: sqlite3.Connection, shas: set[str]) -> None:
    for sha in shas:
        connection.execute(
            """DELETE FROM blob WHERE sha256 = :sha
            AND NOT EXISTS (SELECT 1 FROM event WHERE body_blob = :sha)
            AND NOT EXISTS (SELECT 1 FROM outbox WHERE payload_blob = :sha)""",
            {"sha": sha},
        )
