"""Words about one proposed item: what becomes of its text, and what must not be taken for talk."""

from __future__ import annotations

from typing import Literal

import pytest

from codebutler.thread.wish_words import is_about, is_spoken
from codebutler.thread.wishes import take
from codebutler.types import MemoryItem


@pytest.mark.parametrize(
    ("text", "kind", "wish", "words", "expires"),
    [
        ("PM: ask who saw it", "add_step", "ask who, and where", "PM: ask who, and where", "2027-01-31"),
        ("PM: ask who saw it", "add_step", "Coder: ask", "Coder: ask", "2027-01-31"),
        ("PM: a fact", "lesson", "a fact", "a fact", "2027-01-31"),
        ("Freeze", "lesson", "Freeze until next Friday", "Freeze until next Friday", ""),
        ("Freeze", "lesson", "Freeze until 2027-03-01", "Freeze until 2027-03-01", "2027-03-01"),
    ],
)
def test_a_step_keeps_its_role_and_a_last_day_is_that_of_the_new_words(
    text: str, kind: Literal["lesson", "add_step"], wish: str, words: str, expires: str
) -> None:
    item = MemoryItem(file="workflows.md", kind=kind, section="x", text=text, expires="2027-01-31")
    [now] = take([item], [""], f"edit 1: {wish}").items
    assert (now.text, now.expires) == (words, expires)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *(
            (t, True)
            for t in ("keep 2 but in lead.md", "put 1 into lead.md", "number 2 is wrong", "2 is wrong")
        ),
        *((t, True) for t in ("change 2 to Ask Jim", "edit 2 with more detail", "please move 3 to pm.md")),
        *((t, True) for t in ("only 1", "just 1 and 3", "1,3", "1 and 2", "keep the first one", "👍 1")),
        *((t, True) for t in ("accept 1 and 2", "reject 2", "edit 1 Ask Jim", "1: Ask Joe", "I want 1")),
        *(
            (t, False)
            for t in ("only 1 test fails", "1: do this\n2: do that", "keep two spaces", "2, 3 and 4")
        ),
        *((t, False) for t in ("just one more thing", "keep the last two digits", "take 1 hour")),
        *((t, False) for t in ("change 2 to 3 in bands.py", "4 is wrong", "put 2 spaces there", "2")),
        *((t, False) for t in ("change 2.5 to 3", "All but 2 tests pass", "edit 2 files", "change 4 to foo")),
    ],
)
def test_words_about_an_item_that_waits_are_no_talk(text: str, is_one: bool) -> None:
    assert is_about(text, 3) is is_one
    assert not is_spoken(text)
