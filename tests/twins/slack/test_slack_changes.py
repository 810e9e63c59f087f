"""What people took back or put right, told in Slack's barest form or not at all; signs that a crash ate."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from codebutler import events as ev
from codebutler.store.rows import NewEvent
from codebutler.surfaces.slack.changes import missed_changes
from codebutler.testing.slack.faults import Fault
from codebutler.thread.fold import fold
from codebutler.thread.log import ThreadLog
from codebutler.types import Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"


async def talk(desk: Any) -> tuple[str, str]:
    """A thread with two messages that nobody has read: (root, reply)."""
    root = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    reply = desk.human.say("and 3 kg", thread=root)
    await desk.slack.sockets.settle()
    return root, reply


def deaf(desk: Any) -> None:
    """From now on nothing arrives."""
    desk.slack.sockets.retries = ()
    desk.slack.sockets.ack_seconds = 0.02
    desk.slack.faults.next_envelope(*["drop"] * 9)


async def unread(desk: Any, root: str) -> list[str]:
    thread = await desk.store.find("slack", f"{CHANNEL}:{root}")
    rows = await desk.store.events(thread)
    state = fold(thread, ((r.seq, r.ts, ev.parse(r.body)) for r in rows))
    assert not state.late
    return [m.text for m in state.unread.values()]


async def test_changes_during_an_outage_count_for_what_was_not_read(desk: Any) -> None:
    root, reply = await talk(desk)
    gone = desk.human.say("never mind", thread=root)
    await desk.slack.sockets.settle()
    deaf(desk)
    desk.human.edit(reply, "and 30 kg")
    desk.human.delete(gone)
    await desk.slack.sockets.settle()
    for _ in range(2):
        await missed_changes(desk.link, desk.door.hearing)
    assert await unread(desk, root) == ["2 kg costs too much", "and 30 kg"]
    assert len(desk.received) == 5


@pytest.mark.parametrize("replied", [False, True])
async def test_a_first_message_that_is_gone_is_taken_back(desk: Any, replied: bool) -> None:
    root = desk.human.say("2 kg costs too much")
    if replied:
        desk.human.say("and 3 kg", thread=root)
    await desk.slack.sockets.settle()
    deaf(desk)
    desk.human.delete(root)
    await desk.slack.sockets.settle()
    await missed_changes(desk.link, desk.door.hearing)
    assert await unread(desk, root) == (["and 3 kg"] if replied else [])


async def test_a_change_that_was_heard_is_not_heard_again(desk: Any) -> None:
    root, reply = await talk(desk)
    desk.human.edit(reply, "and 30 kg")
    desk.human.delete(root)
    await desk.slack.sockets.settle()
    await missed_changes(desk.link, desk.door.hearing)
    assert len(desk.received) == 4
    assert await unread(desk, root) == ["and 30 kg"]


async def test_slacks_barest_forms_of_a_change_are_understood(desks: Callable[..., Any]) -> None:
    """Without the message as it was, its thread, its author, or the kind of channel."""
    desk = await desks(users=["UROBIN001"])
    root, reply = await talk(desk)
    base = {"type": "message", "channel": CHANNEL, "hidden": True}
    edited = {"type": "message", "user": "UROBIN001", "text": "2 kg is right", "ts": root}
    desk.slack.event({**base, "subtype": "message_changed", "ts": "1.2", "message": edited})
    desk.slack.event({**base, "subtype": "message_deleted", "ts": "1.3", "deleted_ts": reply})
    desk.slack.event({**base, "subtype": "message_deleted", "ts": "1.4", "deleted_ts": "1.1"})
    await desk.slack.sockets.settle()
    assert await unread(desk, root) == ["2 kg is right"]


async def test_signs_that_a_crash_ate_are_set_by_the_next_process(desks: Callable[..., Any]) -> None:
    desk = await desks()
    await desk.door.signs.mend()
    root, reply = await talk(desk)
    channel = desk.slack.workspace.channels[CHANNEL]
    await desk.until(lambda: channel.by_ts[reply].get("reactions"))
    for ts in (root, reply):
        channel.by_ts[ts].pop("reactions", None)
    other = await desks()
    await other.door.signs.mend()
    assert [names(channel, ts) for ts in (root, reply)] == [["eyes"], ["eyes"]]
    thread = await desk.store.find("slack", f"{CHANNEL}:{root}")
    ended = ev.TurnEnded(outcome="answered", text="")
    await desk.store.append(
        thread, [NewEvent(ended.kind, uuid4().hex, ev.dump(ended))], row={"status": "answered"}
    )
    for _ in range(2):
        await other.door.signs.mend()
    both = ["eyes", "white_check_mark"]
    assert [names(channel, ts) for ts in (root, reply)] == [both, both]
    more = desk.human.say("thanks", thread=root)
    await desk.slack.sockets.settle()
    desk.slack.calls.clear()
    await desk.door.signs.tick(thread)
    ticked = [args["timestamp"] for name, args in desk.slack.calls if args.get("name") == "white_check_mark"]
    assert ticked == [more]


def names(channel: Any, ts: str) -> list[str]:
    return [r["name"] for r in channel.by_ts[ts].get("reactions", [])]


async def test_a_tick_comes_after_the_words_that_it_is_of(desk: Any) -> None:
    """Slack's limits may hold words back; by then the thread is at rest, and may have been for long."""
    root = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    thread = await desk.store.find("slack", f"{CHANNEL}:{root}")
    log, message = await ThreadLog.claim(desk.store, thread, str), desk.slack.workspace.channels[CHANNEL]
    ended = ev.TurnEnded(outcome="answered", text="")
    await desk.store.append(
        thread, [NewEvent(ended.kind, uuid4().hex, ev.dump(ended))], row={"status": "answered"}
    )
    for text in ("Look at the tariff.", "That is all."):
        await log.post(Outbound(text=text), key=text)
    desk.slack.faults.always("chat.postMessage", Fault("429", 1))
    held = asyncio.create_task(desk.delivery.flush(force=True))
    await desk.door.signs.tick(thread)
    await desk.door.signs.mend()
    assert names(message, root) == ["eyes"]
    desk.slack.faults.always("chat.postMessage", None)
    await held
    await desk.until(lambda: names(message, root) == ["eyes", "white_check_mark"])
    told = [name for name, args in desk.slack.calls if "white_check_mark" in args.values()]
    assert told == ["reactions.add"]
    assert len(desk.human.thread(root)) == 2


async def test_a_tick_comes_though_the_last_words_were_noted_late(desk: Any) -> None:
    """Slack had them, and the store did not know it yet, when the thread came to rest."""
    root = desk.human.say("How many bands?")
    await desk.slack.sockets.settle()
    thread = await desk.store.find("slack", f"{CHANNEL}:{root}")
    await desk.store.append(thread, [], row={"status": "answered"})
    log = await ThreadLog.claim(desk.store, thread, str)
    await log.post(Outbound(text="Six."), key="p")
    await desk.door.signs.said(f"{CHANNEL}:{root}")
    await desk.door.signs.tick(thread)
    message = desk.slack.workspace.channels[CHANNEL]
    assert "white_check_mark" not in names(message, root)
    [post] = await desk.store.pending_posts("slack")
    await desk.store.post_sent(post.id, "1.1")
    await desk.until(lambda: "white_check_mark" in names(message, root))
