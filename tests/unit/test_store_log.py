"""Threads, events, doors, timers and blobs of the store, on real files."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.errors import CodeButlerError, StaleWorker
from codebutler.store import blobs
from codebutler.store.rows import NewEvent, NewPost, Timer
from codebutler.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with the thread T."""
    store = await Store.open(tmp_path / "store.db")
    await store.open_thread("T", title="a title", owner="ana", bindings=[("slack", "C1:1")], events=[])
    yield store
    await store.close()


def event(key: str, body: str = "{}") -> NewEvent:
    """An event whose kind does not matter."""
    return NewEvent("kind", key, body)


# ------------------------------------------------------------------------------- append


async def test_append_returns_what_events_then_reads(store: Store) -> None:
    before = time.time()
    first = await store.append("T", [NewEvent("a", "k1", '{"x": 1}'), NewEvent("b", "k2", "ü\0")])
    second = await store.append("T", [event("k3")])
    assert [(e.thread, e.seq, e.kind, e.key, e.body) for e in first] == [
        ("T", 1, "a", "k1", '{"x": 1}'),
        ("T", 2, "b", "k2", "ü\0"),
    ]
    assert before <= first[0].ts <= time.time()
    assert await store.events("T") == first + second
    assert await store.events("T", after=2) == second
    assert await store.events("T", after=3) == []
    assert await store.events("elsewhere") == []


async def test_a_known_key_is_answered_with_the_stored_event(store: Store) -> None:
    """In the place where it was given, and without a gap in seq."""
    [old] = await store.append("T", [event("old", '"first"')])
    stored = await store.append("T", [event("n1"), event("old", '"second"'), event("n2"), event("n1", "9")])
    assert [e.seq for e in stored] == [2, 1, 3, 2]
    assert stored[1] == old
    assert [e.key for e in await store.events("T")] == ["old", "n1", "n2"]


async def test_keys_are_unique_per_thread_only(store: Store) -> None:
    await store.open_thread("U", title="", owner="", bindings=[], events=[event("k")])
    assert [e.seq for e in await store.append("T", [event("k")])] == [1]


async def test_unknown_threads_are_refused_without_a_trace(store: Store) -> None:
    for call in (
        store.append("X", [event("k")]),
        store.claim("X"),
        store.bind("X", "slack", "C9"),
        store.set_ready("X", True),
    ):
        with pytest.raises(CodeButlerError, match="no thread X"):
            await call
    assert await store.events("X") == []
    assert await store.find("slack", "C9") is None


async def test_a_refused_append_writes_nothing_of_its_parts(store: Store) -> None:
    epoch = await store.claim("T")
    before = await store.thread("T")
    with pytest.raises(StaleWorker, match="epoch 1, this worker holds 0"):
        await store.append(
            "T",
            [event("k", "x" * 100_000)],
            epoch=epoch - 1,
            posts=[NewPost("p", "slack", "C1:1", "{}")],
            timers=[Timer("T", "t", 1.0)],
            row={"title": "changed"},
            ready=False,
        )
    assert await store.events("T") == []
    assert await store.pending_posts() == []
    assert await store.next_due() is None
    assert await store.thread("T") == before


async def test_a_newer_claim_fences_the_older_worker_but_not_the_doors(store: Store) -> None:
    old = await store.claim("T")
    new = await store.claim("T")
    assert (old, new) == (1, 2)
    with pytest.raises(StaleWorker):
        await store.append("T", [event("k1")], epoch=old)
    with pytest.raises(StaleWorker):
        await store.set_ready("T", False, epoch=old)
    await store.append("T", [event("k2")], epoch=new)
    await store.append("T", [event("k3")])
    assert [e.key for e in await store.events("T")] == ["k2", "k3"]


