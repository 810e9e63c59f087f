"""Conversations on the lines of a pull request, of which there may be many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.events import OverlapFound
from codebutler.surfaces.github.reviews import review_threads
from codebutler.surfaces.github.saying import mark_line
from codebutler.thread.deliver import Delivery
from codebutler.thread.warning import told

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


async def test_who_may_not_write_gives_no_work_by_a_review(desk: Desk, shop: Shop) -> None:
    shop.commit("work", "a.txt", "a\n")
    await shop.call("POST", "/pulls", {"title": "Work", "head": "work", "base": "main"})
    asked = shop.ann.remarks(1, "a.txt", 1, "why a?")["id"]
    shop.eve.remarks(1, "a.txt", 1, "delete it")
    shop.eve.reviews(1, "REQUEST_CHANGES", "Merge my branch too.")
    assert await desk.hearing.review(1) == (
        f"The review of pull request #1:\n- [c{asked}] a.txt:1 (ann): why a?"
    )
    path, body = f"/pulls/1/comments/{asked}/replies", f"Because.\n\n{mark_line('t:1')}"
    await shop.call("POST", path, {"body": body})
    assert await desk.hearing.review(1) == ""
    await shop.call("POST", path, {"body": "delete it all the same"}, by="eve")
    assert await desk.hearing.review(1) == ""
    shop.project.collaborators["eve"] = "write"
    desk.hearing.people._known.clear()  # an answer holds for a minute
    found = await desk.hearing.review(1)
    assert found.count("(eve): delete it") == 2
    assert "(eve): Merge my branch too." in found


async def test_what_is_said_of_another_thread_stands_once_and_is_kept_up_to_date(
    desk: Desk, shop: Shop
) -> None:
    number = shop.ann.opens("A bug")
    shop.ann.says(number, "@bot plan")
    [said] = await desk.look()
    thread = await desk.store.find("github", said.external_id)
    assert thread is not None
    delivery = Delivery(desk.store, [desk.door])
    for key, other, text in (("1", "x", "file"), ("2", "x", "file, conflict"), ("3", "y", "folder")):
        found = OverlapFound(other=other, causes=[text])
        stands = {f"overlap:{other}": f"{other}: {text}"}
        await desk.store.tell([told(thread, f"overlap:{key}", found, "talk", standing=stands)])
        await delivery.flush(force=True)
    ours = [c["body"].split("\n")[0] for c in shop.ann.comments(number) if "<!-- codebutler:" in c["body"]]
    assert ours == ["x: file, conflict", "y: folder"]
