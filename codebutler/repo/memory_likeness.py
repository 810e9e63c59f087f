"""Whether a new item says what memory says already, or the opposite: by its words alone, without a model.

A hint for the person who decides, never a verdict: what it finds is shown with the old words beside the new.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

from codebutler.repo.memory_items import Known

Relation: TypeAlias = Literal["", "repeats", "contradicts"]

_WORD = re.compile(r"`[^`]+`|[\w'./:@+-]*[\w/]")
_NEGATIONS = frozenset({"not", "never", "no", "don't", "dont", "cannot", "avoid", "without", "stop", "nor"})
_EMPTY = frozenset(
    {
        *("a", "an", "the", "and", "or", "of", "in", "on", "at", "to", "for", "from", "by", "with", "as"),
        *("is", "are", "be", "it", "its", "this", "that", "these", "those", "there", "has", "have", "had"),
        *("must", "should", "always", "please", "will", "can", "may", "when", "then"),
        *("use", "uses", "used", "do", "does", "done"),
    }
)
_OPPOSITES = (
    *(("tabs", "spaces"), ("before", "after"), ("enable", "disable"), ("enabled", "disabled")),
    *(("required", "optional"), ("first", "last"), ("allow", "forbid"), ("on", "off"), ("sync", "async")),
)
_DAYS = frozenset(
    {
        *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        *("weekday", "weekend"),
    }
)
_MONTHS = ("january", "february", "march", "april", "june", "july", "august", "september", "october")
_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SPANS = (
    "once",
    "twice",
    "hourly",
    "daily",
    "nightly",
    "weekly",
    "monthly",
    "yearly",
    "november",
    "december",
)
_VALUES = _DAYS.union(_MONTHS, _COUNTS, _SPANS, *_OPPOSITES)
"""Words that make another sentence of the same one, as a number does."""
_DOER = re.compile(r"\s*(pm|researcher|artist|coder|lead|person|user)\s*:\s*", re.IGNORECASE)
_UNTIL = re.compile(
    r"[\s,;(]*\b(?:until|till|through|up\s+to)\s+(?:the\s+)?(?:end\s+of\s+)?(?:"
    r"\d{4}-\d\d-\d\d|20\d\d|Q[1-4](?:\s+20\d\d)?"
    r"|(?:\d{1,2}(?:st|nd|rd|th)?\s+)?(?:of\s+)?(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]*\.?"
    r"(?:\s+\d{1,2}(?:st|nd|rd|th)?)?(?:,?\s+20\d\d)?)(?=[\s).,;]*$)",
    re.IGNORECASE,
)
"""Behind a sentence: until when it holds, not what it says."""
_CLAUSE = re.compile(r"[.,;:](?=\s|$)")
_SAME, _SHARED, _LEAST = 0.75, 0.6, 2
"""Shares of words that make two items alike, or about the same thing; and the fewest words they share."""


def words_of(text: str, code: str = "`") -> list[str]:
    """The words that carry meaning, in order, in one form; code, paths and numbers as they are.

    ``code`` is stripped off; with "" code keeps its backticks.
    """
    found = (w.strip(code or None).casefold().rstrip(".") for w in _WORD.findall(text.replace("\u2019", "'")))
    return [_stem(w) for w in found if w and w not in _EMPTY and w not in _NEGATIONS]


def relation(new: str, old: str) -> Relation:
    """What ``new`` is to ``old``. Who does a step is none of its words: steps of different roles are no kin.

    A contradiction takes the old item's place at a plain "yes": what both share is measured by the longer.
    Code in backticks is looked at as one word, too: `make test` and `make check` are two commands. Until
    when something holds changes nothing of what it is to the other.
    """
    (doer, new), (other_doer, old) = _doer(new), _doer(old)
    if doer != other_doer:
        return ""
    whole, lasting = _compared(new, old, doer), (_UNTIL.sub("", new), _UNTIL.sub("", old))
    return whole if whole == "contradicts" or lasting == (new, old) else _compared(*lasting, doer) or whole


def _compared(new: str, old: str, doer: str) -> Relation:
    as_read = _relation(new.replace("`", ""), old.replace("`", ""), is_step=bool(doer))
    if as_read == "contradicts" or "`" not in new or "`" not in old:
        return as_read
    return _relation(new, old, is_step=bool(doer)) or as_read


def _relation(new: str, old: str, *, is_step: bool) -> Relation:
    ours, theirs = words_of(new, ""), words_of(old, "")
    mine, other = set(ours), set(theirs)
    shared, longer = mine & other, max(len(mine), len(other))
    if _opposed(mine - other, other - mine) and len(shared) >= 0.5 * (longer - (not shared)):
        return "contradicts"
    if not shared:
        return ""
    opposite = _negated(new, shared) != _negated(old, shared)
    if opposite and len(shared) >= max(_LEAST, _SHARED * longer):
        return "contradicts"
    if _one_differs(ours, theirs, is_step=is_step):
        return "contradicts"
    alike = len(shared) / len(mine | other) >= _SAME and len(shared) >= _LEAST
    return "repeats" if alike and not opposite else ""


def relative(new: str, items: Iterable[Known]) -> tuple[Relation, Known | None]:
    """The item that ``new`` contradicts, else one that it repeats; "" and None when there is neither."""
    found: tuple[Relation, Known | None] = ("", None)
    for item in items:
        what = relation(new, item.marked or item.text)
        if what == "contradicts":
            return what, item
        if what and not found[0]:
            found = (what, item)
    return found


def covers(text: str, wanted: str) -> bool:
    """Whether most words of ``wanted`` occur in ``text``."""
    asked = set(words_of(wanted))
    return bool(asked) and len(asked & set(words_of(text))) >= max(_LEAST, round(len(asked) * _SHARED))


def doer_of(text: str) -> str:
    """Who does a step, as it says; "" where it does not."""
    found = _DOER.match(text)
    return found[1] if found else ""


def _doer(text: str) -> tuple[str, str]:
    """Who does a step, "" where it does not say, and the rest."""
    found = _DOER.match(text)
    return (found[1].casefold(), text[found.end() :]) if found else ("", text)


def _one_differs(ours: list[str], theirs: list[str], *, is_step: bool) -> bool:
    """The same sentence with one other word in it: a number, a day, a path, a command.

    Two steps that run different commands stand one after the other.
    """
    if len(ours) != len(theirs) or len(ours) < _LEAST + is_step:
        return False
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    if len(pairs) != 1 or not all(is_value(word) for word in pairs[0]):
        return False
    return not is_step or not any(" " in word or "`" in word for word in pairs[0])


def is_value(word: str) -> bool:
    """Whether another word in its place makes it another sentence: a number, a day, a path."""
    return word in _VALUES or any(c.isdigit() or c in "` ./:_-@" for c in word)


def _opposed(mine: set[str], other: set[str]) -> bool:
    return any((a in mine and b in other) or (b in mine and a in other) for a, b in _OPPOSITES)


def _negated(text: str, shared: set[str]) -> bool:
    """Whether a clause about what is shared is negated: "not the symptom" says nothing of another thing."""
    plain, count = text.casefold().replace("\u2019", "'"), 0
    for clause in _CLAUSE.split(plain):
        meant = words_of(clause)
        if not meant or shared.intersection(meant):
            found: list[str] = re.findall(r"[\w']+", clause)
            count += sum(w in _NEGATIONS or w.endswith("n't") for w in found)
    return count % 2 == 1


def _stem(word: str) -> str:
    """Plural and verb endings off, roughly: only ever compared with itself."""
    if not word.isalpha() or len(word) < 5 or word in _VALUES:
        return word
    for end in ("ing", "ed", "es", "s"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word[: -len(end)].rstrip("e")
    return word.rstrip("e")