async def test_seen_keeps_the_turn_of_a_message_that_came_in_meanwhile(store: Store) -> None:
    epoch = await store.claim("T")
    [mine] = await store.append("T", [event("mine")], epoch=epoch)
    await store.append("T", [event("from a door")], ready=True)
    await store.append("T", [event("end")], epoch=epoch, ready=False, seen=mine.seq)
    assert await store.ready_threads() == ["T"]
    assert await store.set_ready("T", False, epoch, seen=mine.seq) is False
    assert await store.ready_threads() == ["T"]
    assert await store.set_ready("T", False, epoch, seen=3) is True
    assert await store.ready_threads() == []
    await store.set_ready("T", True, seen=0)
    assert await store.ready_threads() == ["T"], "setting the flag needs no condition"


# ------------------------------------------------------------------------------ threads


async def test_open_thread_writes_all_or_nothing(store: Store) -> None:
    async def again(id_: str, *bindings: tuple[str, str]) -> bool:
        return await store.open_thread(
            id_, title="t", owner="o", bindings=bindings, events=[event("k")], row={"phase": "pm"}
        )

    assert await again("T", ("slack", "C2")) is False
    assert await again("U", ("github", "o/r#1"), ("slack", "C1:1")) is False
    assert await store.thread("U") is None
    assert await store.find("github", "o/r#1") is None
    assert await store.events("T") == await store.events("U") == []
    assert await again("U", ("github", "o/r#1"), ("web", "w")) is True
    row = await store.thread("U")
    assert row is not None
    assert (row.title, row.phase, row.owner, row.ready, row.epoch, row.data) == (
        "t",
        "pm",
        "o",
        True,
        0,
        "{}",
    )
    assert await store.bindings("U") == [("github", "o/r#1"), ("web", "w")]
    assert [e.seq for e in await store.events("U")] == [1]


async def test_fifty_openings_of_one_conversation_make_one_thread(store: Store) -> None:
    opened = await asyncio.gather(
        *(
            store.open_thread(f"N{i}", title="", owner="", bindings=[("slack", "new")], events=[event("k")])
            for i in range(50)
        )
    )
    assert opened.count(True) == 1
    assert await store.find("slack", "new") == f"N{opened.index(True)}"
    assert len(await store.threads()) == 2


async def test_the_read_model_keeps_what_is_not_given(store: Store) -> None:
    await store.append("T", [], row={"phase": "coder", "branch": "codebutler/x", "pr": 12})
    await store.append("T", [], row={"status": "open", "data": '{"a": 1}'}, ready=False)
    row = await store.thread("T")
    assert row is not None
    assert (row.title, row.phase, row.status, row.branch, row.pr) == (
        "a title",
        "coder",
        "open",
        "codebutler/x",
        "12",
    )
    assert (row.data, row.ready) == ('{"a": 1}', False)
    with pytest.raises(ValueError, match="no column 'colour'"):
        await store.append("T", [], row={"colour": "red"})


async def test_a_redelivery_does_not_count_as_a_change(store: Store) -> None:
    await store.append("T", [event("k")])
    before = await store.thread("T")
    await store.append("T", [event("k")], ready=True)
    assert await store.thread("T") == before


async def test_lists_of_threads(store: Store) -> None:
    for id_, status in (("U", "open"), ("V", "closed"), ("W", "open")):
        await store.open_thread(
            id_, title="", owner="", bindings=[], events=[], row={"status": status}, ready=False
        )
    await store.append("U", [event("k")], ready=True)
    assert [t.id for t in await store.threads()] == ["U", "W", "V", "T"]
    assert [t.id for t in await store.threads("open")] == ["U", "W"]
    assert [t.id for t in await store.threads(limit=1)] == ["U"]
    assert await store.ready_threads() == ["T", "U"], "whoever has waited longest comes first"
    assert await store.thread("nobody") is None


async def test_a_conversation_belongs_to_one_thread(store: Store) -> None:
    await store.open_thread("U", title="", owner="", bindings=[], events=[])
    await store.bind("T", "github", "o/r#1")
    await store.bind("T", "github", "o/r#1")
    with pytest.raises(CodeButlerError, match="already belongs to thread T"):
        await store.bind("U", "github", "o/r#1")
    assert await store.bindings("T") == [("slack", "C1:1"), ("github", "o/r#1")]
    assert await store.find("github", "o/r#1") == "T"


# -------------------------------------------------------------------------------- timers


