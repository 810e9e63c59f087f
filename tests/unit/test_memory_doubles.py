"""What two threads kept side by side: the same stands once, and rivals are named."""

from __future__ import annotations

import pytest

from codebutler.events import MemoryDecided
from codebutler.repo.memory import apply_item
from codebutler.thread.memory_merge import kept_in
from codebutler.thread.state import ThreadState
from codebutler.types import MemoryItem, Person

OLD = "# PM\n\n- Quotes are in euro\n"


def kept(thread: str, *items: MemoryItem) -> ThreadState:
    state = ThreadState(id=thread)
    state.kept = [
        MemoryDecided(message=1, kept=list(items), by=Person(surface="terminal", id="ana", name="ana"))
    ]
    return state


def put(text: str, item: MemoryItem, thread: str) -> str:
    return apply_item(text, item, thread=thread, date="2026-11-21", approver="ana")


def test_the_same_lesson_of_two_threads_stands_once() -> None:
    item = MemoryItem(file="pm.md", text="Labels are A6")
    ours, others = put(OLD, item, "t2"), put(OLD, item, "t1")
    both = others + ours.removeprefix(OLD)
    assert both.count("Labels") == 2
    text, said = kept_in(kept("t2", item), "pm.md", both, old=OLD, ours=ours, others=others)
    assert text == others
    assert said == ["“Labels are A6” was kept by another thread, too: it stands once."]
    assert kept_in(kept("t2", item), "pm.md", ours, old=OLD, ours=ours, others=OLD) == (ours, [])


@pytest.mark.parametrize(
    ("hand", "gathers"),
    [("", True), ("## By hand\n\n- x\n\n", True), ("## Learned\n\n- x\n\n", False)],
)
def test_a_section_that_two_threads_began_is_one(hand: str, gathers: bool) -> None:
    mine, other = (MemoryItem(file="pm.md", text=text) for text in ("Labels are A6", "Ask Kim"))
    ours = put(OLD + "\n" + hand, mine, "t2")
    others = put(OLD, other, "t1")
    both = f"{others}{ours.removeprefix(OLD)}"
    text, _ = kept_in(kept("t2", mine), "pm.md", both, old=OLD, ours=ours, others=others)
    lesson = "- Labels are A6 <!-- learned: thread=t2 date=2026-11-21 by=ana -->\n"
    if gathers:
        assert text.rstrip() == f"{others}{lesson}\n{hand}".rstrip()
    else:
        assert text == both


@pytest.mark.parametrize("hand", ["", "\nA person's own words.\n"])
def test_a_file_has_one_workflow_of_a_name_and_the_thread_says_which_was_not_kept(hand: str) -> None:
    mine = MemoryItem(file="workflows.md", kind="new_workflow", section="release", text="PM: read notes")
    other = mine.model_copy(update={"text": "PM: tag it"})
    ours, others = put("", mine, "t2") + hand, put("", other, "t1")
    both = f"{others}\n{ours}"
    text, said = kept_in(kept("t2", mine), "workflows.md", both, old="", ours=ours, others=others)
    assert text == (both if hand else others)
    [line] = said
    taken = "Not kept: PM: read notes: there is a workflow 'release' already"
    assert line.startswith("“release” stands there twice, join them by hand" if hand else taken)


def test_two_that_replaced_the_same_item_are_named() -> None:
    ours, theirs = (
        MemoryItem(file="pm.md", text=f"Quotes are in {money}", replaces=["Quotes are in euro"])
        for money in ("francs", "dollars")
    )
    mine, others = put(OLD, ours, "t2"), put(OLD, theirs, "t1")
    both = others + mine.removeprefix("# PM\n\n")
    text, said = kept_in(kept("t2", ours), "pm.md", both, old=OLD, ours=mine, others=others)
    assert text == both
    [line] = said
    assert line.startswith("“Quotes are in francs” now stands beside “Quotes are in dollars”: edit the file")
    assert kept_in(kept("t2", ours), "pm.md", mine, old=OLD, ours=mine, others=OLD) == (mine, [])
