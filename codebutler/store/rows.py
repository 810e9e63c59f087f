"""What goes into the store and what comes out. Times are seconds since the epoch; bodies are JSON text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct


class NewEvent(Struct, frozen=True):
    """An event to append. ``key`` is unique within its thread: a second one with it is not written."""

    kind: str
    key: str
    body: str


class StoredEvent(Struct, frozen=True):
    """An event on disk. ``seq`` counts from 1 without gaps within a thread."""

    thread: str
    seq: int
    kind: str
    key: str
    body: str
    ts: float


class NewPost(Struct, frozen=True):
    """A message to deliver. ``key`` is unique within its thread; posts of one ``slot`` replace each other."""

    key: str
    surface: str
    conversation: str
    payload: str
    slot: str = ""


class Post(Struct, frozen=True):
    """A message in the outbox. ``external_id`` is the platform's once sent, ``error`` the last failure."""

    id: int
    thread: str
    key: str
    surface: str
    conversation: str
    payload: str
    slot: str
    state: Literal["pending", "sent", "failed"]
    external_id: str
    attempts: int
    error: str


class ThreadRow(Struct, frozen=True):
    """The read model of a thread: what lists and status cards show without folding the log."""

    id: str
    title: str
    phase: str
    status: str
    owner: str
    branch: str
    pr: str
    ready: bool
    epoch: int
    created_at: float
    updated_at: float
    data: str


class Timer(Struct, frozen=True):
    """A wish to be woken. ``key`` is unique within its thread; setting it again moves ``due``."""

    thread: str
    key: str
    due: float


class Payment(Struct, frozen=True):
    """Money that moves in the commit of an append: with ``caps``, dollars to hold in those scopes, and the
    append is refused with them; without, what a held ``key`` has cost."""

    key: str
    usd: float
    caps: Mapping[str, float] | None = None


class Rewrite(Struct, frozen=True):
    """Texts to put in the place of a thread's: bodies by seq, payloads by post id, columns of its row.

    ``unbind`` takes its doors away, ``drop`` names blobs that go.
    """

    bodies: Mapping[int, str]
    payloads: Mapping[int, str]
    row: Mapping[str, str]
    unbind: bool = False
    drop: Sequence[str] = ()


class Whole(Struct, frozen=True):
    """A thread at one moment. ``row`` is None for an unknown one; ``spent``: dollars, if any were counted."""

    events: Sequence[StoredEvent]
    row: ThreadRow | None
    posts: Sequence[Post]
    spent: float | None
    doors: int = 0
    """Conversations that show it."""
