"""Visible messages on their way out: the SQL of ``outbox``."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from codebutler.errors import CodeButlerError
from codebutler.store import blobs
from codebutler.store.rows import NewPost, Post
from codebutler.store.writer import Transaction


def add(tx: Transaction, thread: str, posts: Sequence[NewPost]) -> None:
    """Queue the posts whose key is new to the thread."""
    for post in posts:
        query = "SELECT 1 FROM outbox WHERE thread = ? AND key = ?"
        if tx.connection.execute(query, (thread, post.key)).fetchone():
            continue
        payload, blob = blobs.park(tx.connection, post.payload)
        tx.connection.execute(
            """INSERT INTO outbox (thread, key, surface, conversation, slot, payload, payload_blob,
            state, external_id, attempts, error) VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', '', 0, '')""",
            (thread, post.key, post.surface, post.conversation, post.slot, payload, blob),
        )


def sent(tx: Transaction, post_id: int, external_id: str) -> None:
    """Mark as delivered. The first external id stays: a post has one visible copy. "" is none: not shown."""
    if _state(tx, post_id) != "sent" or external_id:
        tx.connection.execute(
            """UPDATE outbox SET state = 'sent', external_id = ?, attempts = attempts + 1, error = ''
            WHERE id = ? AND (state != 'sent' OR external_id = '')""",
            (external_id, post_id),
        )


def failed(tx: Transaction, post_id: int, error: str, *, final: bool) -> None:
    """Count a failed attempt; ``final`` gives up. What is delivered already stays so."""
    if _state(tx, post_id) == "pending":
        tx.connection.execute(
            "UPDATE outbox SET state = ?, attempts = attempts + 1, error = ? WHERE id = ?",
            ("failed" if final else "pending", error, post_id),
        )


def _state(tx: Transaction, post_id: int) -> str:
    row = tx.connection.execute("SELECT state FROM outbox WHERE id = ?", (post_id,)).fetchone()
    if row is None:
        raise CodeButlerError(f"there is no post {post_id} in the outbox")
    return str(row[0])


def pending(connection: sqlite3.Connection, surface: str | None, limit: int) -> list[Post]:
    """What waits for delivery, in the order in which it was queued."""
    where, values = ("", ()) if surface is None else ("AND surface = ? ", (surface,))
    query = f"""
        SELECT id, thread, key, surface, conversation, coalesce(payload, bytes), slot, state, external_id,
        attempts, error FROM outbox LEFT JOIN blob ON sha256 = payload_blob
        WHERE state = 'pending' {where} ORDER BY id LIMIT ?"""  # noqa: S608 - `where` is one of two literals
    return [_post(row) for row in connection.execute(query, (*values, limit))]


def of_thread(connection: sqlite3.Connection, thread: str) -> list[Post]:
    """All posts of a thread, delivered or not, in the order in which they were queued."""
    query = """
        SELECT id, thread, key, surface, conversation, coalesce(payload, bytes), slot, state, external_id,
        attempts, error FROM outbox LEFT JOIN blob ON sha256 = payload_blob WHERE thread = ? ORDER BY id"""
    return [_post(row) for row in connection.execute(query, (thread,))]


def _post(row: tuple[Any, ...]) -> Post:
    values = list(row)
    values[5] = blobs.whole(row[5])
    return Post(*values)


def slot_message(
    connection: sqlite3.Connection, thread: str, surface: str, conversation: str, slot: str
) -> str:
    """The platform's id of the message that shows ``slot`` now, or "".

    Posts that were skipped because a later one replaced them are sent without an id and do not count.
    """
    if not slot:
        return ""
    row = connection.execute(
        """SELECT external_id FROM outbox WHERE thread = ? AND surface = ? AND conversation = ? AND slot = ?
        AND slot != '' AND state = 'sent' AND external_id != '' ORDER BY id DESC LIMIT 1""",
        (thread, surface, conversation, slot),
    ).fetchone()
    return "" if row is None else str(row[0])
