"""A person's words and names taken out of a thread's log; the thread still folds to the same state."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from codebutler.filetypes import safe_name
from codebutler.store.rows import Post, Rewrite, StoredEvent, ThreadRow
from codebutler.types import Person

GONE = "[removed]"
"""What stands in the place of a forgotten person's words."""
LINE = 12
"""Characters from which on a line is known again where others quoted it: "yes" would be found everywhere."""
SHORTEST = 3
"""Characters of the shortest name that is replaced inside other texts."""
_FIXED = frozenset(
    {
        "kind",
        "frame",
        "call_id",
        "commit",
        "base",
        "hash",
        "branch",
        "path",
        "url",
        "sha256",
        "model",
        "phase",
    }
)
"""Keys whose values the fold, git and the sandbox go by."""
_SPOKEN = {
    "message_received": "author",
    "message_edited": "by",
    "question_answered": "by",
    "transcribed": "by",
}
"""Kinds whose text is a person's own words, and the field that says whose."""


def people(events: Iterable[StoredEvent]) -> set[Person]:
    """Everybody who is named in the events as a person."""
    return {person for event in events for person in _people(json.loads(event.body))}


def _people(value: Any) -> Iterator[Person]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        if _is_person(value):
            yield Person(surface=value["surface"], id=value["id"], name=str(value.get("name") or ""))
        for item in value.values():
            yield from _people(item)
    elif isinstance(value, list):
        for item in value:
            yield from _people(item)


def _is_person(value: Mapping[str, Any]) -> bool:
    return {"surface", "id"} <= set(value) <= set(Person.model_fields) and isinstance(value["id"], str)


class Forgotten(Struct, frozen=True):
    """The person as the store knows them: ids by door, all names that they went by; and the new name."""

    ids: frozenset[tuple[str, str]]
    names: frozenset[str]
    pseudonym: str


class Eraser:
    """Takes one person out of one thread."""

    def __init__(self, who: Forgotten, events: Iterable[StoredEvent]) -> None:
        """``events`` are the thread's: what the person wrote in there is looked for everywhere in it."""
        self._who = who
        self._events = list(events)
        self.words: set[str] = set()
        self.files: set[str] = set()
        self._with_files: set[int] = set()
        """Their messages that had files: what stands in these was shown to roles with the message."""
        labels = set[str]()
        for event in self._events:
            body = json.loads(event.body)
            if self._is_theirs(event.kind, body):
                self.words |= {line for text in _texts(body) for line in _pieces(text)}
                self.files |= {a["sha256"] for a in body.get("attachments", [])}
                if body.get("attachments"):
                    self._with_files.add(event.seq)
                    labels |= {_numbered(safe_name(a["name"])) for a in body["attachments"]}
            elif self._shows_files(event.kind, body):  # with their text, which others may have quoted
                self.words |= set(_pieces(body["content"]))
        names = {n for n in (*who.names, *(i for _, i in who.ids)) if len(n) >= SHORTEST}
        self._names = _any_of(names, r"(?<!\w)(?:{})(?!\w)")
        self._words = _any_of(self.words, "(?:{})")
        self._labels = re.compile(rf"(?<!\w)(?:{'|'.join(labels)})(?!\w)") if labels else None

    def rewrite(self, row: ThreadRow, posts: Iterable[Post]) -> Rewrite:
        """What to write into the store. ``row`` and ``posts`` are the thread's."""
        bodies = {e.seq: json.dumps(self._body(e.kind, json.loads(e.body))) for e in self._events}
        everybody = {(p.surface, p.id) for p in people(self._events)}
        return Rewrite(
            bodies=bodies,
            payloads={post.id: json.dumps(self._value(json.loads(post.payload))) for post in posts},
            row={"title": self.text(row.title), "owner": self.text(row.owner), "data": self.text(row.data)},
            unbind=everybody <= self._who.ids,
            drop=sorted(self.files),
        )

    def text(self, text: str) -> str:
        """``text`` without the person's words and names."""
        if self._words is not None:
            text = self._words.sub(GONE, text)
        if self._labels is not None:
            text = self._labels.sub(GONE, text)
        return text if self._names is None else self._names.sub(self._who.pseudonym, text)

    def _is_theirs(self, kind: str, body: Mapping[str, Any]) -> bool:
        by = body.get(_SPOKEN.get(kind, ""))
        return isinstance(by, dict) and (by.get("surface"), by.get("id")) in self._who.ids

    def _shows_files(self, kind: str, body: Mapping[str, Any]) -> bool:
        return kind == "message_taken" and bool(self._with_files & set(body["messages"]))

    def _body(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        clean: dict[str, Any] = self._value(body)
        if self._is_theirs(kind, body):
            clean |= {"text": GONE if body.get("text") else ""}
            clean |= {key: [] for key in ("attachments", "pictures") if key in clean}
        if self._shows_files(kind, body):
            clean |= {"content": GONE, "pictures": []}
        return clean

    def _value(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict):
            return value
        if _is_person(value) and (value["surface"], value["id"]) in self._who.ids:
            name = self._who.pseudonym
            return {"surface": value["surface"], "id": name, "name": name, "gone": True}
        return {k: v if k in _FIXED and isinstance(v, str) else self._value(v) for k, v in value.items()}


def _texts(body: Mapping[str, Any]) -> Iterator[str]:
    yield str(body.get("text") or "")
    if body.get("action") == "answer":
        yield str(body.get("value") or "")


def _pieces(text: str) -> Iterator[str]:
    """The text and each of its lines, where others may have quoted them; and a title that was cut from it."""
    lines = [line.strip() for line in text.splitlines()]
    for piece in (text.strip(), *lines, *(line[:79] for line in lines[:1] if len(line) > 80)):
        if len(piece) >= LINE:
            yield piece


def _numbered(name: str) -> str:
    """A pattern of the names that a file may go by in a thread (filetypes.numbered)."""
    stem, dot, end = name.rpartition(".")
    return (
        rf"{re.escape(stem)}(?:-\d+)?\.{re.escape(end)}" if dot and stem else rf"{re.escape(name)}(?:-\d+)?"
    )


def _any_of(texts: Iterable[str], frame: str) -> re.Pattern[str] | None:
    longest_first = sorted(set(texts), key=len, reverse=True)
    return re.compile(frame.format("|".join(map(re.escape, longest_first)))) if longest_first else None
