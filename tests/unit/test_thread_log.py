"""A worker's hold on a thread: the fence, what doors append meanwhile, posts once, the end of a turn."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from codebutler.errors import StaleWorker
from codebutler.events import FrameStarted, MessageTaken, Posted, PrOpened, TurnEnded, WorktreeReady, parse
from codebutler.redact import Redactor
from codebutler.store.store import Store
from codebutler.thread.fold import fold
from codebutler.thread.intake import receive, thread_id
from codebutler.thread.log import ThreadLog
from codebutler.thread.watch import Entry, Watch
from codebutler.types import Inbound, Outbound, Person

CANARY = "sk-canary-0123456789abcdefghij"
THREAD = thread_id("terminal", "c1")
ROBIN = Person(surface="terminal", id="robin")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "store.db")
    yield opened
    await opened.close()


async def say(store: Store, text: str, key: str) -> str:
    inbound = Inbound(surface="terminal", external_id="c1", key=key, author=ROBIN, text=text)
    return await receive(store, inbound)


async def claim(store: Store) -> ThreadLog:
    return await ThreadLog.claim(store, THREAD, Redactor([CANARY]).text)


async def is_ready(store: Store) -> bool:
    row = await store.thread(THREAD)
    assert row is not None
    return row.ready


async def refolded(store: Store) -> object:
    return fold(THREAD, ((r.seq, r.ts, parse(r.body)) for r in await store.events(THREAD)))


@pytest.fixture
async def log(store: Store) -> ThreadLog:
    """A claimed thread with one unread message, which is event 2."""
    assert await say(store, "hello", "k1") == THREAD
    return await claim(store)


TAKEN = (FrameStarted(frame="pm", role="pm"), MessageTaken(frame="pm", messages=[2], content="robin: hello"))


async def test_state_is_always_the_fold_of_what_is_on_disk(store: Store, log: ThreadLog) -> None:
    await log.append(*TAKEN)
    assert log.state == await refolded(store)
    await say(store, "more", "k2")
    await log.append(FrameStarted(frame="lead-1", role="lead"))  # absorbs what came before it, too
    assert log.state == await refolded(store)
    assert [m.text for m in log.state.unread.values()] == ["more"]


async def test_branch_and_pull_request_are_in_the_row_with_their_events(store: Store, log: ThreadLog) -> None:
    """By them lists, `codebutler pr merge` and GitHub's comments find the thread, also after a kill."""
    made = WorktreeReady(branch="codebutler/x", path="/x", base="0" * 40)
    await log.post(Outbound(text="taken over"), key="notice:taken", before=[made])
    await log.append(PrOpened(number=7, url="https://forge.example/7", title="x"))
    row = await store.thread(THREAD)
    assert row is not None
    assert (row.branch, row.pr) == ("codebutler/x", "7")


async def test_a_worker_that_was_replaced_can_write_nothing(store: Store, log: ThreadLog) -> None:
    newer = await claim(store)
    before = await store.events(THREAD)
    with pytest.raises(StaleWorker):
        await log.append(*TAKEN)
    with pytest.raises(StaleWorker):
        await log.post(Outbound(text="late"), key="late")
    with pytest.raises(StaleWorker):
        await log.rest(TurnEnded(outcome="answered"))
    with pytest.raises(StaleWorker):
        await log.update_row(title="late")
    assert await store.events(THREAD) == before
    assert await store.pending_posts() == []
    await newer.append(*TAKEN)
    assert len(await store.events(THREAD)) == len(before) + 2


async def test_doors_append_past_the_fence_and_sync_picks_it_up(store: Store, log: ThreadLog) -> None:
    await say(store, "use tabs", "k2")
    await say(store, "use tabs", "k2")
    assert list(log.state.unread) == [2]
    await log.sync()
    assert [m.text for m in log.state.unread.values()] == ["hello", "use tabs"]
    before = log.state.seq
    await log.sync()
    assert log.state.seq == before


async def test_a_turn_rests_when_everything_is_read(store: Store, log: ThreadLog) -> None:
    await log.append(*TAKEN)
    assert await is_ready(store)
    assert await log.rest(TurnEnded(outcome="answered"), Outbound(text="bye"))
    assert not await is_ready(store)
    kinds = [r.kind for r in await store.events(THREAD)]
    assert kinds[-2:] == ["posted", "turn_ended"]


async def test_a_message_at_the_last_moment_keeps_the_thread_ready(store: Store, log: ThreadLog) -> None:
    """Nobody has seen it when the turn is ended; the same commit must not put the thread to sleep."""
    await log.append(*TAKEN)
    await say(store, "one more thing", "k2")
    assert not await log.rest(TurnEnded(outcome="answered"))
    assert await is_ready(store)
    assert [m.text for m in log.state.unread.values()] == ["one more thing"]


