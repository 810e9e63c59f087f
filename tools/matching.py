"""Finding the text to replace, and telling the model what it probably meant when it is not there."""

from __future__ import annotations

import re
from typing import Any

import limits
from faults import Fault

_NEAREST_LINES, _WANTED_LINES, _WORDS_OF = 20_000, 200, 400
_WORD = re.compile(r"\w{3,}")
_NUMBERS = re.compile(r"^ *\d+\t", re.MULTILINE)
_TYPED = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
    | dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " ")
)


def apply(path: str, text: str, edits: list[dict[str, Any]]) -> tuple[str, str]:
    """The text after all edits in order, and a small diff. Raises Fault and changes nothing otherwise."""
    hunks: list[str] = []
    for number, each in enumerate(edits, 1):
        old, new = each["old"], each["new"]
        where = f"{path}, edit {number}" if len(edits) > 1 else path
        if "\r\n" in old and "\r\n" not in text:
            old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
        if not old:
            raise Fault(f"{where}: old is empty. To fill a file, use write. Nothing was changed")
        if old == new:
            raise Fault(f"{where}: old and new are the same. Nothing was changed")
        found = text.count(old)
        if found == 0 and "\r" not in old and (found := text.count(old.replace("\n", "\r\n"))):
            old, new = (each.replace("\r\n", "\n").replace("\n", "\r\n") for each in (old, new))
        if found == 0:
            raise Fault(f"{where}: old was not found. {_why(text, old)} Nothing was changed")
        if found > 1 and not each.get("replace_all"):
            raise Fault(
                f"{where}: old occurs {found} times, at lines {_lines(text, old)}. Add lines around "
                "it, or set replace_all. Nothing was changed"
            )
        if len(hunks) <= limits.DIFF_LINES:
            hunks.append(_hunk(text, old, new, found))
        text = text.replace(old, new)
    return text, _capped("\n".join(hunks))


def _why(text: str, old: str) -> str:
    """What the model probably did, and the text that it probably meant."""
    bare = _NUMBERS.sub("", old)
    if bare != old and bare in text:
        return "It begins with line numbers, which read shows and the file does not hold: leave them out."
    if old.endswith("\n") and len(old) > 1 and text.endswith(old[:-1]):
        return "The file ends without a line end, old with one: leave it out."
    typed = text.translate(_TYPED).find(old.translate(_TYPED))
    if typed >= 0:
        number, shown = text.count("\n", 0, typed) + 1, text[typed : typed + len(old)]
        return (
            f"It differs only in typographic characters from line {number}:\n{limits.clip(shown, 12, 2000)}\n"
        )
    return nearest(text, old)


def _lines(text: str, old: str) -> str:
    numbers: list[int] = []
    at = text.find(old)
    while at >= 0 and len(numbers) < 6:
        numbers.append(text.count("\n", 0, at) + 1)
        at = text.find(old, at + len(old))
    return ", ".join(map(str, numbers)) + (" …" if at >= 0 else "")


def _hunk(text: str, old: str, new: str, times: int) -> str:
    """The first replaced place with a line around it, as a diff shows it."""
    at = text.find(old)
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at + len(old))
    end = len(text) if end < 0 else end
    number = text.count("\n", 0, begin) + 1
    whole = text[begin:end].split("\n")
    fresh = (text[begin:at] + new + text[at + len(old) : end]).split("\n")
    while whole and fresh and whole[0] == fresh[0]:
        whole, fresh, number = whole[1:], fresh[1:], number + 1
    while whole and fresh and whole[-1] == fresh[-1]:
        whole, fresh = whole[:-1], fresh[:-1]
    head = f"@@ line {number}{f', and {times - 1} more places' if times > 1 else ''} @@"
    changed = [f"-{line}" for line in whole] + [f"+{line}" for line in fresh]
    return "\n".join([head, *(limits.cut_line(line, limits.DIFF_CHARS) for line in changed)])


