"""A person's words about proposed memory: what they make of the list, item by item. Pure, and safe to repeat.

Numbers are those of the list as it was shown; several lines are several wishes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from codebutler.events import Mark
from codebutler.repo.memory_likeness import doer_of
from codebutler.thread.wish_words import Order, orders
from codebutler.types import MemoryItem

HOW = 'Say "yes", "no", "keep 1 3", "remove 2", "keep both 1", "edit 1: …" or "add: …".'
_UNTIL = re.compile(r"\b(?:until|till)\b(?:\s+(?P<day>\d{4}-\d\d-\d\d)\b)?", re.IGNORECASE)
UNCLEAR = (
    "Nothing changed: that may be said of the proposals, or of what they take out of memory. Say "
    '"yes" for all as proposed, "no" to leave memory as it is, or name each: "forget 2", "keep 2".'
)
_WHOLLY = re.compile(
    r".*\b(?:keep|save|drop|remove|discard|delete|skip|reject|forget)\s+(?:them\s+|it\s+)?"
    r"(?:all|both|everything)\b(?:\s+of\s+\w+)?(?:\s+after\s+all)?[\s.!?]*",
    re.IGNORECASE | re.DOTALL,
)
NUMBERS = "Name items by their numbers, 1 to {count}."


class Working(Struct, frozen=True):
    """The list under decision. ``done``: the person has said the last word on it."""

    items: list[MemoryItem]
    marks: list[Mark]
    done: bool = False
    problem: str = ""
    changed: list[int] = []
    """Places of items whose words are the person's own: they are checked like proposed ones."""

    @property
    def kept(self) -> list[MemoryItem]:
        """What is marked to be kept."""
        return [item for item, mark in zip(self.items, self.marks, strict=True) if mark == "keep"]

    @property
    def numbers(self) -> list[int]:
        """Where those stand in the list."""
        return [number for number, mark in enumerate(self.marks, 1) if mark == "keep"]

    @property
    def dropped(self) -> list[MemoryItem]:
        """What is not."""
        return [item for item, mark in zip(self.items, self.marks, strict=True) if mark != "keep"]


def take(items: Sequence[MemoryItem], marks: Sequence[Mark], wish: str) -> Working:
    """What ``wish`` makes of the list; with a ``problem``, nothing."""
    start = Working(list(items), list(marks) or [""] * len(items))
    now, wanted = start, orders(wish)
    if any(map(takes_out, items)) and (why := _unclear(start, wanted, wish)):
        return replace(start, problem=why)
    if not wanted:
        about = wish.lower().startswith(("keep", "remove", "drop"))
        how = NUMBERS.format(count=len(items)) if about else HOW
        return replace(start, problem=f"Not understood, nothing changed. {how}")
    for order in wanted:
        now = _once(now, order, shown=len(items))
        if now.problem:
            return replace(start, problem=now.problem)
    return now


def takes_out(item: MemoryItem) -> bool:
    """Whether the item is a proposal to forget another."""
    return item.kind == "remove"


def _unclear(now: Working, wanted: Sequence[Order], wish: str) -> str:
    """Why nobody can tell what becomes of the items that are proposed for removal; "" if it is plain."""
    last = wanted[-1].verb if wanted else ""
    is_no = last == "no" and re.match(r"no\b", wish.strip(), re.IGNORECASE) is not None
    if last in {"yes", "no", "all"} and not is_no and _WHOLLY.fullmatch(wish):
        return UNCLEAR
    named = {n for order in wanted for n in order.numbers}
    places = {n for n, item in enumerate(now.items, 1) if takes_out(item)}
    goes = sorted(n for o in wanted if o.verb == "drop" and not o.negated for n in o.numbers & places)
    left = sorted(n for n in places - named if not now.marks[n - 1])
    if goes and left and any(order.verb == "yes" for order in wanted):
        these, those = (" ".join(map(str, each)) for each in (goes, left))
        return (
            f"Nothing changed: is {those} to be forgotten, too? Say "
            f'"yes, forget {these} {those}", or "yes, forget {these}, keep {those}".'
        )
    return ""