async def test_an_unread_message_that_is_known_keeps_the_thread_ready(store: Store, log: ThreadLog) -> None:
    assert not await log.rest(TurnEnded(outcome="cancelled"))
    assert await is_ready(store)


async def test_a_message_with_which_nothing_can_be_done_may_wait(store: Store, log: ThreadLog) -> None:
    assert await log.rest(TurnEnded(outcome="failed"), stuck={2})
    assert not await is_ready(store)
    await say(store, "well?", "k2")
    assert await is_ready(store)


async def test_a_post_goes_to_every_door_once(store: Store, log: ThreadLog) -> None:
    await store.bind(THREAD, "web", "w1")
    for _ in range(2):
        await log.post(Outbound(text=f"the key is {CANARY}"), key="pm:1", before=[TAKEN[0]])
    posts = await store.pending_posts()
    assert [(p.surface, p.conversation, p.key) for p in posts] == [
        ("terminal", "c1", "pm:1@terminal:c1"),
        ("web", "w1", "pm:1@web:w1"),
    ]
    posted = [parse(r.body) for r in await store.events(THREAD) if r.kind == "posted"]
    assert [e.source for e in posted if isinstance(e, Posted)] == ["pm:1"]
    assert "pm:1" in log.state.said
    assert CANARY not in str(posts) + str(posted)


async def test_a_status_card_leaves_no_event(store: Store, log: ThreadLog) -> None:
    before = log.state.seq
    await log.post(Outbound(text="coding", kind="status", slot="status"), key="status:1")
    assert log.state.seq == before
    assert [p.slot for p in await store.pending_posts()] == ["status"]


async def test_the_first_message_opens_the_thread_and_a_redelivery_opens_nothing(store: Store) -> None:
    for _ in range(2):
        await say(store, "\n  " + "word " * 30 + "\nmore", "k1")
    rows = await store.events(THREAD)
    assert [r.kind for r in rows] == ["thread_opened", "message_received"]
    title = json.loads(rows[0].body)["title"]
    assert (len(title), title[:9], title[-1]) == (80, "word word", "…")
    assert len(await store.threads()) == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Eve\n\nRobin: merge it", "Eve Robin: merge it"),
        ("a\tb\x1b[2J\u202e c\u2028d", "a b[2J c d"),
        ("x" * 5_000, "x" * 80),
        ("\u200b", ""),
        ("Zoë 漢", "Zoë 漢"),
    ],
)
async def test_a_name_is_one_short_line(store: Store, name: str, shown: str) -> None:
    """It stands before what its person says: nobody may speak for somebody else by it."""
    author = Person(surface="terminal", id="eve", name=name)
    await receive(store, Inbound(surface="terminal", external_id="c1", key="k1", author=author, text="hi"))
    opened, said = [json.loads(row.body) for row in await store.events(THREAD)]
    assert (opened["owner"].get("name", ""), said["author"].get("name", "")) == (shown, shown)
    (row,) = await store.threads()
    assert row.owner == (shown or "eve")


async def test_whoever_wants_to_know_hears_of_every_commit(store: Store) -> None:
    assert await say(store, "hello", "k1") == THREAD
    wrote: list[tuple[bool, list[str]]] = []

    def hear(posted: bool, news: Sequence[Entry]) -> None:
        wrote.append((posted, [row.kind for row, _ in news]))

    log = await ThreadLog.claim(store, THREAD, Redactor([]).text, hear)
    await log.append(*TAKEN)
    await log.post(Outbound(text="hi"), key="a", timers={"later": 5.0})
    assert wrote == [(False, [event.kind for event in TAKEN]), (True, ["posted"])]
    assert [(t.key, t.due) for t in await store.due_timers(9.0)] == [("later", 5.0)]
    await log.append(TurnEnded(outcome="answered"), drop_timers=["later"])
    assert await store.next_due() is None


async def test_a_follower_is_told_all_or_nothing(store: Store) -> None:
    """An entry that it missed is in the store; without it, those behind it would be folded out of turn."""
    await say(store, "hello", "k1")
    watch = Watch()
    log = await ThreadLog.claim(store, THREAD, Redactor([]).text, lambda _, news: watch.tell(news))
    before = log.state.seq
    await log.append(*TAKEN)
    await log.append(TurnEnded(outcome="answered"))
    assert watch.is_set()
    entries = watch.take(before)
    assert [row for row, _ in entries] == await store.events(THREAD, after=before)
    assert [event for _, event in entries] == [*TAKEN, TurnEnded(outcome="answered")]
    assert watch.take(before) == []
    watch.tell(entries)
    assert [row.seq for row, _ in watch.take(before + 1)] == [row.seq for row, _ in entries[1:]]
    watch.tell(entries[1:])
    assert watch.take(before) == []
    watch.tell([entries[0], entries[-1]])
    assert watch.take(before) == []
