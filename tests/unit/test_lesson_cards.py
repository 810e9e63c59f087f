"""The Lead's list as people read it, where there is nothing to decide, or no place for an item."""

from __future__ import annotations

from codebutler.thread.lessons import card


def test_a_list_without_items_asks_nothing() -> None:
    shown = card([], known=["Prices are in euro."])
    assert shown.text.startswith("**Nothing new to remember.**")
    assert "Not proposed, as memory holds it: Prices are in euro." in shown.text
    assert not shown.choices


def test_why_a_long_item_has_no_place_is_said() -> None:
    shown = card([], unfit=[f"{'word ' * 110}: pm.md is full: 8000 of 8000 characters"])
    assert shown.text.endswith("pm.md is full: 8000 of 8000 characters")
    assert shown.text.startswith("**What should the team remember?**")