def compared(before: str, after: str) -> str:
    """A small diff of two texts, without context; "" where too many lines would have to be compared."""
    import difflib

    old, new = (text.removesuffix("\n").split("\n") for text in (before, after))
    same = next(
        (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )
    old, new = old[same:], new[same:]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    if max(len(old), len(new)) > limits.DIFF_COMPARED:
        return ""
    lines: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            lines += [f"@@ line {same + a + 1} @@", *(f"-{line}" for line in old[a:b])]
            lines += [f"+{line}" for line in new[c:d]]
    if before.endswith("\n") and not after.endswith("\n"):
        lines.append("[no newline at the end now]")
    return _capped("\n".join(limits.cut_line(line, limits.DIFF_CHARS) for line in lines))


def _capped(diff: str) -> str:
    lines = diff.split("\n")
    if len(lines) > limits.DIFF_LINES:
        lines = [*lines[: limits.DIFF_LINES], f"[… {len(lines) - limits.DIFF_LINES} more lines of diff]"]
    return limits.clip("\n".join(lines), limits.DIFF_LINES + 1, limits.DIFF_SHOWN)


def as_typed(line: str) -> str:
    """A line without white space around it, its quotes, dashes and spaces as a keyboard has them."""
    return line.strip().translate(_TYPED)


def nearest(text: str, old: str) -> str:
    """A sentence with the lines of the text that are most like ``old``, or "" if none is."""
    lines, wanted = text.split("\n")[:_NEAREST_LINES], old.strip("\n").split("\n")
    at, same = _best_window([line.strip() for line in lines], [line.strip() for line in wanted])
    why = "It differs only in white space from" if same == len(wanted) else "The nearest text is"
    if at < 0:
        at, why = _sharing(lines, wanted), "Nothing is much like it; most words of it are at"
    if at < 0:
        return "Nothing in the file is like it."
    shown = [
        f"{at + 1 + n}\t{limits.cut_line(line, 200)}"
        for n, line in enumerate(lines[at : at + len(wanted)][:12])
    ]
    return f"{why} line {at + 1}:\n" + "\n".join(shown) + "\n"


def _best_window(lines: list[str], wanted: list[str]) -> tuple[int, int]:
    """Where most stripped lines agree; if none does, where the longest wanted line is nearly found."""
    scores: dict[int, int] = {}
    places: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        if line:
            places.setdefault(line, []).append(number)
    for offset, line in enumerate(wanted):
        for number in places.get(line, [])[:200]:
            if number >= offset:
                scores[number - offset] = scores.get(number - offset, 0) + 1
    if scores:
        at = max(scores, key=lambda start: (scores[start], -start))
        blank = sum(1 for n, line in enumerate(wanted) if not line and lines[at + n : at + n + 1] == [""])
        return at, scores[at] + blank
    return _similar(places, wanted), 0


def _sharing(lines: list[str], wanted: list[str]) -> int:
    """Where to look from, for the lines that share most words; rare ones count more. -1: none is shared."""
    owners: dict[str, int] = {}
    for number, line in enumerate(wanted[:_WANTED_LINES]):
        for word in _WORD.findall(line[:_WORDS_OF]):
            owners.setdefault(word.lower(), number)
    found: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        for word in {word.lower() for word in _WORD.findall(line[:_WORDS_OF])} & owners.keys():
            found.setdefault(word, []).append(number)
    scores: dict[int, float] = {}
    for word, places in found.items():
        for number in places:
            start = max(0, number - owners[word])
            scores[start] = scores.get(start, 0.0) + 1 / len(places)
    return max(scores, key=lambda start: (scores[start], -start), default=-1)


def _similar(places: dict[str, list[int]], wanted: list[str]) -> int:
    import difflib

    key = max(wanted, key=len)[:200]
    pool = [line for line in places if abs(len(line) - len(key)) <= max(8, len(key) // 2)][:4000]
    close = difflib.get_close_matches(key, pool, n=1, cutoff=0.55)
    return max(0, places[close[0]][0] - wanted.index(max(wanted, key=len))) if close else -1
