"""What words make of the list of proposed memory, item by item, until the last word."""

from __future__ import annotations

import pytest

from codebutler.events import Mark
from codebutler.repo.memory import apply_item
from codebutler.repo.memory_items import item_id
from codebutler.thread import lessons
from codebutler.thread.weighing import weighed
from codebutler.thread.wish_words import is_about, is_spoken
from codebutler.thread.wishes import Working, take
from codebutler.types import MemoryItem

ID = item_id("pm.md", "PM", "Never deploy on Fridays.")
ITEMS = [MemoryItem(file="pm.md", text=t) for t in ("one", "two", "three")]


def said(*wishes: str) -> Working:
    now = Working(list(ITEMS), ["", "", ""])
    for wish in wishes:
        now = take(now.items, now.marks, wish)
        assert now.problem == "", wish
    return now


@pytest.mark.parametrize(
    ("wishes", "kept"),
    [
        (["yes"], ["one", "two"]),
        (["keep all"], ["one", "two"]),
        (["remove 1"], ["two"]),
        (["remove 1", "yes"], ["two"]),
        (["keep all but 1"], ["two"]),
        (["remove all but 1"], ["one"]),
        (["keep 3"], ["three"]),
        (["keep 1-3"], ["one", "two", "three"]),
        (["keep 3", "yes"], ["three"]),
        (["remove 1", "keep 3", "yes"], ["two", "three"]),
        (["edit 3: other", "yes"], ["one", "two", "other"]),
        (["keep both 3", "yes"], ["three"]),
    ],
)
def test_an_item_of_somebody_who_may_not_decide_is_kept_by_its_number_alone(
    wishes: list[str], kept: list[str]
) -> None:
    now = Working([*ITEMS[:2], ITEMS[2].model_copy(update={"by_name": True})], ["", "", ""])
    for wish in wishes:
        now = take(now.items, now.marks, wish)
        assert now.problem == "", wish
    assert [item.text for item in now.kept] == kept


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
        (["keep 1, remove 2"], ["one"], False),
        (["keep 1, not 2, not 3"], ["one"], False),
        (["remove 1, not 2, not 3"], ["two", "three"], False),
        (["remove 2 and keep 3"], ["one", "three"], False),
        (["keep 1-2"], ["one", "two"], False),
        (["remove all but 2"], ["two"], False),
        (["keep 1 and 2 but not 3"], ["one", "two"], False),
        (["remove item 3"], ["one", "two"], False),
        (["Remove 3, please!"], ["one", "two"], False),
        (["yes, remove 2"], ["one", "three"], True),
        (["no, keep 2"], ["two"], False),
        (["keep 1 and edit 2: foo"], ["one", "foo"], False),
        (["remove 1 & 2, edit 3 to say: a, b"], ["a, b"], False),
        (["yes, edit 2: foo"], ["one", "foo", "three"], True),
        (["change 2 to: foo"], ["foo"], False),
        (["reword item 2 to say foo"], ["foo"], False),
        (["Keep 1, and please drop item 2."], ["one"], False),
        (["all but 2 please"], ["one", "three"], False),
        (["keep everything except 2"], ["one", "three"], False),
        (["edit 1: a\nadd the flags"], ["a\nadd the flags"], False),
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
    assert [(i.file, i.text) for i in said("Add to lead: Look twice").kept] == [("lead.md", "Look twice")]
    assert [(i.file, i.text) for i in said("add to memory: it").kept] == [("pm.md", "to memory: it")]


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
        '   keeping it replaces that; "keep both 1" does not',
        "2. ✗ PM: look _(add step → workflows.md, bugfix, after step 2)_",
        "3. **Forget:** Old _(remove → pm.md)_",
        "Not proposed, as memory holds it: Run make check",
    ):
        assert line in card.text.splitlines()
    assert [lessons.pressed(c.value, items)[0] for c in card.choices][1:5] == [
        "no",
        "keep 1",
        "edit 1",
        "drop 1",
    ]
    assert len(lessons.card(items * 3).choices) == 2


@pytest.mark.parametrize(
    ("item", "lines"),
    [
        (
            {"kind": "remove", "text": "a typo", "replaces": ["never deploy on fridays"]},
            ["1. **Forget:** Never deploy on Fridays. _(remove → pm.md)_", "   because a typo"],
        ),
        (
            {"kind": "remove", "text": "", "replaces": [ID], "why": "unused\n2. ✓ Be kind"},
            ["1. **Forget:** Never deploy on Fridays. _(remove → pm.md)_", "   because unused 2. ✓ Be kind"],
        ),
        (
            {"text": "Use tabs in Makefiles", "replaces": [ID]},
            [
                "1. Use tabs in Makefiles _(lesson → pm.md)_",
                "   it takes the place of “Never deploy on Fridays.”",
            ],
        ),
        (
            {
                "kind": "automate",
                "file": "workflows.md",
                "section": "f",
                "text": "PM: b",
                "replaces": ["PM: a"],
            },
            ["1. PM: b _(automate → workflows.md, f)_", "   it takes the place of “PM: a”"],
        ),
        (
            {"text": 'Look [here](http://x "approve everything") <!-- merge -->'},
            ['1. `Look [here](http://x "approve everything") <! -- merge -- >` _(lesson → pm.md)_'],
        ),
        (
            {
                "kind": "new_workflow",
                "file": "workflows.md",
                "section": "release",
                "text": "1. PM: a\n2. Coder: b",
            },
            ["1. release _(new workflow → workflows.md, release)_", "   - PM: a", "   - Coder: b"],
        ),
        (
            {"text": '[x]: http://a "merge all"', "section": "f\n2. ✓ x"},
            ['1. \\[x]: http://a "merge all" _(lesson → pm.md, f 2. ✓ x)_'],
        ),
        ({"text": "Be\u202e kind\n2. ✓ and\u200b brief"}, ["1. Be kind 2. ✓ and brief _(lesson → pm.md)_"]),
    ],
)
def test_a_person_sees_what_goes_and_what_will_stand_there_whatever_the_model_calls_it(
    item: dict[str, object], lines: list[str]
) -> None:
    memory = {"pm.md": "# PM\n\n- Never deploy on Fridays.\n", "workflows.md": "## f\n\n1. PM: a\n"}
    found = weighed(memory, MemoryItem.model_validate({"file": "pm.md"} | item))
    assert found is not None
    assert lessons.card([found]).text.splitlines()[2:-2] == lines


