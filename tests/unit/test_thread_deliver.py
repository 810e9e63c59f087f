"""The outbox's way out: order, status cards that were overtaken, doors that fail or hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.events import ThreadOpened, dump
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store
from codebutler.testing.doubles import Door
from codebutler.thread import deliver
from codebutler.thread.deliver import Delivery
from codebutler.thread.log import ThreadLog
from codebutler.types import Outbound, Person


class Outbox:
    """A store with two threads, each in a conversation of its own, and a door for both."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.door = Door()
        self.delivery = Delivery(store, [self.door])
        self.logs: dict[str, ThreadLog] = {}

    async def open(self, conversation: str, surface: str = "terminal") -> None:
        opened = ThreadOpened(title="t", owner=Person(surface=surface, id="robin"))
        await self.store.open_thread(
            f"t-{conversation}", title="t", owner="robin", bindings=[(surface, conversation)],
            events=[NewEvent(opened.kind, "opened", dump(opened))],
        )  # fmt: skip
        self.logs[conversation] = await ThreadLog.claim(self.store, f"t-{conversation}", str)

    async def post(self, conversation: str, text: str, *, slot: str = "") -> None:
        await self.logs[conversation].post(Outbound(text=text, slot=slot), key=text)

    def shown(self, conversation: str) -> list[str]:
        return [s.message.text for s in self.door.shown if s.conversation == conversation]

    async def waiting(self) -> int:
        return len(await self.store.pending_posts())


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    store = await Store.open(tmp_path / "store.db")
    box = Outbox(store)
    for conversation in ("a", "b"):
        await box.open(conversation)
    yield box
    await store.close()


async def test_messages_go_out_in_order_and_once(outbox: Outbox) -> None:
    for number in range(5):
        await outbox.post("a", f"a{number}")
        await outbox.post("b", f"b{number}")
    await outbox.delivery.flush()
    await outbox.delivery.flush()
    assert outbox.shown("a") == [f"a{n}" for n in range(5)]
    assert outbox.shown("b") == [f"b{n}" for n in range(5)]
    assert await outbox.waiting() == 0
    marks = [s.mark for s in outbox.door.shown]
    assert len(set(marks)) == 10


async def test_only_the_last_of_waiting_status_cards_is_shown(outbox: Outbox) -> None:
    await outbox.post("a", "planning", slot="status")
    await outbox.delivery.flush()
    for text in ("coding", "testing"):
        await outbox.post("a", text, slot="status")
    await outbox.post("b", "other thread", slot="status")
    await outbox.delivery.flush()
    assert outbox.shown("a") == ["planning", "testing"]
    assert outbox.shown("b") == ["other thread"]
    card = {s.message.text: s.replaces for s in outbox.door.shown}
    assert (card["planning"], card["testing"], card["other thread"]) == ("", "1", "")
    visible = next(str(n) for n, s in enumerate(outbox.door.shown, 1) if s.message.text == "testing")
    await outbox.post("a", "done", slot="status")
    await outbox.delivery.flush()
    assert outbox.door.shown[-1].replaces == visible  # the card that is visible, not the one that was skipped


async def test_a_conversation_that_fails_keeps_its_order_and_holds_up_no_other(outbox: Outbox) -> None:
    outbox.door.broken = {"a"}
    for text in ("a1", "a2"):
        await outbox.post("a", text)
    await outbox.post("b", "b1")
    await outbox.delivery.flush()
    assert outbox.shown("b") == ["b1"]
    assert [s.message.text for s in outbox.door.tried] == ["a1", "b1"]  # a2 must not overtake a1
    outbox.door.broken = set()
    await outbox.delivery.flush(force=True)
    assert outbox.shown("a") == ["a1", "a2"]
    assert {s.mark for s in outbox.door.tried if s.message.text == "a1"} == {"t-a:a1@terminal:a"}


async def test_a_failure_is_retried_later_and_not_at_every_wake(outbox: Outbox) -> None:
    outbox.door.broken = {"a"}
    await outbox.post("a", "a1")
    for _ in range(60):
        await outbox.delivery.flush()
    assert len(outbox.door.tried) == 1
    posts = await outbox.store.pending_posts()
    assert [(p.state, p.attempts, p.error) for p in posts] == [("pending", 1, "the platform is away")]


def test_the_pause_between_attempts_grows_to_minutes_and_lasts_for_hours() -> None:
    pauses = [deliver.pause(attempts) for attempts in range(1, deliver.GIVE_UP)]
    assert pauses[:3] == [2, 4, 8]
    assert max(pauses) == 300
    assert sum(pauses) > 3 * 3600


async def test_a_post_that_is_given_up_lets_the_next_ones_through(outbox: Outbox) -> None:
    outbox.door.broken = {"a"}
    await outbox.post("a", "never")
    for _ in range(deliver.GIVE_UP):
        await outbox.delivery.flush(force=True)
    assert await outbox.waiting() == 0
    outbox.door.broken = set()
    await outbox.post("a", "next")
    await outbox.delivery.flush(force=True)
    assert outbox.shown("a") == ["next"]


async def test_a_door_that_hangs_does_not_hold_up_other_doors(outbox: Outbox) -> None:
    await outbox.open("w", "web")
    web = Door("web")
    delivery = Delivery(outbox.store, [outbox.door, web])
    outbox.door.stuck = {"a"}
    await outbox.post("a", "a1")
    await outbox.post("w", "w1")
    flushing = asyncio.create_task(delivery.flush())
    async with asyncio.timeout(5):
        while await outbox.waiting() > 1:  # noqa: ASYNC110 - rows that go from a store have no event
            await asyncio.sleep(0.01)
    assert web.shown
    flushing.cancel()
    await asyncio.gather(flushing, return_exceptions=True)
    assert await outbox.waiting() == 1


async def test_a_running_delivery_is_woken(outbox: Outbox) -> None:
    running = asyncio.create_task(outbox.delivery.run())
    await asyncio.sleep(0.2)  # it has found nothing and waits
    await outbox.post("a", "a1")
    started = asyncio.get_running_loop().time()
    outbox.delivery.wake()
    async with asyncio.timeout(5):
        while not outbox.door.shown:  # noqa: ASYNC110 - the door has no event to wait for
            await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - started < deliver.RETRY / 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_without_a_door_it_runs_until_it_is_cancelled(outbox: Outbox) -> None:
    """The daemon lives as long as this does."""
    running = asyncio.create_task(Delivery(outbox.store, []).run())
    done, _ = await asyncio.wait({running}, timeout=0.2)
    assert not done
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
