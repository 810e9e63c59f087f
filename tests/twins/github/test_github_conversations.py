"""Conversations on the lines of a pull request, of which there may be many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.surfaces.github.reviews import review_threads

if TYPE_CHECKING:
    from tests.twins.github.conftest import Desk, Shop


async def test_the_hundred_and_first_conversation_of_a_review_is_known_to_be_resolved(
    desk: Desk, shop: Shop
) -> None:
    shop.commit("work", "a.txt", "a\n")
    await shop.call("POST", "/pulls", {"title": "Work", "head": "work", "base": "main"})
    said = [shop.ann.remarks(1, "a.txt", 1, f"no. {number}") for number in range(103)]
    shop.project.resolved |= {each["id"] for each in said if each is not said[50]}
    threads = await review_threads(desk.hearing.calls, "acme/shop", 1)
    assert len(threads) == 103
    assert [first for first, thread in threads.items() if not thread.resolved] == [said[50]["id"]]
