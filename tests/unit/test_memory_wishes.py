"""What words make of the list of proposed memory, item by item, until the last word."""

from __future__ import annotations

import pytest

from codebutler.events import Mark
from codebutler.thread import lessons
from codebutler.thread.wishes import Working, take
from codebutler.types import MemoryItem

ITEMS = [MemoryItem(file="pm.md", text=t) for t in ("one", "two", "three")]


def said(*wishes: str) -> Working:
    now = Working(list(ITEMS), ["", "", ""])
    for wish in wishes:
        now = take(now.items, now.marks, wish)
        assert now.problem == "", wish
    return now


@pytest.mark.parametrize(
    ("wishes", "kept", "done"),
    [
        (["yes"], ["one", "two", "three"], True),
        (["no"], [], True),
        (["remove 2"], ["one", "three"], False),
        (["remove 1, 3"], ["two"], False),
        (["keep 3"], ["three"], False),
        (["keep 1", "keep 3"], ["one", "three"], False),
        (["remove 1", "remove 2", "yes"], ["three"], True),
        (["remove 1", "keep 1"], ["one", "two", "three"], False),
        (["edit 2: other words"], ["other words"], False),
        (["edit 2: other words", "yes"], ["one", "other words", "three"], True),
        (["edit 2: a", "edit 2: b", "yes"], ["one", "b", "three"], True),
        (["add: four"], ["four"], False),
        (["add: four", "remove 4", "yes"], ["one", "two", "three"], True),
        (["remove 2", "no"], [], True),
        (["edit 3: better\nremove 1\nadd: four"], ["two", "better", "four"], False),
        (["edit 3: better\nremove 1\nyes"], ["two", "better"], True),
        (["add: one line\nand another", "yes"], ["one", "two", "three", "one line\nand another"], True),
    ],
)
def test_each_word_changes_the_list_until_the_last_one(
    wishes: list[str], kept: list[str], done: bool
) -> None:
    now = said(*wishes)
    assert ([i.text for i in now.kept], now.done) == (kept, done)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("remove 9", "1 to 3"), ("remove 1\nremove 9", "1 to 3"), ("remove", "1 to 3"),
        ("edit 7: x", "1 to 3"),
        ("edit 2:", "edit N: new text"), ("edit 2", "edit N: new text"), ("add:", "Say what to remember"),
        ("add:  ", "Say what to remember"), ("hm", 'Say "yes"'), ("", 'Say "yes"'),
    ],
)  # fmt: skip
def test_a_wish_that_fits_nothing_changes_nothing_and_says_why(wish: str, says: str) -> None:
    now = take(ITEMS, ["", "keep", ""], wish)
    assert says in now.problem
    assert (now.items, now.marks, now.done) == (ITEMS, ["", "keep", ""], False)


def test_added_items_go_to_the_file_that_is_named() -> None:
    now = said("add to artist.md: Blue is the brand")
    assert [(i.file, i.text) for i in now.kept] == [("artist.md", "Blue is the brand")]
    assert now.changed == [3]


def test_the_card_shows_marks_what_is_replaced_and_what_is_known() -> None:
    items = [
        MemoryItem(file="pm.md", text="Use spaces", relation="contradicts", replaces=["Use tabs"]),
        MemoryItem(file="workflows.md", text="PM: look", kind="add_step", section="bugfix", after=2),
        MemoryItem(file="pm.md", text="", kind="remove", replaces=["Old"], why="unused"),
    ]
    marks: list[Mark] = ["keep", "drop", ""]
    card = lessons.card(items, marks, known=["Run make check"])
    for line in (
        "1. ✓ Use spaces _(lesson → pm.md)_",
        "   ⚠ it contradicts what memory holds: “Use tabs”",
        "   keeping it replaces that",
        "2. ✗ PM: look _(add step → workflows.md, bugfix, after step 2)_",
        "3. Old _(remove → pm.md)_",
        "Not proposed, as memory holds it: Run make check",
    ):
        assert line in card.text.splitlines()
    assert [c.value for c in card.choices][2:5] == ["keep 1", "edit 1", "drop 1"]
    assert len(lessons.card(items * 3).choices) == 2
