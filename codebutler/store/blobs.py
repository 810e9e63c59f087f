"""Bytes by their SHA-256, and long texts kept there so that the log's own rows stay small."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import cast

from codebutler.errors import CodeButlerError

INLINE = 64 * 1024
"""Bytes of UTF-8 up to which a text stays in its row."""


def put(connection: sqlite3.Connection, data: bytes) -> str:
    """Keep ``data`` and return its SHA-256 in hexadecimal."""
    digest = hashlib.sha256(data).hexdigest()
    connection.execute("INSERT OR IGNORE INTO blob (sha256, bytes) VALUES (?, ?)", (digest, data))
    return digest


def get(connection: sqlite3.Connection, digest: str) -> bytes | None:
    """The bytes, or None."""
    row = connection.execute("SELECT bytes FROM blob WHERE sha256 = ?", (digest,)).fetchone()
    return None if row is None else cast("bytes", row[0])


def park(connection: sqlite3.Connection, text: str) -> tuple[str | None, str | None]:
    """``text`` as (inline, blob): exactly one of the two is set."""
    raw = text.encode()
    return (text, None) if len(raw) <= INLINE else (None, put(connection, raw))


def whole(value: str | bytes | None) -> str:
    """A text as it was given, from ``coalesce(inline, blob.bytes)``."""
    if value is None:
        raise CodeButlerError("the store has lost a long text", fix="Restore it from a backup.")
    return value if isinstance(value, str) else value.decode()
