"""A yes or no beside numbers: what belongs to a number is no last word on the list."""

from __future__ import annotations

import pytest

from codebutler.thread.wish_words import is_about, is_spoken
from codebutler.thread.wishes import take
from codebutler.types import MemoryItem

ITEMS = [MemoryItem(file="pm.md", text=t) for t in ("one", "two", "three")]


@pytest.mark.parametrize(
    "wish",
    ["drop 1, 2 yes", "keep 1, 2 no", "keep 2, 3 no", "keep 1, 3 yes", "drop 2, 3 yes", "keep 1; 2 No.",
     "drop 1 and 2 yes", "please drop 1, 2 yes", "drop 1, 2 ok", "keep 1, 2 \u2713", "drop 1, 2 yes\nkeep 3"],
)  # fmt: skip
def test_a_yes_or_no_right_behind_a_number_is_no_last_word(wish: str) -> None:
    now = take(ITEMS, ["", "", ""], wish)
    assert now.problem.startswith("Not understood, nothing changed.")
    assert (now.marks, now.done) == (["", "", ""], False)
    assert is_about(wish, len(ITEMS)), "the list is shown again"
    assert not is_spoken(wish)


@pytest.mark.parametrize("wish", ["drop 1, 2, yes", "drop 1, 2. Yes", "drop 1 2\nyes", "drop 1 2 and yes"])
def test_a_yes_that_stands_apart_from_the_numbers_is_the_last_word(wish: str) -> None:
    now = take(ITEMS, ["", "", ""], wish)
    assert ([item.text for item in now.kept], now.done) == (["three"], True)
