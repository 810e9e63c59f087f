"""A person's words about proposed memory: what they make of the list, item by item. Pure, and safe to repeat.

Numbers are those of the list as it was shown; several lines are several wishes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from codebutler.events import Mark
from codebutler.types import MemoryItem

HOW = 'Say "yes", "no", "keep 1 3", "remove 2", "edit 1: …" or "add: …".'
_NUMBERS = re.compile(r"(?P<verb>keep|remove|drop)\b(?P<rest>.*)", re.IGNORECASE)
_EDIT = re.compile(r"edit\s+#?(?P<number>\d+)\s*[:.)-]?(?P<text>(?:\s.*)?)", re.IGNORECASE | re.DOTALL)
_ADD = re.compile(r"add(?:\s+to\s+(?P<file>[\w-]+\.md))?\s*:?(?P<text>.*)", re.IGNORECASE | re.DOTALL)
_WHOLE = {"yes": "keep", "keep all": "keep", "no": "drop", "keep none": "drop"}


@dataclass(frozen=True, slots=True)
class Working:
    """The list under decision. ``done``: the person has said the last word on it."""

    items: list[MemoryItem]
    marks: list[Mark]
    done: bool = False
    problem: str = ""
    changed: list[int] = field(default_factory=list)
    """Places of items whose words are the person's own: they are checked like proposed ones."""

    @property
    def kept(self) -> list[MemoryItem]:
        """What is marked to be kept."""
        return [item for item, mark in zip(self.items, self.marks, strict=True) if mark == "keep"]

    @property
    def dropped(self) -> list[MemoryItem]:
        """What is not."""
        return [item for item, mark in zip(self.items, self.marks, strict=True) if mark != "keep"]


def take(items: Sequence[MemoryItem], marks: Sequence[Mark], wish: str) -> Working:
    """What ``wish`` makes of the list; with a ``problem``, nothing."""
    start = Working(list(items), list(marks) or [""] * len(items))
    lines = [line.strip() for line in wish.strip().splitlines() if line.strip()]
    several = len(lines) > 1 and all(_is_wish(line) for line in lines)
    now = start
    for line in lines if several else [wish.strip()]:
        now = _once(now, line, shown=len(items))
        if now.problem:
            return replace(start, problem=now.problem)
    return now


def _is_wish(line: str) -> bool:
    return line.lower() in _WHOLE or any(p.fullmatch(line) for p in (_NUMBERS, _EDIT, _ADD))


def _once(now: Working, wish: str, *, shown: int) -> Working:
    if (all_of := _WHOLE.get(wish.lower())) is not None:
        return _finished(now, keep=all_of == "keep")
    if (said := _EDIT.fullmatch(wish)) is not None:
        return _edited(now, int(said["number"]), said["text"].strip(), shown)
    if (said := _ADD.fullmatch(wish)) is not None:
        return _longer(now, said["file"] or "pm.md", said["text"].strip())
    if (said := _NUMBERS.fullmatch(wish)) is not None:
        keep = said["verb"].lower() == "keep"
        numbers = {int(n) for n in re.findall(r"\d{1,6}", said["rest"])}
        if not numbers or not numbers <= set(range(1, shown + 1)):
            return replace(now, problem=f"Name items by their numbers, 1 to {shown}.")
        return replace(now, marks=_marked(now.marks, numbers, "keep" if keep else "drop"))
    return replace(now, problem=HOW)


def _finished(now: Working, *, keep: bool) -> Working:
    """The last word: "yes" keeps what nobody dropped, "no" keeps nothing."""
    marks: list[Mark] = ["keep" if keep and mark != "drop" else "drop" for mark in now.marks]
    return replace(now, marks=marks, done=True)


def _marked(marks: Sequence[Mark], numbers: set[int], mark: Literal["keep", "drop"]) -> list[Mark]:
    """Those numbers get the mark; of the others, those that nobody has spoken of get the opposite one."""
    other: Mark = "drop" if mark == "keep" else "keep"
    return [mark if n in numbers else was or other for n, was in enumerate(marks, 1)]


def _edited(now: Working, number: int, text: str, shown: int) -> Working:
    if not text or not 1 <= number <= shown:
        return replace(now, problem=f'Say "edit N: new text", N from 1 to {shown}.')
    items, marks = list(now.items), list(now.marks)
    items[number - 1] = items[number - 1].model_copy(update={"text": text})
    marks[number - 1] = "keep"
    return replace(now, items=items, marks=marks, changed=[*now.changed, number - 1])


def _longer(now: Working, file: str, text: str) -> Working:
    if not text:
        return replace(now, problem='Say what to remember: "add: …", or "add to artist.md: …".')
    item = MemoryItem(file=file, text=text, why="added by a person")
    return replace(
        now, items=[*now.items, item], marks=[*now.marks, "keep"], changed=[*now.changed, len(now.items)]
    )
