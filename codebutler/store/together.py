"""Threads beside each other: what one tells several at once, and where all that are open stand."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from codebutler.redact import Redactor
from codebutler.store import doors, log, outbox
from codebutler.store.care import Care
from codebutler.store.rows import NewEvent, NewPost, StoredEvent
from codebutler.store.writer import Transaction

FORGE = "github"
"""The door where a message is no talk that passes: it stands in a pull request until somebody reads it."""


class Told(Struct, frozen=True):
    """What one thread gets of a word to several. Doors are looked up: a post goes to each of them."""

    thread: str
    events: Sequence[NewEvent]
    post: str = ""
    """The message's JSON; "" for none."""
    key: str = ""
    """The post's key, without its door."""
    standing: Sequence[tuple[str, str]] = ()
    """(slot, JSON) of the messages that a door at a forge gets instead: each replaces the one before it."""


class Live(Struct, frozen=True):
    """A thread that is not closed, as others see it."""

    id: str
    status: str
    branch: str
    pr: str
    data: str


class Together(Care):
    """The part of ``Store`` that is about several threads."""

    redactor: Redactor
    witness: Callable[[Sequence[StoredEvent]], object]

    async def live(self) -> list[Live]:
        """The threads that are not closed, the oldest first."""
        return await self._readers.do(_live)

    async def last(self, thread: str, kind: str) -> StoredEvent | None:
        """The thread's last event of a kind."""
        return await self._readers.do(lambda c: log.last(c, thread, kind))

    async def at_rest(self, before: float) -> list[tuple[str, str]]:
        """(thread, branch) of open threads with a branch, unchanged since ``before`` (unix time)."""
        return await self._readers.do(lambda c: _at_rest(c, before))

    async def tell(self, words: Sequence[Told]) -> None:
        """Append to several threads in one transaction, whoever works on them; known keys are left out."""
        clean = [
            replace(
                w,
                events=[self._event(e) for e in w.events],
                post=w.post and self._json(w.post),
                standing=[(slot, self._json(post)) for slot, post in w.standing],
            )
            for w in words
        ]
        fresh: list[StoredEvent] = []

        def work(tx: Transaction) -> None:
            fresh.clear()
            for word in clean:
                last = log.position(tx, word.thread, None)
                stored = log.add_events(tx, word.thread, last, word.events)
                fresh.extend(event for event in stored if event.seq > last)
                if word.post and stored and stored[-1].seq > last:
                    bound = log.bindings(tx.connection, word.thread)
                    outbox.add(tx, word.thread, [post for s, x in bound for post in _posts(word, s, x)])

        await self._writer.do(work)
        self.witness(fresh)

    async def move(self, thread: str, surface: str, before: str, now: str) -> None:
        """The thread's conversation ``before`` is held in ``now``, and its posts go there. Again: a no-op.

        CodeButlerError if another thread has ``now``.
        """
        await self._writer.do(lambda tx: _move(tx, thread, surface, before, now))

    async def take_over(self, before: str, thread: str, surface: str, beside: str) -> str:
        """The first conversation of thread ``before`` at a door is ``thread``'s from here on; "" for none.

        ``beside`` is where ``thread`` was to be shown until then; its posts go along. Again: the same answer.
        """
        return await self._writer.do(lambda tx: _take_over(tx, before, thread, surface, beside))

    async def heard_before(self, surface: str, conversation: str, key: str) -> bool:
        """Whether a thread that had this conversation before has an event with this key."""
        earlier = (await self.noted(_had(surface, conversation))).split()
        return any([await self.heard(thread, key) for thread in earlier])

    def _event(self, event: NewEvent) -> NewEvent:
        return replace(event, body=self._json(event.body))

    def _json(self, text: str) -> str:
        try:
            return self.redactor.json(text)
        except ValueError:  # no JSON, which the store does not mind
            return self.redactor.text(text)


def _posts(word: Told, surface: str, place: str) -> list[NewPost]:
    if surface != FORGE or not word.standing:
        return [NewPost(f"{word.key}@{surface}:{place}", surface, place, word.post)]
    return [
        NewPost(f"{word.key}/{slot}@{surface}:{place}", surface, place, post, slot)
        for slot, post in word.standing
    ]


def _live(connection: sqlite3.Connection) -> list[Live]:
    query = "SELECT id, status, branch, pr, data FROM thread WHERE phase != 'closed' ORDER BY created_at, id"
    return [Live(*row) for row in connection.execute(query)]


def _move(tx: Transaction, thread: str, surface: str, before: str, now: str) -> None:
    log.bind(tx, thread, surface, now)
    execute = tx.connection.execute
    execute(
        "DELETE FROM binding WHERE thread = ? AND surface = ? AND external_id = ?", (thread, surface, before)
    )
    execute(
        "UPDATE outbox SET conversation = ? WHERE thread = ? AND surface = ? AND conversation = ?",
        (now, thread, surface, before),
    )


def _had(surface: str, conversation: str) -> str:
    """The note of the threads that had the conversation before, the last one first."""
    return f"{surface}:had:{conversation}"


def _take_over(tx: Transaction, before: str, thread: str, surface: str, beside: str) -> str:
    mine = [x for door, x in log.bindings(tx.connection, thread) if door == surface and x != beside]
    if mine:
        return mine[0]
    place = next((x for door, x in log.bindings(tx.connection, before) if door == surface), "")
    if place:
        tx.connection.execute(
            "UPDATE binding SET thread = ? WHERE surface = ? AND external_id = ?", (thread, surface, place)
        )
        earlier = doors.noted(tx.connection, _had(surface, place)).split()
        doors.note(tx, _had(surface, place), " ".join([before, *earlier]))
        _move(tx, thread, surface, beside, place)
    return place


def _at_rest(connection: sqlite3.Connection, before: float) -> list[tuple[str, str]]:
    """Id and branch of threads that want nothing and have not changed since ``before``."""
    query = (
        "SELECT id, branch FROM thread WHERE ready = 0 AND branch != '' AND phase != 'closed' "
        "AND updated_at < ? ORDER BY updated_at DESC, id"
    )
    return [(str(thread), str(branch)) for thread, branch in connection.execute(query, (before,))]
