"""A review that somebody asks for, of a pull request that is not ours: on its lines, once, no approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.events import Posted, TurnEnded, dump
from codebutler.store.rows import NewEvent
from codebutler.types import Outbound

if TYPE_CHECKING:
    from tests.twins.github.conftest import Desk, Shop

FOUND = "It adds a.\n\n- [high] a.txt:1: a is wrong\n- [low] other.txt:9: elsewhere"


async def answer(desk: Desk, key: str, text: str) -> None:
    """The PM's word in the pull request's thread."""
    thread = await desk.store.find("github", "acme/shop/pull/1")
    assert thread is not None
    posted = Posted(post=Outbound(text=text, role="pm"), source=key)
    events = [NewEvent(e.kind, f"{key}:{e.kind}", dump(e)) for e in (posted, TurnEnded(outcome="answered"))]
    await desk.store.append(thread, events)


async def test_findings_stand_on_their_lines_and_are_not_said_twice(desk: Desk, shop: Shop) -> None:
    shop.commit("work", "a.txt", "a\n")
    await shop.call("POST", "/pulls", {"title": "Work", "head": "work", "base": "main"}, by="ann")
    shop.ann.says(1, "@bot review look at a.txt")
    [asked] = await desk.look()
    assert asked.text.startswith("Review pull request #1: Work")
    assert "ann asks for it. look at a.txt" in asked.text
    assert "+a" in asked.text
    await desk.hearing.reviewing.see_to()
    assert not shop.project.reviews
    await answer(desk, "one", FOUND)
    for _ in range(2):
        await desk.hearing.reviewing.see_to()
    [review] = shop.project.reviews.values()
    assert (review["state"], review["user"]["login"]) == ("COMMENTED", "butler")
    assert review["body"].startswith("2 findings.\n\n- `other.txt:9` **low:** elsewhere")
    [comment] = shop.project.review_comments.values()
    assert (comment["path"], comment["line"]) == ("a.txt", 1)
    assert comment["body"].startswith("**high:** a is wrong")

    shop.ann.says(1, "@bot review")
    again = (await desk.look())[-1]
    assert "Said already" in again.text
    assert "a.txt:1 **high:** a is wrong" in again.text
    assert "`other.txt:9` **low:** elsewhere" in again.text
    await answer(desk, "two", "- [high] a.txt:1: a is still wrong\n- [note] other.txt:10: still elsewhere")
    await desk.hearing.reviewing.see_to()
    assert len(shop.project.reviews) == 1
    assert len(shop.project.review_comments) == 1
    assert await desk.store.notes("review:") == []


async def test_words_of_the_review_come_without_the_findings(desk: Desk, shop: Shop) -> None:
    await shop.call(
        "POST",
        "/pulls",
        {"title": "Work", "head": shop.commit("work", "a.txt", "a\n") and "work", "base": "main"},
    )
    await desk.door.deliver("acme/shop/pull/1", Outbound(text=FOUND, role="pm"), mark="m", replaces="")
    [said] = shop.ann.comments(1)
    assert "It adds a." in said["body"]
    assert "a is wrong" not in said["body"]
