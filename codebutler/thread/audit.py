"""Who told us to do what, where, and what came of it: a projection of the logs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from codebutler.events import (
    Cancelled,
    CommandHandled,
    Event,
    MemoryDecided,
    MendRequested,
    MergeRefused,
    MergeRequested,
    MessageReceived,
    ModelSwapped,
    Paused,
    PlanApproved,
    PrMerged,
    QuestionAnswered,
    RebaseRequested,
    Resumed,
    Rewound,
    parse,
)
from codebutler.store.rows import StoredEvent
from codebutler.store.store import Store
from codebutler.types import Json

LENGTH = 200
"""Characters of a command's words, and of what it was answered with."""

ASKED = "asked:"
"""Notes of commands that a thread took as plain words: its log does not tell them from talk."""


class Entry(Struct, frozen=True):
    """One command. ``at`` is seconds since the epoch; ``thread`` is "" for one that opened none."""

    at: float
    who: str
    where: str
    what: str
    result: str
    thread: str = ""


async def audit(store: Store, *, thread: str = "", since: float = 0.0) -> list[Entry]:
    """Every command of a thread, or of all; the oldest first. Those that were turned away are among them."""
    names = [thread] if thread else [row.id for row in await store.threads()]
    found = [entry for name in names for entry in of_thread(name, await store.events(name))]
    if not thread:
        found += [_of_note(json.loads(note)) for note in await store.notes("audit:")]
    asked = [_of_note(json.loads(note)) for note in await store.notes(ASKED)]
    found += [entry for entry in asked if thread in {"", entry.thread}]
    return sorted((entry for entry in found if entry.at >= since), key=lambda entry: entry.at)


def of_thread(thread: str, rows: Sequence[StoredEvent]) -> Iterator[Entry]:
    """The commands of one thread, from its log."""
    said: dict[int, MessageReceived] = {}
    asked: MessageReceived | None = None
    for row in rows:
        event = parse(row.body)
        if isinstance(event, MessageReceived):
            said[row.seq] = event
            if len(said) == 1:
                yield _entry(thread, row.ts, event, "thread opened")
        elif isinstance(event, (PrMerged, MergeRefused)):
            done = (
                f"merged as {event.commit[:12]}" if isinstance(event, PrMerged) else f"refused: {event.error}"
            )
            if asked is not None:
                yield _entry(thread, row.ts, asked, done)
        elif (result := _result(event)) and (word := said.get(_message(event))) is not None:
            asked = word if isinstance(event, MergeRequested) else asked
            yield _entry(thread, row.ts, word, result)


def _message(event: Event | None) -> int:
    return int(getattr(event, "message", 0))


def _result(event: Event | None) -> str:
    match event:
        case CommandHandled():
            return event.result or "done"
        case PlanApproved():
            return f"plan {event.hash[:8]} approved" + (", unplanned" if event.unplanned else "")
        case MergeRequested() | MendRequested() | RebaseRequested():
            return f"{event.kind.partition('_')[0].replace('mend', 'answer to the review')} asked for"
        case MemoryDecided():
            return f"{len(event.kept)} memory items kept"
        case ModelSwapped():
            return f"{event.role} uses {event.model}"
        case Cancelled() | Paused() | Resumed() | Rewound():
            return event.kind
        case QuestionAnswered():
            return "answered a question"
        case _:
            return ""


def _entry(thread: str, at: float, word: MessageReceived, result: str) -> Entry:
    where = f"{word.surface}:{word.external_id}"
    what = f"{word.action} {word.value[:12]}".strip() if word.action else word.text
    who = f"{word.author.surface}:{word.author.id}"
    return Entry(at, who, where, _line(what), _line(result), thread)


def _of_note(note: Json) -> Entry:
    try:
        at = datetime.fromisoformat(str(note["at"])).timestamp()
    except ValueError:
        at = 0.0
    return Entry(
        at,
        f"github:{note['who']}",
        f"github:{note['where']}",
        _line(note["what"]),
        _line(note["result"]),
        str(note.get("thread", "")),
    )


def _line(text: str) -> str:
    return " ".join(text.split())[:LENGTH]