def _once(now: Working, order: Order, *, shown: int) -> Working:
    match order.verb:
        case "yes" | "no" | "all":
            return _finished(now, order.verb)
        case "edit":
            return _edited(now, min(order.numbers), order.text, shown)
        case "add":
            return _longer(now, order.file or "pm.md", order.text)
        case "both":
            return _both(now, order.numbers, shown)
    everything = set(range(1, shown + 1))
    if order.others and any(map(takes_out, now.items)):
        return replace(now, problem=UNCLEAR)
    if not order.numbers or not order.numbers <= everything:
        return replace(now, problem=NUMBERS.format(count=shown))
    numbers = everything - order.numbers if order.others else set(order.numbers)
    mark: Literal["keep", "drop"] = "keep" if order.verb == "keep" else "drop"
    if order.others and mark == "keep":
        numbers = {n for n in numbers if _is_open(now, n)}
    if order.others:  # those that are named are spoken of as well
        other: Mark = "drop" if mark == "keep" else "keep"
        now = replace(now, marks=[other if n in order.numbers else was for n, was in enumerate(now.marks, 1)])
    return replace(now, marks=_marked(now, numbers, mark, negated=order.negated))


def _both(now: Working, numbers: frozenset[int], shown: int) -> Working:
    """The new item beside the old ones that it would have replaced."""
    meant = numbers or {
        n for n, item in enumerate(now.items[:shown], 1) if item.replaces and item.kind == "lesson"
    }
    if not meant or not meant <= set(range(1, shown + 1)):
        return replace(now, problem=f'Say "keep both N", N from 1 to {shown}: the old item stays then.')
    items = [
        item.model_copy(update={"replaces": [], "relation": ""})
        if n in meant and item.kind in {"lesson", "add_step"}
        else item
        for n, item in enumerate(now.items, 1)
    ]
    return replace(now, items=items, marks=_marked(now, set(meant), "keep"))


def _finished(now: Working, word: Literal["yes", "no", "all"]) -> Working:
    """The last word: "yes" keeps what nobody dropped, "all" that, too, "no" nothing."""

    def keeps(number: int, mark: Mark) -> bool:
        return word != "no" and (word == "all" or mark != "drop") and _is_open(now, number)

    marks: list[Mark] = ["keep" if keeps(n, mark) else "drop" for n, mark in enumerate(now.marks, 1)]
    return replace(now, marks=marks, done=True)


def _is_open(now: Working, number: int) -> bool:
    """Whether a word that does not name the item may keep it."""
    return not now.items[number - 1].by_name or now.marks[number - 1] == "keep"


def _marked(
    now: Working, numbers: set[int], mark: Literal["keep", "drop"], *, negated: bool = False
) -> list[Mark]:
    """Those numbers get the mark; of the others, those that nobody has spoken of get the opposite one.

    A removal is turned down by "keep" and by "not", and carried out by "drop"; that says nothing of others,
    and no word about others carries one out.
    """
    is_rest = any(not takes_out(now.items[n - 1]) for n in numbers)

    def named(number: int) -> Mark:
        if takes_out(now.items[number - 1]):
            return "drop" if negated or mark == "keep" else "keep"
        return mark

    def rest(number: int) -> Mark:
        if not is_rest:
            return ""
        if mark == "keep":
            return "drop"
        return "keep" if _is_open(now, number) and not takes_out(now.items[number - 1]) else ""

    return [named(n) if n in numbers else was or rest(n) for n, was in enumerate(now.marks, 1)]


def _edited(now: Working, number: int, text: str, shown: int) -> Working:
    if not text or not 1 <= number <= shown:
        return replace(now, problem=f'Say "edit N: new text", N from 1 to {shown}.')
    items, marks = list(now.items), list(now.marks)
    items[number - 1] = items[number - 1].model_copy(update=_anew(items[number - 1], text))
    marks[number - 1] = "keep"
    return replace(now, items=items, marks=marks, changed=[*now.changed, number - 1])


def _anew(item: MemoryItem, text: str) -> dict[str, object]:
    """What a person's words change: what was to go is reworded, likeness is looked at again.

    A step keeps who does it where the words name nobody; "until" in them is about the last day.
    """
    if item.kind == "remove":
        return {"text": text, "kind": "lesson", "seen": ""}
    if item.kind in {"add_step", "automate"} and (doer := doer_of(item.text)) and not doer_of(text):
        text = f"{doer}: {text}"
    new: dict[str, object] = {"text": text, "seen": "" if item.kind == "lesson" else item.seen}
    if (until := last_day(text)) is not None:
        new["expires"] = until
    return new | ({"replaces": [], "relation": ""} if item.relation else {})


def last_day(text: str) -> str | None:
    """The day until which a person's words hold, "" where "until" names none; None if they do not say."""
    said = _UNTIL.search(text)
    return None if said is None else said["day"] or ""


def _longer(now: Working, file: str, text: str) -> Working:
    if not text:
        return replace(now, problem='Say what to remember: "add: …", or "add to artist.md: …".')
    item = MemoryItem(file=file, text=text, why="added by a person", expires=last_day(text) or "")
    return replace(
        now, items=[*now.items, item], marks=[*now.marks, "keep"], changed=[*now.changed, len(now.items)]
    )
