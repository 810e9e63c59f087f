"""A second store that follows a first one, thread by thread: the loss of the first costs a turn at most.

It is a store like any other, written without waiting for the disk: a power cut may take its last rows, which
the first one still has.
"""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from codebutler.store.connection import connect
from codebutler.store.faults import translate
from codebutler.store.files import SIDES, save
from codebutler.store.migrations import MIGRATIONS

_FOLLOW = (
    """INSERT OR IGNORE INTO blob (rowid, sha256, bytes) SELECT rowid, sha256, bytes FROM live.blob
    WHERE rowid > (SELECT coalesce(max(rowid), 0) FROM blob)""",
    """INSERT INTO event SELECT * FROM live.event WHERE thread = :thread
    AND seq > (SELECT coalesce(max(seq), 0) FROM event WHERE thread = :thread)""",
    """INSERT OR REPLACE INTO outbox SELECT * FROM live.outbox WHERE thread = :thread AND id >=
    (SELECT coalesce(min(CASE state WHEN 'pending' THEN id END), max(id) + 1, 0) FROM outbox
    WHERE thread = :thread)""",
    "INSERT OR REPLACE INTO thread SELECT * FROM live.thread WHERE id = :thread",
    "DELETE FROM binding WHERE thread = :thread",
    # one that another thread had before is this thread's now
    "INSERT OR REPLACE INTO binding SELECT * FROM live.binding WHERE thread = :thread",
    "DELETE FROM timer WHERE thread = :thread",
    "INSERT INTO timer SELECT * FROM live.timer WHERE thread = :thread",
    """INSERT OR REPLACE INTO budget (scope, spent, reserved)
    SELECT scope, spent, 0 FROM live.budget WHERE scope = 'thread:' || :thread""",
)
"""What a copy lacks of a thread. What is only reserved stays out: its worker is gone with the store."""
_PULLS = """
    INSERT OR REPLACE INTO pull_request SELECT * FROM live.pull_request
    WHERE updated_at >= (SELECT coalesce(max(updated_at), 0) - 1 FROM pull_request)
"""


class Copy:
    """Follows the store at ``live`` with the one at ``path``. From one process."""

    def __init__(self, live: Path, path: Path) -> None:
        """Nothing is opened or made yet."""
        self.path = path
        self._live = live
        self._lock = threading.Lock()
        """Held by the thread that works, not by the task that waits for it: a cancelled task is gone at once
        while its thread still uses the connection, and a close beside it would crash the process.
        """
        self._open: sqlite3.Connection | None = None
        self._closed = False

    async def follow(self, thread: str) -> None:
        """Bring the copy of one thread up to date; makes the whole copy if there is none.

        Raises CodeButlerError or ConfigError when it cannot be written.
        """
        await asyncio.to_thread(self._guarded, thread)

    async def renew(self) -> None:
        """Make the copy anew from the whole store, in one step."""
        await asyncio.to_thread(self._guarded, None)

    async def close(self) -> None:
        """Close the copy's file, after whatever still writes it. What comes later writes nothing."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        with self._lock:
            self._closed = True
            self._close()

    def _close(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            opened.close()

    def _guarded(self, thread: str | None) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                if thread is None or (self._open is None and not self._fits()):
                    self._whole()
                else:
                    self._follow(thread)
            except (sqlite3.Error, OSError) as error:
                raise translate(self.path, error) from error

    def _fits(self) -> bool:
        """Whether there is a copy of this version's schema."""
        if not self.path.exists():
            return False
        with closing(connect(self.path, read_only=True)) as copy:
            count = copy.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0]
        return bool(count == len(MIGRATIONS))

    def _whole(self) -> None:
        self._close()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.new")
        fresh.unlink(missing_ok=True)
        with closing(connect(self._live, read_only=True)) as live:
            save(live, fresh)
        for side in SIDES:
            self.path.with_name(self.path.name + side).unlink(missing_ok=True)
        fresh.replace(self.path)
        self._opened()

    def _follow(self, thread: str) -> None:
        copy = self._opened()
        copy.execute("BEGIN IMMEDIATE")
        try:
            for order in _FOLLOW:
                copy.execute(order, {"thread": thread})
            self._pulls(copy)
            copy.execute("COMMIT")
        except BaseException:
            self._close()
            raise

    def _opened(self) -> sqlite3.Connection:
        """The copy with the living store beside it. Kept open: closing waits for the disk, and a store whose
        files are deleted while it is in use can still be read by who has them open.
        """
        if self._open is None:
            if not self._live.exists():  # SQLite would make an empty one
                raise FileNotFoundError(errno.ENOENT, f"the store {self._live} is gone")
            copy = connect(self.path)
            copy.execute("PRAGMA journal_mode = WAL").fetchone()
            copy.execute("PRAGMA synchronous = NORMAL")
            copy.execute("ATTACH DATABASE ? AS live", (str(self._live),))
            copy.execute("SELECT 1 FROM live.event LIMIT 1").fetchone()
            self._open = copy
        return self._open

    @staticmethod
    def _pulls(copy: sqlite3.Connection) -> None:
        """Pull requests of the local forge: a table of its own, made when the first one is."""
        query = "SELECT sql FROM live.sqlite_master WHERE name IN ('pull_request', 'pull_request_open')"
        theirs = [str(sql) for (sql,) in copy.execute(query + " ORDER BY type DESC")]
        if not theirs:
            return
        if not copy.execute("SELECT 1 FROM main.sqlite_master WHERE name = 'pull_request'").fetchone():
            for sql in theirs:
                copy.execute(sql)
        copy.execute(_PULLS)
