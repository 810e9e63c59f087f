"""Doings that a server's ids do not tell apart, a mention that an edit brings, a post without a look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler import events as ev
from codebutler.store.rows import NewEvent
from codebutler.surfaces.slack.calls import SlackAway
from codebutler.testing.slack.faults import Fault
from codebutler.testing.slack.workspace import BOT_USER
from codebutler.types import Choice, MemoryItem, Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"
OTHER = "COTHER001"


async def root(desk: Any) -> str:
    ts = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    return f"{CHANNEL}:{ts}"


async def said(desk: Any, conversation: str) -> list[str]:
    return [m.text or m.value for m in await desk.heard(conversation)]


@pytest.mark.parametrize("ids", [{"trigger_id": "1.2.3"}, {"trigger_id": None, "response_url": None}])
async def test_commands_whose_trigger_is_always_the_same_all_count(desk: Any, ids: dict[str, Any]) -> None:
    conversation = await root(desk)
    one = desk.human.command("status").payload
    for text in ("status", "cost", "fix the parser", "fix the lexer"):
        desk.slack.sockets.send("slash_commands", {**one, **ids, "text": text})
        await desk.slack.sockets.settle()
    assert {"/status", "/cost"} <= set(await said(desk, conversation))
    await desk.until(lambda: {"fix the parser", "fix the lexer"} <= {i.text for i in desk.received})


async def test_presses_of_two_buttons_that_come_without_their_time_both_count(desk: Any) -> None:
    conversation = await root(desk)
    items = [MemoryItem(file="pm.md", text=f"Lesson {n}") for n in (1, 2)]
    thread = await desk.store.find("slack", conversation)
    proposed = ev.MemoryProposed(items=items)
    await desk.store.append(thread, [NewEvent(proposed.kind, "proposed", ev.dump(proposed))])
    choices = [Choice(action="memory", label=word, value=word) for word in ("keep 1", "remove 2")]
    message = Outbound(text="What to keep?", kind="choices", choices=choices)
    shown = await desk.door.deliver(conversation, message, mark="m", replaces="")
    buttons = [desk.human.button(shown, choice.label) for choice in choices]
    one = desk.human.press_again(shown, {**buttons[0], "value": "no longer ours"}).payload
    for button in buttons:
        desk.slack.sockets.send("interactive", {**one, "trigger_id": "1.2.3", "actions": [button]})
        await desk.slack.sockets.settle()
    assert [m.value for m in await desk.heard(conversation)] == ["", "keep 1", "remove 2"]


async def test_a_mention_that_an_edit_brings_opens_a_thread_once(desk: Any) -> None:
    desk.slack.workspace.channel(OTHER, "general")
    desk.human.channel = OTHER
    ts = desk.human.say("could somebody look at the 2 kg band?")
    await desk.slack.sockets.settle()
    assert desk.received == []
    for text in (f"<@{BOT_USER}> could you look at the 2 kg band?", f"<@{BOT_USER}> or at the 3 kg band?"):
        desk.human.edit(ts, text)
        await desk.slack.sockets.settle()
    first, second = desk.received
    assert (first.text, first.key, first.edits) == ("could you look at the 2 kg band?", f"{OTHER}:{ts}", "")
    assert (second.text, second.edits) == ("or at the 3 kg band?", f"{OTHER}:{ts}")


async def test_a_mention_counts_where_the_server_does_not_say_what_stood_there_before(desk: Any) -> None:
    desk.slack.workspace.channel(OTHER, "general")
    now = {
        "user": "UROBIN001",
        "ts": "1700000000.000001",
        "text": f"<@{BOT_USER}> now",
        "edited": {"ts": "1.2"},
    }
    for message in ({**now, "edited": None}, now, now):
        event = {"type": "message", "subtype": "message_changed", "channel": OTHER, "message": message}
        desk.slack.event(event)
        await desk.slack.sockets.settle()
    assert [i.text for i in desk.received] == ["now"]


async def test_a_reply_under_our_own_hello_is_said_to_us(desk: Any) -> None:
    hello = await desk.link.calls.call(
        "chat.postMessage", channel=CHANNEL, text="Hello! A message opens a thread."
    )
    for text in ("hi, what can you do?", "and what does it cost?"):
        desk.human.say(text, thread=hello["ts"])
        await desk.slack.sockets.settle()
    assert await said(desk, f"{CHANNEL}:{hello['ts']}") == ["hi, what can you do?", "and what does it cost?"]


async def test_words_that_are_changed_under_an_old_mention_call_nobody(desk: Any) -> None:
    desk.slack.workspace.channel(OTHER, "general")
    desk.human.channel, desk.door.hearing.rank = OTHER, 1  # what is said here is not this repo's, yet
    ts = desk.human.say(f"<@{BOT_USER}> what is that?")
    await desk.slack.sockets.settle()
    desk.door.hearing.rank = 0
    desk.human.edit(ts, f"<@{BOT_USER}> what was that?")
    await desk.slack.sockets.settle()
    assert desk.received == []


async def test_a_new_threads_first_message_waits_for_no_look_at_it(desks: Callable[..., Any]) -> None:
    desk = await desks(postSeconds=0.0)
    desk.slack.calls.clear()
    conversation = await root(desk)
    for mark in ("m1", "m2"):
        await desk.door.deliver(conversation, Outbound(text=mark), mark=mark, replaces="")
    assert "conversations.replies" not in [name for name, _ in desk.slack.calls]
    desk.slack.faults.next("chat.postMessage", Fault("done_500"))
    with pytest.raises(SlackAway):
        await desk.door.deliver(conversation, Outbound(text="m3"), mark="m3", replaces="")
    await desk.door.deliver(conversation, Outbound(text="m3"), mark="m3", replaces="")
    assert [m["text"] for m in desk.human.thread(conversation.partition(":")[2])] == ["m1", "m2", "m3"]


async def test_strangers_are_told_once_each_however_their_mentions_come(desks: Callable[..., Any]) -> None:
    desk = await desks(users=["UKIM00001"])
    for kind, number in (
        ("message", 1),
        ("message", 2),
        ("app_mention", 1),
        ("app_mention", 2),
        ("message", 3),
    ):
        said = {"user": "UROBIN001", "ts": f"1700000000.00000{number}", "text": f"<@{BOT_USER}> hi"}
        desk.slack.event({"type": kind, "channel": CHANNEL, **said})
        await desk.slack.sockets.settle()
    await desk.until(lambda: len(desk.slack.workspace.ephemeral) >= 3)
    assert (len(desk.slack.workspace.ephemeral), desk.received) == (3, [])
