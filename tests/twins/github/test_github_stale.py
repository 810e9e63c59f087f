"""A word of approval is for the plan that its writer can have read, however late it is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.events import Posted, dump
from codebutler.store.rows import NewEvent, NewPost
from codebutler.types import NO_PLAN, Outbound

if TYPE_CHECKING:
    from tests.twins.github.conftest import Desk, Shop


async def shown(desk: Desk, thread: str, mark: str, *, surface: str = "github", comment: int = 0) -> None:
    """A plan is posted; with ``comment`` it stands at the door."""
    post = Outbound(text="the plan", kind="plan", data={"hash": mark})
    row = NewPost(f"pm:{mark}", surface, "acme/shop#1", post.model_dump_json())
    event = Posted(post=post, source=mark)
    await desk.store.append(thread, [NewEvent(event.kind, f"post:{mark}", dump(event))], posts=[row])
    if comment:
        [sent] = await desk.store.pending_posts(surface, limit=9)
        await desk.store.post_sent(sent.id, str(comment))


async def opened(desk: Desk, shop: Shop) -> str:
    shop.ann.says(shop.ann.opens("A bug"), "@bot plan")
    await desk.look()
    [row] = await desk.store.threads()
    return row.id


@pytest.mark.parametrize("words", ["@bot implement", "@bot go", "@bot looks good"])
async def test_what_is_heard_late_is_for_the_plan_that_stood_there(
    desk: Desk, shop: Shop, words: str
) -> None:
    thread = await opened(desk, shop)
    first = shop.ann.says(1, "version 1")["id"]
    await shown(desk, thread, "one", comment=first)
    shop.ann.says(1, words)  # carol, in the same second as what comes now
    second = shop.ann.says(1, "version 2")["id"]
    await shown(desk, thread, "two", comment=second)
    shop.ann.says(1, words)
    assert [said.seen for said in (await desk.look())[1:]] == ["one", "two"]


async def test_what_is_not_posted_yet_was_seen_by_nobody(desk: Desk, shop: Shop) -> None:
    thread = await opened(desk, shop)
    await shown(desk, thread, "one")
    shop.ann.says(1, "@bot implement")
    assert [said.seen for said in await desk.look()] == ["", NO_PLAN]


async def test_a_plan_that_only_a_chat_was_shown_counts_as_seen(desk: Desk, shop: Shop) -> None:
    thread = await opened(desk, shop)
    await shown(desk, thread, "one", surface="slack")
    shop.ann.says(1, "@bot implement")
    assert [said.seen for said in await desk.look()] == ["", "one"]


async def test_what_is_no_comment_is_judged_by_its_time(desk: Desk, shop: Shop) -> None:
    thread = await opened(desk, shop)
    await desk.store.bind(thread, "github", "acme/shop/pull/2")
    shop.commit("work", "a.txt", "a\n")
    await shop.call("POST", "/pulls", {"title": "Work", "head": "work", "base": "main"}, by="ann")
    plan = shop.ann.says(1, "version 1")
    await shown(desk, thread, "one", comment=plan["id"])
    early = shop.ann.remarks(2, "a.txt", 1, "@bot implement")
    late = shop.ann.remarks(2, "a.txt", 1, "@bot implement")
    plan["created_at"] = "2031-01-01T00:00:10Z"
    for row, at in ((early, "2031-01-01T00:00:10Z"), (late, "2031-01-01T00:00:11Z")):
        row["created_at"] = row["updated_at"] = at
    assert [said.seen for said in (await desk.look())[1:]] == [NO_PLAN, "one"]
