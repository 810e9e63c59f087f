"""The outbox: every visible message is a row until a door has taken it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.errors import CodeButlerError
from codebutler.store.rows import NewPost, Post
from codebutler.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with the threads T and U."""
    store = await Store.open(tmp_path / "store.db")
    for thread in "TU":
        await store.open_thread(thread, title="", owner="", bindings=[], events=[])
    yield store
    await store.close()


def post(key: str, surface: str = "slack", slot: str = "", payload: str = "{}") -> NewPost:
    """A post to the one conversation of these tests."""
    return NewPost(key, surface, "C1", payload, slot)


async def test_posts_wait_in_the_order_in_which_they_were_queued(store: Store) -> None:
    await store.append("T", [], posts=[post("a"), post("b", "web")])
    await store.append("U", [], posts=[post("a")])
    await store.append("T", [], posts=[post("c")])
    assert [(p.thread, p.key) for p in await store.pending_posts()] == [
        *(("T", "a"), ("T", "b"), ("U", "a"), ("T", "c")),
    ]
    assert [(p.thread, p.key) for p in await store.pending_posts("slack", limit=2)] == [
        ("T", "a"),
        ("U", "a"),
    ]
    assert await store.pending_posts("discord") == []


async def test_a_known_key_is_not_queued_again_even_when_sent(store: Store) -> None:
    await store.append("T", [], posts=[post("a", payload="1"), post("a", payload="2")])
    [waiting] = await store.pending_posts()
    assert waiting == Post(waiting.id, "T", "a", "slack", "C1", "1", "", "pending", "", 0, "")
    await store.post_sent(waiting.id, "m1")
    await store.append("T", [], posts=[post("a", payload="3")])
    assert await store.pending_posts() == []


async def test_failures_are_counted_until_the_last(store: Store) -> None:
    await store.append("T", [], posts=[post("a"), post("b")])
    first = (await store.pending_posts())[0].id
    await store.post_failed(first, "timeout", final=False)
    await store.post_failed(first, "502", final=False)
    again = (await store.pending_posts())[0]
    assert (again.key, again.state, again.attempts, again.error) == ("a", "pending", 2, "502")
    await store.post_failed(first, "gone", final=True)
    assert [p.key for p in await store.pending_posts()] == ["b"]


async def test_what_is_sent_stays_sent(store: Store) -> None:
    """A late failure report or a second success must not bring up a second copy."""
    await store.append("T", [], posts=[post("a", slot="card")])
    [waiting] = await store.pending_posts()
    await store.post_sent(waiting.id, "m1")
    await store.post_failed(waiting.id, "late", final=False)
    await store.post_sent(waiting.id, "m2")
    assert await store.pending_posts() == []
    assert await store.slot_message("T", "slack", "C1", "card") == "m1"


async def test_a_post_that_was_given_up_may_still_turn_out_delivered(store: Store) -> None:
    await store.append("T", [], posts=[post("a", slot="card")])
    [waiting] = await store.pending_posts()
    await store.post_failed(waiting.id, "timeout", final=True)
    await store.post_sent(waiting.id, "m1")
    assert await store.slot_message("T", "slack", "C1", "card") == "m1"


async def test_a_slot_shows_its_last_delivered_message(store: Store) -> None:
    async def shown(thread: str = "T", surface: str = "slack", slot: str = "card") -> str:
        return await store.slot_message(thread, surface, "C1", slot)

    posts = [
        post("a", slot="card"),
        post("b", slot="card"),
        post("c", slot="card"),
        post("d"),
        post("e", "web", "card"),
    ]
    await store.append("T", [], posts=posts)
    ids = {p.key: p.id for p in await store.pending_posts()}
    assert await shown() == ""
    await store.post_sent(ids["a"], "m1")
    assert await shown() == "m1"
    await store.post_sent(ids["b"], "")
    assert await shown() == "m1", "b was skipped for c, which is not out yet"
    await store.post_sent(ids["c"], "m3")
    await store.post_sent(ids["d"], "m4")
    assert await shown() == "m3", "another slot does not count"
    assert [await shown("U"), await shown(surface="web"), await shown(slot="")] == ["", "", ""]


async def test_an_unknown_post_is_an_error(store: Store) -> None:
    for call in (store.post_sent(7, "m"), store.post_failed(7, "e", final=True)):
        with pytest.raises(CodeButlerError, match="no post 7"):
            await call
