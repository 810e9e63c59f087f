"""What one side of a merge had added, and its result lacks. Pure, and linear in the length of the texts."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

_WORD = re.compile(r"\w+")


def lost_lines(old: str, theirs: str, result: str) -> tuple[int, int]:
    """(lines that ``theirs`` added to ``old`` and ``result`` lacks, all that it added); blank ones and bare
    brackets are none of them.

    A line is there if one of ``result`` is the same but for space, or has all its words: who joins two
    changes of a line writes it anew.
    """
    added = Counter(_lines(theirs)) - Counter(_lines(old))
    left = Counter(_lines(result)) - (Counter(_lines(old)) & Counter(_lines(theirs)))
    rest = added - left
    places = defaultdict[str, set[int]](set)
    for place, line in enumerate((left - added).keys()):
        for word in _WORD.findall(line):
            places[word].add(place)
    lost = sum(
        count
        for line, count in rest.items()
        if not set[int].intersection(*(places.get(word, set()) for word in _WORD.findall(line)))
    )
    return lost, added.total()


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if _WORD.search(line)]
