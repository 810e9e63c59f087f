"""The Lead's list as people read it, where there is nothing to decide, or no place for an item."""

from __future__ import annotations

from codebutler.thread.lessons import aside, card, done, named
from codebutler.types import MemoryItem


def test_a_list_without_items_asks_nothing() -> None:
    shown = card([], known=["Prices are in euro."])
    assert shown.text.startswith("**Nothing new to remember.**")
    assert "Not proposed, as memory holds it: Prices are in euro." in shown.text
    assert not shown.choices


def test_why_a_long_item_has_no_place_is_said() -> None:
    shown = card([], unfit=[f"{'word ' * 110}: pm.md is full: 8000 of 8000 characters"])
    assert shown.text.endswith("pm.md is full: 8000 of 8000 characters")
    assert shown.text.startswith("**What should the team remember?**")


def test_a_workflow_is_named_by_its_name() -> None:
    flow = MemoryItem(
        file="workflows.md", kind="new_workflow", section="audit", text="For: the yearly one\n1. PM: ask"
    )
    assert done([flow], [2]) == "Kept 1 item: 2 “audit: For: the yearly one 1. PM: ask”"
    assert aside([flow], is_open=True).endswith("1. audit: For: the yearly one 1. PM: ask")


def test_what_is_cut_short_hides_nothing_and_opens_no_code() -> None:
    long = "See [the guide](https://example.org/guide) " + "and read on " * 30
    [fenced] = named([MemoryItem(file="pm.md", text=long)], []).splitlines()
    assert fenced.startswith("“`See [the guide](https://example.org/guide) and")
    assert fenced.endswith("…`”")
