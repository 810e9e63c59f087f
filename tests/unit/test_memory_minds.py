"""Orders for the list from people who hesitate, ask politely, or change their mind."""

from __future__ import annotations

import pytest

from codebutler.commands import words
from codebutler.events import PrOpened
from codebutler.thread.state import ThreadState
from codebutler.thread.wish_words import is_about, is_spoken, orders
from codebutler.thread.wishes import take
from codebutler.types import MemoryItem

ITEMS = [MemoryItem(file="pm.md", text="one"), MemoryItem(file="pm.md", text="two")]


@pytest.mark.parametrize(
    ("text", "verb", "numbers"),
    [
        ("actually, drop 2", "drop", {2}),
        ("I changed my mind, remove 2", "drop", {2}),
        ("hmm, drop 2 after all", "drop", {2}),
        ("sorry remove item 2", "drop", {2}),
        ("let's keep 1 and 3", "keep", {1, 3}),
        ("I'd drop 2", "drop", {2}),
        ("on second thought remove 2", "drop", {2}),
        ("can you remove 2?", "drop", {2}),
        ("could you drop item 2 please", "drop", {2}),
        ("remove 2 again", "drop", {2}),
        ("hold on, remove 3", "drop", {3}),
        ("no wait, keep 3", "keep", {3}),
        ("never mind, keep 2 too", "keep", {2}),
        ("I'd like to keep 2 as well", "keep", {2}),
    ],
)
def test_who_changes_their_mind_or_asks_politely_is_heard(text: str, verb: str, numbers: set[int]) -> None:
    [order] = orders(text)
    assert (str(order.verb), set(order.numbers)) == (verb, numbers)
    assert is_spoken(text)


@pytest.mark.parametrize(
    "text",
    ["actually add a test", "wait, don't merge yet", "can you keep the 2 files?", "I'd keep 2 workers",
     "well, keep 2 spaces", "let's keep it", "please remove 2 lines from A", "can you edit 1: x"],
)  # fmt: skip
def test_talk_that_begins_so_decides_nothing(text: str) -> None:
    assert orders(text) == []


@pytest.mark.parametrize("text", ["undo 2", "merge and keep 1", "merge, but drop 2"])
def test_what_may_be_about_the_list_is_not_left_to_the_pm(text: str) -> None:
    assert is_about(text, 3)
    assert not orders(text)


@pytest.mark.parametrize(("text", "verb"), [("actually, keep all", "all"), ("no wait, drop all", "no")])
def test_a_mind_may_change_about_all_of_it(text: str, verb: str) -> None:
    assert [str(order.verb) for order in orders(text)] == [verb]
    assert is_spoken(text)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("keep all", "keep all"), ("Keep them all!", "keep all"), ("yes to all", "keep all"),
        ("actually, keep all", "actually, keep all"), ("keep all after all", "keep all after all"),
        ("ok keep them all", "keep all"), ("wait, keep everything", "wait, keep everything"),
        ("I changed my mind, keep all of them", "I changed my mind, keep all of them"),
        ("yes", "yes"), ("looks good", "yes"), ("keep them", "yes"),
    ],
)  # fmt: skip
def test_all_are_more_than_those_that_nobody_dropped(text: str, command: str) -> None:
    state = ThreadState("t1", phase="lead", memory=list(ITEMS), marks=["keep", "drop"])
    assert words.read(state, text) == ("memory", command)
    kept = take(ITEMS, ["keep", "drop"], command).kept
    assert [item.text for item in kept] == (["one"] if command == "yes" else ["one", "two"])
    listed = ThreadState("t1", phase="lead", memory=list(ITEMS), marks=["", ""], listed=True, halted="failed")
    assert words.read(listed, text) == ("memory", command)


def test_all_of_a_list_that_was_turned_down_is_taken_up_again_until_the_merge() -> None:
    pr = PrOpened(number=1, url="", title="Notes")
    state = ThreadState("t1", phase="lead", set_aside=list(ITEMS), pr=pr, pr_state="open")
    assert words.read(state, "keep all") == ("memory", "keep all")
    assert words.read(state, "all") is None
    assert len(take(ITEMS, ["drop", "drop"], "keep all").kept) == 2


@pytest.mark.parametrize("wish", ["drop 2, keep all", "drop 2\nkeep all"])
def test_in_one_breath_with_a_drop_all_are_the_others(wish: str) -> None:
    assert [item.text for item in take(ITEMS, ["", ""], wish).kept] == ["one"]


@pytest.mark.parametrize(
    ("wish", "kept"),
    [
        ("keep all but 1", ["two"]), ("no wait, keep them all except 1", ["two"]),
        ("everything but 1", ["two"]), ("drop all but 2", ["two"]), ("actually, drop them all", []),
    ],
)  # fmt: skip
def test_who_is_left_out_of_all_is_spoken_of_whatever_was_said_before(wish: str, kept: list[str]) -> None:
    now = take(ITEMS, ["keep", "drop"], wish)
    assert ([item.text for item in now.kept], now.problem) == (kept, "")


def test_new_words_end_where_an_order_of_a_changed_mind_follows() -> None:
    [edit, keep] = orders("edit 1: new words until 2027-03-01, keep 4 after all")
    assert (edit.text, str(keep.verb), set(keep.numbers)) == ("new words until 2027-03-01", "keep", {4})


@pytest.mark.parametrize(
    ("text", "is_heard"),
    [
        ("drop 1, we do not need it", True),
        ("remove 2: that is wrong", True),
        ("Keep 1 and 2 - they help", True),
        ("drop 3, we do not need it", False),
        ("drop 1, and add a test", False),
        ("drop 1 of them, we said", False),
    ],
)
def test_an_order_with_its_reason_is_about_the_list(text: str, is_heard: bool) -> None:
    assert is_about(text, 2) is is_heard


@pytest.mark.parametrize(
    ("text", "is_no"),
    [
        ("hmm, actually no", True),
        ("Actually, no.", True),
        ("on second thought: no thanks", True),
        ("hm… nope", True),
        ("no, actually", True),
        ("oh no!", False),
        ("wait, no", False),
        ("no, actually add a test", False),
        ("actually no tests are needed", False),
        ("actually no?", False),
    ],
)
def test_a_no_with_hesitation_is_a_no_to_the_list_that_waits(text: str, is_no: bool) -> None:
    state = ThreadState("t1", phase="lead", pr_state="open", memory=ITEMS, marks=["", ""])
    assert words.read(state, text) == (("memory", "no") if is_no else None)
    assert words.read(ThreadState("t1", phase="lead", pr_state="open"), text) is None
