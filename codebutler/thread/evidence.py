"""A thread with all that was made of its log: as the store has it, or as an export kept it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from codebutler.errors import CodeButlerError, UsageError
from codebutler.events import parse
from codebutler.redact import Redactor
from codebutler.store.rows import Post, StoredEvent
from codebutler.store.store import Store
from codebutler.thread.fold import fold
from codebutler.thread.state import ThreadState
from codebutler.types import Json

VERSION = 1
ROW = ("title", "phase", "status", "branch", "pr", "ready")
"""What the read model says of a thread that a fold can say too."""


class Evidence(Struct, frozen=True):
    """``row`` is the read model, ``posts`` the outbox; ``spent`` is dollars, None if nothing was counted."""

    thread: str
    events: Sequence[StoredEvent]
    row: Json
    posts: Sequence[Json]
    spent: float | None
    cut: bool = False
    """No door shows it any more: what is said since then is in no outbox."""

    def state(self) -> ThreadState:
        """The fold of the events. CodeButlerError when one is damaged or missing."""
        try:
            return fold(self.thread, ((e.seq, e.ts, parse(e.body)) for e in self.events))
        except (ValueError, LookupError) as error:
            raise CodeButlerError(f"the log of thread {self.thread} is damaged: {error!r}") from error


async def of_store(store: Store, thread: str) -> Evidence:
    """The thread as the store has it at one moment. UsageError when it has none of that id."""
    found = await store.whole(thread, f"thread:{thread}")
    if found.row is None:
        raise UsageError(f"no thread {thread!r} in this repo", fix="codebutler threads lists them.")
    row = asdict(found.row)
    posts = [_post(post) for post in found.posts]
    return Evidence(
        thread, found.events, {name: row[name] for name in ROW}, posts, found.spent, not found.doors
    )


def _post(post: Post) -> Json:
    payload = json.loads(post.payload)
    return {"key": post.key, "slot": post.slot, "state": post.state, "text": payload.get("text", "")}


def redacted(evidence: Evidence, redactor: Redactor) -> Evidence:
    """Without what is a secret by now, whatever it was when it was logged."""
    rest: Json = redactor.value({"row": evidence.row, "posts": list(evidence.posts)})
    events = [replace(event, body=redactor.json(event.body)) for event in evidence.events]
    return replace(evidence, events=events, row=rest["row"], posts=rest["posts"])


def lines(evidence: Evidence, redactor: Redactor) -> Iterator[str]:
    """The export: one JSON line an event, and a last one with what was made of them."""
    clean = redacted(evidence, redactor)
    yield json.dumps({"kind": "export", "version": VERSION, "thread": clean.thread})
    for event in clean.events:
        head = {"kind": event.kind, "seq": event.seq, "ts": event.ts, "key": event.key}
        yield json.dumps({**head, "body": json.loads(event.body)})
    made = {"row": clean.row, "posts": list(clean.posts), "spent": clean.spent, "cut": clean.cut}
    yield json.dumps({"kind": "export_end", **made})


def of_file(path: Path) -> Evidence:
    """What ``lines`` wrote. UsageError naming file and line for anything else."""
    try:
        return _read(path, path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}", fix="Name a file of codebutler export."
        ) from error


def _read(path: Path, text: Iterable[str]) -> Evidence:
    records: list[Any] = []
    for number, line in enumerate(text, 1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise UsageError(
                f"{path}:{number} is no JSON: {error}", fix="Export the thread again."
            ) from error
    try:
        return _whole(records)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{path} is no whole export of a thread: {error}"
        raise UsageError(what, fix="codebutler export THREAD -o FILE writes one.") from error


def _whole(records: Sequence[Any]) -> Evidence:
    """ValueError, KeyError or TypeError when something is missing."""
    head, *events, end = records
    if (head["kind"], head["version"], end["kind"]) != ("export", VERSION, "export_end"):
        raise ValueError("its first or last line is not an export's")
    stored = [
        StoredEvent(head["thread"], int(e["seq"]), e["kind"], e["key"], json.dumps(e["body"]), e["ts"])
        for e in events
    ]
    row = {name: end["row"][name] for name in ROW}
    cut = bool(end.get("cut", False))
    return Evidence(head["thread"], stored, row, list(end["posts"]), end["spent"], cut)