async def test_timers_are_set_moved_and_dropped_with_the_events(store: Store) -> None:
    await store.append("T", [], timers=[Timer("T", "remind", 30.0), Timer("T", "give up", 20.0)])
    assert await store.next_due() == 20.0
    assert await store.due_timers(19.9) == []
    assert await store.due_timers(30.0) == [Timer("T", "give up", 20.0), Timer("T", "remind", 30.0)]
    await store.append(
        "T", [event("fired")], drop_timers=["remind", "unknown"], timers=[Timer("T", "remind", 50.0)]
    )
    assert await store.due_timers(100.0) == [Timer("T", "give up", 20.0), Timer("T", "remind", 50.0)]
    await store.append("T", [], drop_timers=["remind", "give up"])
    assert await store.next_due() is None
    with pytest.raises(ValueError, match="another thread"):
        await store.append("T", [], timers=[Timer("U", "x", 1.0)])


# --------------------------------------------------------------------------------- blobs


async def test_blobs_are_kept_once_by_their_hash(store: Store) -> None:
    digest = await store.put_blob(b"\x00\xff" * 10)
    assert digest == await store.put_blob(b"\x00\xff" * 10)
    assert await store.get_blob(digest) == b"\x00\xff" * 10
    assert await store.get_blob("0" * 64) is None
    assert await store.get_blob(await store.put_blob(b"")) == b""


@pytest.mark.parametrize(
    "body", ["x" * blobs.INLINE, "x" * (blobs.INLINE + 1), "ü" * blobs.INLINE, "🙂" * 300_000]
)
async def test_long_bodies_and_payloads_come_back_whole(store: Store, tmp_path: Path, body: str) -> None:
    """The rows themselves stay small, whatever a tool has printed."""
    posts = [NewPost("p", "slack", "C1:1", body)]
    [stored] = await store.append("T", [event("k", body)], posts=posts)
    assert stored.body == body
    assert await store.events("T") == [stored] == await store.append("T", [event("k", "other")])
    assert [p.payload for p in await store.pending_posts()] == [body]
    with sqlite3.connect(tmp_path / "store.db") as raw:
        [(size,)] = raw.execute("SELECT coalesce(length(CAST(body AS BLOB)), 0) FROM event").fetchall()
        [(kept,)] = raw.execute("SELECT count(*) FROM blob").fetchall()
    raw.close()
    assert (size <= blobs.INLINE, kept) == (True, int(len(body.encode()) > blobs.INLINE))


async def test_a_lost_blob_is_an_error_and_no_empty_body(store: Store, tmp_path: Path) -> None:
    await store.append("T", [event("k", "x" * 100_000)])
    with sqlite3.connect(tmp_path / "store.db") as raw:
        raw.execute("DELETE FROM blob")
    raw.close()
    with pytest.raises(CodeButlerError, match="lost a long text"):
        await store.events("T")


async def test_a_thread_is_read_whole_as_it_was_at_one_moment(store: Store) -> None:
    async def write() -> None:
        for number in range(40):
            post = NewPost(f"p{number}", "terminal", "C1", "{}")
            await store.append("T", [event(f"k{number}")], posts=[post], row={"title": f"{number + 1}"})

    writing = asyncio.create_task(write())
    await store.append("T", [], row={"title": "0"})
    seen = []
    while not writing.done():
        found = await store.whole("T", "thread:T")
        assert found.row is not None
        assert len(found.events) == len(found.posts) == int(found.row.title)
        seen.append(len(found.events))
    await writing
    assert len(set(seen)) > 1
    assert (await store.whole("elsewhere", "thread:elsewhere")).row is None


async def test_a_workflow_of_an_older_log_has_the_name_without_the_room_beside_a_comment(
    store: Store,
) -> None:
    for thread, name in (("T", "feature   "), ("U", "feature")):
        if thread == "U":
            await store.open_thread("U", title="u", owner="ana", bindings=[("slack", "C1:2")], events=[])
        await store.append(thread, [NewEvent("workflow_chosen", f"w{thread}", f'{{"name": "{name}"}}')])
    assert {past.workflow for past in await store.pasts()} == {"feature"}
