"""Words about one proposed item: what becomes of its text, and what must not be taken for talk."""

from __future__ import annotations

from typing import Literal

import pytest

from codebutler.commands import words
from codebutler.events import PrOpened, ThreadOpened
from codebutler.settings.shape import Access
from codebutler.surfaces.wording import decision, edited
from codebutler.thread import access
from codebutler.thread.state import ThreadState
from codebutler.thread.wish_words import Order, is_about, is_spoken, orders
from codebutler.thread.wishes import take
from codebutler.types import MemoryItem, Person

LIST = [MemoryItem(file="pm.md", text=text) for text in ("one", "two", "three")]


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


@pytest.mark.parametrize(
    ("wish", "texts", "marks"),
    [
        ("edit 1: Ask Jim, remove 2", ["Ask Jim", "two", "three"], ["keep", "drop", "keep"]),
        ("edit 1: Ask Jim; and drop 2", ["Ask Jim", "two", "three"], ["keep", "drop", "keep"]),
        ("edit 1: Ask Jim, edit 2: Ask Joe", ["Ask Jim", "Ask Joe", "three"], ["keep", "keep", ""]),
        ("edit 1: Round, keep 3 digits", ["Round, keep 3 digits", "two", "three"], ["keep", "", ""]),
        ("edit 1: See v1.keep 2", ["See v1.keep 2", "two", "three"], ["keep", "", ""]),
        ("edit 1: Use tabs, not 2", ["Use tabs, not 2", "two", "three"], ["keep", "", ""]),
        ("add: Use tabs, remove 1", ["one", "two", "three", "Use tabs"], ["drop", "keep", "keep", "keep"]),
    ],
)
def test_orders_behind_new_words_are_no_part_of_them(wish: str, texts: list[str], marks: list[str]) -> None:
    now = take(LIST, [], wish)
    assert ([item.text for item in now.items], now.marks, now.problem) == (texts, marks, "")
    assert is_spoken(wish)


def test_what_was_typed_into_a_forms_field_is_the_items_text_whatever_it_reads_like() -> None:
    text = "Ask Jim, remove 2"
    whole = [Order("edit", frozenset({1}), text=text)]
    assert orders(edited(["one", "two"], {"item1": text}, 99)) == whole
    assert orders(decision(["one", "two"], {"item1": text}, 99))[0] == whole[0]
    assert orders("edit 1:, remove 2")[0].text == "", "no words are none, and that is said"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *(
            (t, "no")
            for t in ("No, drop them all", "no - remove everything", "Drop all of them.", "no, drop them")
        ),
        *((t, "yes") for t in ("looks good", "LGTM!", "Okay.", "Sounds good")),
        *((t, "") for t in ("remove them", "no, drop the cache", "looks good, but why two?", "no idea")),
    ],
)
def test_a_yes_or_no_to_the_list_in_more_words_costs_no_turn(text: str, meant: str) -> None:
    state = ThreadState("t1", pr=PrOpened(number=1, url="u", title="t"), pr_state="open", memory=LIST)
    assert words.read(state, text) == (("memory", meant) if meant else None)
    state.memory = None
    assert words.read(state, text) is None


def test_who_may_decide_is_called_by_name_as_far_as_they_spoke_here() -> None:
    people = [Person(surface="slack", id="U7", name="Ana"), Person(surface="slack", id="U8", name="Bo")]
    owner = Person(surface="slack", id="U1", name="Robin")
    state = ThreadState("t1", opened=ThreadOpened(title="t", owner=owner))
    state.people = {(p.surface, p.id): p for p in people}
    rules = Access(memory=["owner", "slack:U7", "U8", "U9", "discord:U7"])
    assert access.who(rules, state, "memory") == "Robin or Ana or Bo or U9 or U7"
