"""The table of local pull requests, in the repository's store."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from codebutler.errors import RepoError
from codebutler.forges.base import PrState
from codebutler.store.connection import join

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pull_request (
    number INTEGER PRIMARY KEY,
    branch TEXT NOT NULL,
    base TEXT NOT NULL,
    head TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    draft INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'open',
    squash TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS pull_request_open ON pull_request(branch) WHERE state = 'open';
"""
_COLUMNS = "number, branch, base, head, title, body, draft, state, squash"
_LARGEST = 2**63 - 1
"""What SQLite can hold as a number."""


class Row(Struct, frozen=True):
    """One PR as it is stored. ``squash`` is the commit of its merge, noted before the remote has it."""

    number: int
    branch: str
    base: str
    head: str
    title: str
    body: str
    draft: bool
    state: PrState
    squash: str


class Records:
    """Short connections from worker threads: PRs are rare, and other processes use the same file."""

    def __init__(self, path: Path) -> None:
        """The table is made when it is first needed, its store never is: ConfigError when there is none."""
        self._path = path

    async def add(self, *, branch: str, base: str, head: str, title: str, body: str, draft: bool) -> Row:
        """A new open PR, or the open one that the branch has."""
        now = time.time()
        values = (branch, base, head, title, body, int(draft), now, now)

        def work(db: sqlite3.Connection) -> Row:
            db.execute(
                "INSERT OR IGNORE INTO pull_request"
                " (branch, base, head, title, body, draft, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            return _row(db.execute(f"{_SELECT} WHERE branch = ? AND state = 'open'", (branch,)).fetchone())

        return await self._do(work)

    async def get(self, number: int) -> Row:
        """One PR. RepoError if there is none."""

        def work(db: sqlite3.Connection) -> Row:
            known = abs(number) <= _LARGEST
            found = db.execute(f"{_SELECT} WHERE number = ?", (number,)).fetchone() if known else None
            if found is None:
                raise RepoError(
                    f"there is no pull request #{number}", fix="See: codebutler pr list --state all"
                )
            return _row(found)

        return await self._do(work)

    async def list(self, *, state: str = "all", branch: str = "") -> list[Row]:
        """PRs of a state ("all" = any) and branch ("" = any), the newest first."""
        where = "WHERE (? = 'all' OR state = ?) AND (? = '' OR branch = ?) ORDER BY number DESC"
        args = (state, state, branch, branch)
        return await self._do(lambda db: [_row(found) for found in db.execute(f"{_SELECT} {where}", args)])

    async def change(self, number: int, **values: str | int) -> None:
        """Set columns of one PR. Column names come from this package, never from outside."""
        values = {**values, "updated_at": int(time.time())}
        sets = ", ".join(f"{column} = ?" for column in values)
        args = (*values.values(), number)
        order = f"UPDATE pull_request SET {sets} WHERE number = ?"  # noqa: S608 - only column names are put in
        await self._do(lambda db: db.execute(order, args).rowcount)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            with _connection(self._path) as db:
                return work(db)

        return await asyncio.to_thread(run)


_SELECT = f"SELECT {_COLUMNS} FROM pull_request"  # noqa: S608 - constants


def _row(found: tuple[int, str, str, str, str, str, int, PrState, str]) -> Row:
    number, branch, base, head, title, body, draft, state, squash = found
    return Row(number, branch, base, head, title, body, bool(draft), state, squash)


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction, committed to the disk at its end. The store is there already, or this is an error."""
    try:
        db = join(path)
    except sqlite3.Error as error:
        raise RepoError(f"{path} cannot be opened: {error}", fix="Check its owner, mode and space") from error
    try:
        db.executescript(_SCHEMA)
        db.execute("BEGIN IMMEDIATE")
        with db:  # commits, or takes back
            yield db
    except sqlite3.Error as error:
        raise RepoError(f"pull requests in {path} cannot be read or written: {error}") from error
    finally:
        db.close()
