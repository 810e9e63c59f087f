"""What is proposed to be forgotten: ordinary words must not be taken for their opposite."""

from __future__ import annotations

import pytest

from codebutler.commands import words
from codebutler.events import Mark
from codebutler.surfaces.wording import decision, edited
from codebutler.thread import lessons
from codebutler.thread.state import ThreadState
from codebutler.thread.wishes import take
from codebutler.types import MemoryItem

LESSON = MemoryItem(file="pm.md", text="Beta rules.")
PNPM = MemoryItem(file="pm.md", kind="remove", text="Use pnpm.", replaces=["Use pnpm."])
YARN = MemoryItem(file="pm.md", kind="remove", text="Use yarn.", replaces=["Use yarn."])


@pytest.mark.parametrize(
    ("items", "wish", "marks"),
    [
        ([LESSON, PNPM], "keep 2", ["", "drop"]), ([LESSON, PNPM], "remove 2", ["", "keep"]),
        ([LESSON, PNPM], "forget 2", ["", "keep"]), ([LESSON, PNPM], "drop 2", ["", "keep"]),
        ([LESSON, PNPM], "yes", ["keep", "keep"]), ([LESSON, PNPM], "no", ["drop", "drop"]),
        ([LESSON, PNPM], "keep 2, yes", ["keep", "drop"]), ([LESSON, PNPM], "keep 1", ["keep", "drop"]),
        ([LESSON, PNPM], "keep 1, not 2", ["keep", "drop"]), ([LESSON, PNPM], "keep 1 2", ["keep", "drop"]),
        ([LESSON, PNPM], "remove 1", ["drop", ""]), ([LESSON, PNPM], "keep both 2", ["", "drop"]),
        ([LESSON, PNPM], "yes, forget 2", ["keep", "keep"]), ([LESSON, PNPM], "yes to all", ["keep", "keep"]),
        ([PNPM, YARN], "remove 1, keep 2", ["keep", "drop"]), ([PNPM, YARN], "remove 1", ["keep", ""]),
        ([PNPM, YARN], "yes, forget 1, keep 2", ["keep", "drop"]),
        ([PNPM, YARN], "yes, forget 1 2", ["keep", "keep"]), ([LESSON], "forget 1", ["drop"]),
    ],
)  # fmt: skip
def test_words_do_what_they_say(items: list[MemoryItem], wish: str, marks: list[Mark]) -> None:
    now = take(items, [], wish)
    assert (now.problem, now.marks) == ("", marks)


@pytest.mark.parametrize("wish", ["keep all", "drop all", "remove all", "actually, drop all", "all but 1",
                                  "keep all but 1", "remove all but 2", "no wait, keep all",
                                  "wait, keep all of them"])  # fmt: skip
def test_what_may_mean_either_is_asked(wish: str) -> None:
    now = take([LESSON, PNPM], [], wish)
    assert now.problem.startswith("Nothing changed"), now
    assert now.marks == ["", ""]
    assert not take([LESSON, LESSON], [], wish).problem


def test_an_order_beside_a_word_for_all_is_asked_and_new_words_are_not() -> None:
    assert take([LESSON, PNPM], [], "drop 1, keep all").problem.startswith("Nothing changed")
    assert take([LESSON, PNPM], [], "add: Keep all tests green").marks == ["", "", "keep"]
    assert take([LESSON, PNPM], [], "no wait, drop all").marks == ["drop", "drop"]


def test_a_yes_beside_one_of_two_removals_asks_for_the_other() -> None:
    now = take([PNPM, YARN], [], "yes, remove 1")
    assert now.problem.startswith('Nothing changed: is 2 to be forgotten, too? Say "yes, forget 1 2"')


@pytest.mark.parametrize(
    ("text", "wish"),
    [("keep all", "keep all"), ("keep them", "keep all"), ("remove all", "drop all"),
     ("yes to all", "yes to all"),
     ("yes", "yes"), ("no, drop them all", "no"), ("looks good", "yes"), ("none", "no")],
)  # fmt: skip
def test_words_about_the_whole_list_reach_it_as_they_were_said(text: str, wish: str) -> None:
    state = ThreadState("t1", phase="lead", memory=[LESSON, PNPM], marks=["", ""])
    assert words.read(state, text) == ("memory", wish)


def test_the_list_says_what_its_words_and_buttons_do() -> None:
    card = lessons.card([LESSON, PNPM])
    assert "2. **Forget:** Use pnpm." in card.text
    assert '"forget 2" takes that out of memory, "keep 2" leaves it there' in card.text
    buttons = {choice.label: lessons.pressed(choice.value, [LESSON, PNPM]) for choice in card.choices}
    assert buttons["Forget 2"] == ("forget 2", True)
    assert buttons["Leave 2"] == ("keep 2", True)
    assert "Keep 2" not in buttons
    assert "Drop 2" not in buttons


def test_what_happened_is_told_in_its_own_words() -> None:
    assert (
        lessons.done([LESSON, PNPM], [1, 2])
        == "Kept 1 item: 1 “Beta rules.”; removed from memory: 2 “Use pnpm.”"
    )
    assert lessons.done([PNPM], [2]) == "Removed from memory: 2 “Use pnpm.”"
    assert lessons.named([PNPM], [2]) == "2 to forget “Use pnpm.”"


def test_a_form_forgets_what_is_left_as_it_was_and_leaves_what_was_emptied() -> None:
    said = decision(["Beta rules.", "Use pnpm."], {"item2": ""}, 99, {2})
    assert take([LESSON, PNPM], [], said).marks == ["keep", "drop"]
    said = decision(["Beta rules.", "Use pnpm."], {}, 99, {2})
    assert take([LESSON, PNPM], [], said).marks == ["keep", "keep"]
    assert edited(["Beta rules.", "Use pnpm."], {"item2": ""}, 99, {2}) == "keep 2"
    assert edited(["Beta rules.", "Use pnpm."], {"item2": "Use pnpm."}, 99, {2}) == "forget 2"
