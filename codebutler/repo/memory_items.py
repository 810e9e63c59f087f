"""What stands in a memory file: its items, and where the learned ones come from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from codebutler.repo.memory_page import Page, lines_of
from codebutler.repo.memory_text import key, keys, plain

if TYPE_CHECKING:
    from markdown_it.token import Token

_NOTE = re.compile(r"<!-- (learned|automated): ((?:\w+=\S+ )+)-->")
_STEPS_OF = "workflows.md"


class Known(Struct, frozen=True):
    """An item of a memory file, as a reader sees it."""

    id: str
    file: str
    section: str
    text: str
    line: int
    marked: str = ""
    """The text with backticks around code."""


class Learned(Known, frozen=True):
    """An item that a person has approved: in which thread and when, and until when it holds ("" = always).

    ``workflow``: the whole section, whose name is ``text``; ``steps`` are the marks of those that it came
    with. ``automated``: the mark on the step was learned.
    """

    thread: str = ""
    date: str = ""
    by: str = ""
    expires: str = ""
    workflow: bool = False
    automated: bool = False
    steps: tuple[str, ...] = ()

    def is_over(self, today: str) -> bool:
        """Whether it has expired by ``today`` (YYYY-MM-DD)."""
        return bool(self.expires) and self.expires < today


def item_id(file: str, section: str, text: str) -> str:
    """Six characters that name an item as long as its words stay; the same step has one in each workflow."""
    home = key(section) if file == _STEPS_OF else ""
    return hashlib.sha256(f"{file}\0{home}\0{key(text)}".encode()).hexdigest()[:6]


def step_mark(text: str) -> str:
    """Four characters that tell a step that was learned from one that people put beside it."""
    return hashlib.sha256(key(text).encode()).hexdigest()[:4]


def known(text: str, file: str) -> list[Known]:
    """All items of the file, in order."""
    return [
        Known(item_id(file, e.section, words), file, e.section, words, e.start, plain(e.text, "`"))
        for e in Page(text).entries()
        if (words := seen(e.text))
    ]


def learned(text: str, file: str) -> list[Learned]:
    """Those that carry their provenance, in order; a learned workflow is one, and its steps are not."""
    page, found = Page(text), list[Learned]()
    for entry in page.entries():
        notes = [n for child in entry.text.children or [] if (n := _NOTE.fullmatch(child.content))]
        if notes:
            note, words = notes[-1], seen(entry.text)
            home = Known(item_id(file, entry.section, words), file, entry.section, words, entry.start)
            found.append(_learned(home, note[2], automated=note[1] == "automated"))
    found += _workflows(page, file)
    return sorted(found, key=lambda x: x.line)


def noted(text: str) -> dict[str, str]:
    """The items of a file by what makes two the same, as written, with where each was learned behind it."""
    found = dict[str, str]()
    for entry in Page(text).entries():
        notes = [child.content for child in entry.text.children or [] if _NOTE.fullmatch(child.content)]
        words = " ".join(re.sub("<!--.*?-->", " ", entry.text.content, flags=re.DOTALL).split())
        found.setdefault(key(seen(entry.text)), " ".join([words, *notes[-1:]]))
    return found


def without_note(text: str) -> tuple[str, str]:
    """Words that are to stand in memory, and a comment of ours behind them, "" for none."""
    words, mark, rest = text.rpartition(" <!-- ")
    return (words, mark[1:] + rest) if mark and _NOTE.fullmatch(mark[1:] + rest) else (text, "")


def all_learned(memory: Mapping[str, str]) -> list[Learned]:
    """The same of all memory files, by their names."""
    return [item for file, text in memory.items() for item in learned(text, file)]


def called(items: Iterable[Learned], name: str) -> Learned | None:
    """The item whose id or words ``name`` is."""
    words = keys(name)
    return next((x for x in items if x.id in words or key(x.text) in words), None)


def seen(token: Token) -> str:
    """What a reader sees of an item."""
    return " ".join(plain(token).split())


def learned_since(text: str, one: Learned) -> list[str]:
    """The steps of a learned workflow that were learned after it, and go with it; none of anything else."""
    page = Page(text)
    section = page.section_at(one.line) if one.workflow else None
    entries = page.entries(section) if section is not None else []
    steps = [(e, step_mark(plain(e.text))) for e in entries if is_noted(e.text)]
    return [seen(entry.text) for entry, mark in steps if mark not in one.steps]


def is_note(line: str) -> bool:
    """Whether the line is a comment of ours and nothing else."""
    return _NOTE.fullmatch(line.strip()) is not None


def is_noted(token: Token) -> bool:
    """Whether the item itself was learned."""
    notes = [n for child in token.children or [] if (n := _NOTE.fullmatch(child.content))]
    return bool(notes) and notes[-1][1] == "learned"


def _workflows(page: Page, file: str) -> list[Learned]:
    found = []
    for token in page.tokens:
        note = _NOTE.match(token.content) if token.type == "html_block" and token.level == 0 else None
        section = page.section_at(lines_of(token)[0]) if note is not None else None
        if note is not None and section is not None:
            name = section.title
            home = Known(item_id(file, name, name), file, name, name, section.start)
            found.append(_learned(home, note[2], workflow=True))
    return found


def _learned(one: Known, note: str, *, workflow: bool = False, automated: bool = False) -> Learned:
    told = dict(pair.split("=", 1) for pair in note.split())
    thread, date, by, expires = (told.get(name, "") for name in ("thread", "date", "by", "expires"))
    steps = tuple(told.get("steps", "").split(","))
    return Learned(
        one.id, one.file, one.section, one.text, one.line, thread=thread, date=date, by=by, expires=expires,
        workflow=workflow, automated=automated, steps=steps,
    )  # fmt: skip
