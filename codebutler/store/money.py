"""Money that is reserved before a call and settled after it: the SQL of ``budget`` and ``reservation``.

Sums are whole billionths of a dollar: adding them up loses nothing, however many there are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from codebutler.dollars import exact
from codebutler.errors import CodeButlerError, LimitReached
from codebutler.store.rows import Payment
from codebutler.store.writer import Transaction

RAISED = "raised:"
"""Before a scope: the dollars by which people have lifted its cap."""
_NANO = 1_000_000_000
_LARGEST = 1e9
"""Dollars. An infinite cap is this one; sums stay far within 64 bits."""


def _nano(usd: float) -> int:
    if not usd >= 0:  # written so that NaN is refused too
        raise ValueError(f"{usd} is no amount of money")
    return round(min(usd, _LARGEST) * _NANO)


def reserve(tx: Transaction, key: str, usd: float, caps: Mapping[str, float]) -> None:
    """Hold ``usd`` in every scope of ``caps``, or in none and raise LimitReached. A known key is a no-op.

    What is spent in ``RAISED`` and a scope lifts its cap.
    """
    wanted = _nano(usd)
    if tx.connection.execute("SELECT 1 FROM reservation WHERE key = ?", (key,)).fetchone():
        return
    for scope, cap in caps.items():
        _check(tx.connection, scope, cap, wanted)
    tx.connection.execute(
        "INSERT INTO reservation (key, scopes, reserved, created_at) VALUES (?, ?, ?, ?)",
        (key, json.dumps(sorted(caps)), wanted, tx.now),
    )
    for scope in caps:
        _move(tx.connection, scope, spent=0, reserved=wanted)


def _check(connection: sqlite3.Connection, scope: str, cap: float, wanted: int) -> None:
    spent, reserved = _budget(connection, scope)
    cap += _budget(connection, RAISED + scope)[0] / _NANO
    if spent + reserved + wanted > _nano(cap):
        raise LimitReached(
            f"{scope}: the cap of {exact(cap)} would be passed: {exact(spent / _NANO)} spent, "
            f"{exact(reserved / _NANO)} reserved, {exact(wanted / _NANO)} more asked for",
            scope=scope,
            short=(spent + reserved + wanted - _nano(cap)) / _NANO,
        )


def move(tx: Transaction, payments: Sequence[Payment]) -> None:
    """Hold and settle, in that order of ``payments``."""
    for each in payments:
        if each.caps is None:
            settle(tx, each.key, each.usd)
        else:
            reserve(tx, each.key, each.usd, each.caps)


def settle(tx: Transaction, key: str, usd: float) -> None:
    """Replace a reservation by what was spent, which may be more. Once only; a settled key is a no-op."""
    cost = _nano(usd)
    query = "SELECT scopes, reserved, spent FROM reservation WHERE key = ?"
    row = tx.connection.execute(query, (key,)).fetchone()
    if row is None:
        raise CodeButlerError(f"nothing was reserved as {key}")
    scopes, reserved, spent = row
    if spent is not None:
        return
    tx.connection.execute("UPDATE reservation SET spent = ? WHERE key = ?", (cost, key))
    for scope in json.loads(scopes):
        _move(tx.connection, scope, spent=cost, reserved=-reserved)


def spent(connection: sqlite3.Connection, scopes: Collection[str]) -> dict[str, float]:
    """Dollars settled in each of ``scopes``, without what is only reserved."""
    return {scope: _budget(connection, scope)[0] / _NANO for scope in scopes}


def scopes(connection: sqlite3.Connection, prefix: str) -> list[str]:
    """The scopes that start with ``prefix`` and have ever held money."""
    query = "SELECT scope FROM budget WHERE substr(scope, 1, length(?)) = ? ORDER BY scope"
    return [scope for (scope,) in connection.execute(query, (prefix, prefix))]


def unsettled(connection: sqlite3.Connection, prefix: str) -> list[str]:
    """The keys that start with ``prefix`` and hold money: of calls under way, or cut off by a crash."""
    query = "SELECT key FROM reservation WHERE spent IS NULL AND substr(key, 1, length(?)) = ? ORDER BY key"
    return [key for (key,) in connection.execute(query, (prefix, prefix))]


def paid(connection: sqlite3.Connection, keys: Collection[str]) -> dict[str, float]:
    """Dollars that each of ``keys`` has cost; those that are unknown or still held are left out."""
    query = "SELECT spent FROM reservation WHERE key = ? AND spent IS NOT NULL"
    found = {key: connection.execute(query, (key,)).fetchone() for key in keys}
    return {key: row[0] / _NANO for key, row in found.items() if row is not None}


def _budget(connection: sqlite3.Connection, scope: str) -> tuple[int, int]:
    row = connection.execute("SELECT spent, reserved FROM budget WHERE scope = ?", (scope,)).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def _move(connection: sqlite3.Connection, scope: str, *, spent: int, reserved: int) -> None:
    connection.execute(
        """INSERT INTO budget (scope, spent, reserved) VALUES (?, ?, ?) ON CONFLICT (scope)
        DO UPDATE SET spent = spent + excluded.spent, reserved = reserved + excluded.reserved""",
        (scope, spent, reserved),
    )
