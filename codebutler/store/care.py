"""What is done to a store as a whole: saved, and rid of what is over or must be forgotten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from codebutler.store import costs, doors, files, lessons, log, removal
from codebutler.store.costs import Bought
from codebutler.store.doors import Bound
from codebutler.store.lessons import Past
from codebutler.store.readers import Readers
from codebutler.store.rows import Rewrite, StoredEvent
from codebutler.store.writer import Writer


class Care:
    """The part of ``Store`` that no thread needs."""

    path: Path
    _writer: Writer
    _readers: Readers

    async def confirmed(self, now: float) -> float:
        """The newest time that an earlier look saw, most of a day or more before ``now``: age ends there.

        A clock that is wrong for a start, or for hours, is never taken for years that went by. 0.0 while
        no such look is known. Stamps from before any clock was set become ``now``.
        """
        return await self._writer.do(lambda tx: removal.confirmed(tx, now))

    async def shift_timers(self, seconds: float) -> None:
        """Move all timers along with a clock that was set."""
        await self._writer.do(lambda tx: log.shift_timers(tx, seconds))

    async def draw_timers(self, limit: float) -> None:
        """Timers that are due later than ``limit`` become due then."""
        await self._writer.do(lambda tx: log.draw_timers(tx, limit))

    async def closed_before(self, moment: float) -> list[str]:
        """The closed threads that have not changed since ``moment``."""
        return await self._readers.do(lambda c: removal.closed_before(c, moment))

    async def drop_thread(self, thread: str) -> None:
        """Remove a closed thread with all that is its own; an open one stays as it is."""
        await self._writer.do(lambda tx: removal.drop_thread(tx, thread))

    async def drop_blobs(self, moment: float, patience: float) -> int:
        """Remove bytes that no open thread and none that changed since ``moment`` names; how many were gone.

        Only those that were there ``patience`` seconds ago: a door keeps bytes before it names them.
        """
        return await self._writer.do(lambda tx: removal.drop_blobs(tx, moment, patience))

    async def drop_money(self, before: str, *, held: bool) -> None:
        """Remove budgets of days before ``before`` (2026-11-21), with the settled reservations of that time.

        ``held``: also those that were never settled, for a store whose scopes are all of a day or an hour.
        """
        await self._writer.do(lambda tx: removal.drop_money(tx, before, held=held))

    async def rewrite(self, thread: str, change: Rewrite) -> None:
        """Put other texts in the place of a thread's own. Only while nobody works on the store."""
        await self._writer.do(lambda tx: removal.rewrite(tx, thread, change))

    async def rewrite_pulls(self, change: Callable[[str], str]) -> None:
        """Put other titles and bodies in the place of those of the local forge's pull requests."""
        await self._writer.do(lambda tx: removal.rewrite_pulls(tx, change))

    async def drop_scopes(self, part: str) -> None:
        """Remove the budgets of scopes that hold ``part``, and the reservations that count there."""
        await self._writer.do(lambda tx: removal.drop_scopes(tx, part))

    async def pasts(self) -> list[Past]:
        """What earlier threads asked, looked up and remembered, the oldest first."""
        return await self._readers.do(lessons.pasts)

    async def bought(self, since: float = 0.0) -> list[Bought]:
        """Every model call since the unix time ``since`` that was paid for, over all threads."""
        return await self._readers.do(lambda c: costs.bought(c, since))

    async def note(self, key: str, value: str) -> None:
        """Keep a small fact of a door's, such as how far it has listened; "" forgets it."""
        await self._writer.do(lambda tx: doors.note(tx, key, value))

    async def noted(self, key: str) -> str:
        """The fact, or ""."""
        return await self._readers.do(lambda c: doors.noted(c, key))

    async def notes(self, prefix: str) -> list[str]:
        """All facts whose key starts with ``prefix``."""
        return await self._readers.do(lambda c: doors.notes(c, prefix))

    async def heard(self, thread: str, key: str) -> bool:
        """Whether the thread has an event with this key."""
        return await self._readers.do(lambda c: doors.heard(c, thread, key))

    async def said(self, surface: str, place: str, key: str) -> StoredEvent | None:
        """The event with this key in any of the door's conversations whose ids begin with ``place``."""
        return await self._readers.do(lambda c: doors.said(c, surface, place, key))

    async def bound(self, surface: str) -> list[Bound]:
        """All conversations of a door; the one whose thread changed last comes first."""
        return await self._readers.do(lambda c: doors.bound(c, surface))

    async def identity(self) -> str:
        """The store's id, 16 hexadecimal digits. A copy has its original's, a restored one a new one."""
        return await self._readers.do(files.identity)

    async def check(self) -> None:
        """Read all of it. Raises StoreDamaged when it is not sound."""
        await self._readers.do(lambda c: files.sound(c, self.path))

    async def backup(self, target: Path) -> None:
        """Write the store as it is now to the new file ``target``, checked and on disk, while others write.

        It is read from one snapshot beside the writer, which does not wait. Raises ConfigError if the file
        cannot be written or exists, CodeButlerError when the disk is full.
        """
        await self._readers.do(lambda c: files.save(c, target))