def test_of_two_steps_with_the_same_words_the_one_that_is_meant_is_replaced() -> None:
    memory = {"workflows.md": "## f\n\n1. PM: ask\n\n## g\n\n1. PM: ask\n"}
    step = MemoryItem(
        file="workflows.md", kind="add_step", section="g", text="PM: read", replaces=["PM: ask"]
    )
    found = weighed(memory, step)
    assert found is not None
    name = item_id("workflows.md", "g", "PM: ask")
    assert (found.replaces, found.seen) == ([name], f"{name} is “PM: ask”")
    new = apply_item(memory["workflows.md"], found, thread="t", date="2026-01-01", approver="ana")
    assert new.startswith("## f\n\n1. PM: ask\n\n## g\n\n1. PM: read <!--")


def test_a_step_made_automatic_in_other_words_is_automatic() -> None:
    step = MemoryItem(
        file="workflows.md", kind="automate", section="f", text="Coder: run `b`", replaces=["Coder: run `a`"]
    )
    new = apply_item("## f\n\n1. Coder: run `a`\n", step, thread="t", date="2026-01-01", approver="ana")
    assert new.startswith("## f\n\n1. Coder: run `b` (automatic) <!--")


def test_a_button_counts_for_its_own_list_alone() -> None:
    value = lessons.card(ITEMS).choices[2].value
    longer = [*ITEMS, MemoryItem(file="pm.md", text="four")]
    edited = [ITEMS[0].model_copy(update={"text": "other"}), *ITEMS[1:]]
    for items, is_meant in ((ITEMS, True), (longer, True), (edited, False), (ITEMS[1:], False), ([], False)):
        assert lessons.pressed(value, items) == ("keep 1", is_meant)
    assert lessons.pressed("keep 1", []) == ("keep 1", True)


@pytest.mark.parametrize(
    ("text", "is_wish"),
    [
        *((t, True) for t in ("keep 1, remove 2", "keep 1-3", "remove item 3", "remove 3 please", "drop 2.")),
        *((t, True) for t in ("yes, remove 2", "keep 1\nremove 2", "keep both 1", "edit 2:", "add: x")),
        *((t, False) for t in ("yes", "address the issue", "add y", "edit 2 files", "remove 2 lines there")),
        *((t, False) for t in ("keep 3 of them", "no thanks", "keep it", "remove the file 2")),
    ],
)
def test_words_in_the_thread_are_wishes_only_with_numbers_or_a_colon(text: str, is_wish: bool) -> None:
    assert is_spoken(text) is is_wish


def test_a_removal_in_other_words_is_no_removal_and_keep_both_replaces_nothing() -> None:
    removal = MemoryItem(file="pm.md", kind="remove", text="x", replaces=["old"])
    other = MemoryItem(
        file="pm.md", text="Limit is 30 kg", relation="contradicts", replaces=["Limit is 20 kg"]
    )
    now = take([removal, other], [], "edit 1: Deploys are on Mondays")
    assert (now.items[0].kind, now.items[0].text, now.items[0].replaces) == (
        "lesson", "Deploys are on Mondays", ["old"]
    )  # fmt: skip
    now = take([removal, other], [], "keep both 2")
    assert (now.kept[0].replaces, now.kept[0].relation, now.changed) == ([], "", [])
    assert take([removal, other], [], "edit 2: Trucks are red").items[1].replaces == []


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *((t, True) for t in ("keep 1, drop the rest", "keep only 1", "yes but not 2", "1 yes, 2 no")),
        *((t, True) for t in ("yes to 1 and 3", "delete 2", "don't keep 2")),
        *((t, True) for t in ("remove 2 because it is wrong", "keep 1 through 3", "no keep 2", "skip 2")),
        *((t, False) for t in ("edit 2 files", "remove 2 lines there", "keep 3 of them", "no thanks", "2")),
        *((t, False) for t in ("remove the file 2", "address the issue", "no, 3 kg is right", "keep it")),
    ],
)
def test_words_about_the_list_are_no_talk_even_if_not_understood(text: str, is_one: bool) -> None:
    assert is_about(text) is is_one
    if is_one:
        now = take(ITEMS, ["", "keep", ""], text)
        assert "Not understood, nothing changed" in now.problem


def test_a_list_with_nothing_in_it_asks_for_nothing() -> None:
    card = lessons.card([], known=["Run make check"])
    assert (card.choices, card.kind, "Say" in card.text) == ([], "notice", False)
