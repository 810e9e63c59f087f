"""What people do in Slack, and what of it becomes a thread: once, whatever the socket does."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.surfaces.turned import forget, prefix
from codebutler.testing.slack.faults import Fault
from codebutler.testing.slack.human import Human
from codebutler.testing.slack.workspace import BOT_ID, BOT_USER
from codebutler.thread.aside import is_aside

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"


async def test_a_message_in_the_channel_opens_a_thread_and_gets_eyes(desk: Any) -> None:
    ts = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    [message] = await desk.heard(f"{CHANNEL}:{ts}")
    assert (message.text, message.author.name, message.key) == (
        "2 kg costs too much",
        "robin",
        f"{CHANNEL}:{ts}",
    )
    channel = desk.slack.workspace.channels[CHANNEL]
    await desk.until(lambda: channel.by_ts[ts].get("reactions"))
    assert channel.by_ts[ts]["reactions"] == [{"name": "eyes", "users": [BOT_USER]}]


async def test_replies_go_to_their_thread(desk: Any) -> None:
    ts = desk.human.say("first")
    await desk.slack.sockets.settle()
    desk.human.say("second", thread=ts)
    desk.human.say("of nobody's thread", thread=desk.human.say("<@UELSE0001> lunch?"))
    await desk.slack.sockets.settle()
    assert [m.text for m in await desk.heard(f"{CHANNEL}:{ts}")] == ["first", "second"]


async def test_a_reply_may_come_before_what_it_replies_to(desk: Any) -> None:
    desk.slack.sockets.retries = ()
    desk.slack.sockets.ack_seconds = 0.02
    desk.slack.faults.next_envelope("drop")
    ts = desk.human.say("first")
    desk.human.say("second", thread=ts)
    await desk.until(lambda: len(desk.received) == 2)
    await desk.until(lambda: desk.slack.workspace.channels[CHANNEL].messages[1].get("reactions"))
    assert [m.text for m in await desk.heard(f"{CHANNEL}:{ts}")] == ["first", "second"]


async def test_a_reply_in_a_thread_of_others_is_theirs(desk: Any) -> None:
    workspace = desk.slack.workspace
    root = workspace.post(workspace.channels[CHANNEL], {"bot_id": "BOTHER001", "text": "deployed"})["ts"]
    for n in range(2):
        desk.human.say(f"nice {n}", thread=root)
        await desk.slack.sockets.settle()
    assert desk.received == []
    assert [name for name, _ in desk.slack.calls].count("conversations.replies") == 1


async def test_a_mention_that_comes_as_two_events_is_one_message(desk: Any) -> None:
    desk.slack.workspace.channel("COTHER001", "general")
    ts = desk.human.say(
        f"<@{BOT_USER}> why &lt;2 kg&gt; &amp; not 3? <https://a.example/x|see>", channel="COTHER001"
    )
    await desk.slack.sockets.settle()
    assert [d.kind for d in desk.slack.sockets.delivered] == ["events_api", "events_api"]
    [message] = await desk.heard(f"COTHER001:{ts}")
    assert message.text == "why <2 kg> & not 3? see (https://a.example/x)"


async def test_a_direct_message_is_a_thread_of_its_own(desk: Any) -> None:
    channel, ts = desk.human.direct("what does the tariff do?")
    await desk.slack.sockets.settle()
    assert [m.text for m in await desk.heard(f"{channel}:{ts}")] == ["what does the tariff do?"]


async def test_others_are_told_no_title_of_what_was_said_elsewhere(desk: Any) -> None:
    there = [f"{CHANNEL}:{desk.human.say('2 kg costs too much')}"]
    await desk.slack.sockets.settle()
    there.append(":".join(desk.human.direct("a secret plan")))
    await desk.slack.sockets.settle()
    threads = [await desk.store.find("slack", each) for each in there]
    assert [await is_aside(desk.store, each) for each in threads] == [False, True]


async def test_what_is_not_for_us_is_left_alone(desk: Any) -> None:
    workspace = desk.slack.workspace
    workspace.channel("COTHER001", "general")
    desk.human.say("nothing to do with it", channel="COTHER001")
    shop = workspace.channels[CHANNEL]
    workspace.post(shop, {"user": BOT_USER, "bot_id": BOT_ID, "text": "our own"})
    workspace.post(shop, {"bot_id": "BOTHER001", "text": "deployed"}, event={"subtype": "bot_message"})
    workspace.post(shop, {"user": "UROBIN001", "text": "joined"}, event={"subtype": "channel_join"})
    await desk.slack.sockets.settle()
    assert desk.received == []
    assert all(d.acked.is_set() for d in desk.slack.sockets.delivered)


async def test_edits_and_deletions_name_the_message_that_they_change(desk: Any) -> None:
    ts = desk.human.say("2 kg")
    other = desk.human.say("not that")
    await desk.slack.sockets.settle()
    desk.human.edit(ts, "3 kg")
    desk.human.delete(other)
    await desk.slack.sockets.settle()
    changes = [(i.edits, i.deletes, i.text) for i in desk.received[2:]]
    assert sorted(changes) == sorted([(f"{CHANNEL}:{ts}", "", "3 kg"), ("", f"{CHANNEL}:{other}", "")])


async def test_somebody_elses_reaction_stops_nothing_and_says_so(desk: Any) -> None:
    desk.slack.workspace.channels[CHANNEL].members.add(desk.slack.workspace.person("UKIM00001", "kim"))
    ts = desk.human.say("2 kg")
    await desk.slack.sockets.settle()
    Human(desk.slack, "UKIM00001").react(ts, "x")
    await desk.until(lambda: desk.slack.workspace.ephemeral)
    assert "`stop` in the thread" in desk.slack.workspace.ephemeral[0]["text"]
    assert [i.action for i in desk.received] == [""]


@pytest.mark.parametrize("emoji", ["x", "octagonal_sign"])
async def test_a_reaction_can_stand_for_cancel(desk: Any, emoji: str) -> None:
    ts = desk.human.say("2 kg")
    await desk.slack.sockets.settle()
    reply = desk.human.say("and on", thread=ts)
    desk.human.react(reply, emoji)
    desk.human.react(ts, "tada")
    await desk.slack.sockets.settle()
    cancels = [i for i in desk.received if i.action == "cancel"]
    assert [c.external_id for c in cancels] == [f"{CHANNEL}:{ts}"]


async def test_only_those_who_may_use_it_are_heard(desks: Callable[..., Any]) -> None:
    desk = await desks(users=["UOTHER001"], admins=["UBOSS0001"])
    ts = desk.human.say(f"<@{BOT_USER}> do it")
    desk.slack.workspace.person("UBOSS0001", "boss")
    desk.human.user = "UBOSS0001"
    mine = desk.human.say("as I say")
    await desk.slack.sockets.settle()
    assert await desk.heard(f"{CHANNEL}:{ts}") == []
    [message] = await desk.heard(f"{CHANNEL}:{mine}")
    assert message.author.admin
    await desk.until(lambda: desk.slack.workspace.ephemeral)
    assert "slack.users" in desk.slack.workspace.ephemeral[0]["text"]


async def test_plain_words_of_who_may_not_in_a_thread_are_answered_once_for_each_of_them(
    desks: Callable[..., Any],
) -> None:
    desk = await desks(users=["UROBIN001"])
    root = desk.human.say("2 kg costs too much")
    other = desk.human.say("and 3 kg")
    await desk.slack.sockets.settle()
    for user in ("UKIM00001", "UEVE00001"):
        desk.slack.workspace.person(user, user.lower())
        desk.slack.workspace.channels[CHANNEL].members.add(user)
    desk.human.user = "UKIM00001"
    for thread in (root, root, other):
        desk.human.say("use tabs", thread=thread)
    desk.human.say("talk among people in the channel")
    desk.human.user = "UEVE00001"
    desk.human.say(f"<@{BOT_USER}> use tabs", thread=root)
    await desk.slack.sockets.settle()
    desk.human.say("why not?", thread=root)
    await desk.slack.sockets.settle()
    await desk.close()
    desk = await desks(users=["UROBIN001"])
    desk.human.user = "UKIM00001"
    desk.human.say("once more", thread=root)
    await desk.until(lambda: len(desk.slack.workspace.ephemeral) >= 3)
    await asyncio.sleep(0.1)
    told = [(e["user"], e.get("thread_ts", "")) for e in desk.slack.workspace.ephemeral]
    assert sorted(told) == sorted([("UKIM00001", root), ("UKIM00001", other), ("UEVE00001", root)])
    assert [m.text for m in await desk.heard(f"{CHANNEL}:{root}")] == ["2 kg costs too much"]
    assert "in this thread is not read. You are not" in desk.slack.workspace.ephemeral[0]["text"]


async def test_what_was_turned_away_is_not_done_once_its_author_is_let_in(desks: Callable[..., Any]) -> None:
    desk = await desks(users=["UOTHER001"])
    desk.human.say("wipe it")
    await desk.slack.sockets.settle()
    await desk.close()
    desk = await desks()
    await CatchUp(desk.link).look(desk.door.hearing)
    desk.human.say("after")
    await desk.slack.sockets.settle()
    assert [message.text for message in desk.received] == ["after"]
    assert len(await desk.store.notes(prefix("slack"))) == 1
    await forget(desk.store, "slack", time.time() + 60)
    assert await desk.store.notes(prefix("slack")) == []


async def test_the_channel_can_be_given_by_name(desks: Callable[..., Any]) -> None:
    desk = await desks(channelID=None, channelName="#codebutler-shop")
    ts = desk.human.say("by name")
    await desk.slack.sockets.settle()
    assert len(await desk.heard(f"{CHANNEL}:{ts}")) == 1


async def test_elsewhere_can_be_closed(desks: Callable[..., Any]) -> None:
    desk = await desks(elsewhere=False)
    desk.slack.workspace.channel("COTHER001", "general")
    desk.human.say(f"<@{BOT_USER}> hello", channel="COTHER001")
    desk.human.say("talk among people", channel="COTHER001")
    desk.human.direct("hello")
    await desk.slack.sockets.settle()
    assert desk.received == []
    await desk.until(lambda: len(desk.slack.workspace.ephemeral) >= 2)
    said = [e["text"] for e in desk.slack.workspace.ephemeral]
    assert said == [f"I am not to be spoken to here. Write in <#{CHANNEL}>."] * 2, "each who called it, once"


async def test_called_into_the_middle_it_reads_what_was_said(desk: Any) -> None:
    desk.slack.workspace.channel("COTHER001", "general")
    root = desk.human.say("parcels of 2 kg look wrong", channel="COTHER001")
    desk.human.say("since the new list", channel="COTHER001", thread=root)
    desk.human.say(f"<@{BOT_USER}> fix that", channel="COTHER001", thread=root)
    await desk.slack.sockets.settle()
    [message] = await desk.heard(f"COTHER001:{root}")
    assert message.text.startswith("fix that\n\nSaid in this thread before")
    assert "robin: parcels of 2 kg look wrong\nrobin: since the new list" in message.text


async def test_files_come_in_from_slack_only_and_with_the_token(desk: Any) -> None:
    good = desk.human.file("list.csv", b"2 kg;5.40\n", "text/csv")
    evil = {**good, "name": "evil.csv", "url_private_download": "http://127.0.0.1:1/x"}
    ts = desk.human.say("see the list", files=[good, evil])
    await desk.slack.sockets.settle()
    [message] = await desk.heard(f"{CHANNEL}:{ts}")
    [file] = message.attachments
    assert (file.name, await desk.store.get_blob(file.sha256)) == ("list.csv", b"2 kg;5.40\n")
    assert "(the file evil.csv could not be read: it is not kept by Slack)" in message.text


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_file_that_has_moved_is_fetched_from_slack_only(desk: Any, elsewhere: bool) -> None:
    desk.slack.moved_to = "http://127.0.0.1:9" if elsewhere else desk.slack.workspace.url
    ts = desk.human.say("see the list", files=[desk.human.file("list.csv", b"2 kg;5.40\n", "text/csv")])
    await desk.slack.sockets.settle()
    [message] = await desk.heard(f"{CHANNEL}:{ts}")
    assert len(message.attachments) == (0 if elsewhere else 1)
    assert ("it is not kept by Slack" in message.text) is elsewhere


async def test_so_many_files_and_no_more(desk: Any) -> None:
    files = [desk.human.file(f"{n}.txt", b"x", "text/plain") for n in range(12)]
    ts = desk.human.say("see these", files=files)
    await desk.slack.sockets.settle()
    [message] = await desk.heard(f"{CHANNEL}:{ts}")
    assert [a.name for a in message.attachments] == [f"{n}.txt" for n in range(10)]
    assert message.text == "see these\n(2 more files are not read: 10 of a message are)"


async def test_replies_are_heard_in_their_order(desk: Any) -> None:
    ts = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    desk.human.user = desk.slack.workspace.person("UKIM00001", "kim")
    desk.slack.faults.next("users.info", Fault("slow", seconds=0.2))
    for words in ("wait", "no, go on", "but not today"):
        desk.human.say(words, thread=ts)
    await desk.slack.sockets.settle()
    heard = [m.text for m in await desk.heard(f"{CHANNEL}:{ts}")]
    assert heard == ["2 kg costs too much", "wait", "no, go on", "but not today"]


@pytest.mark.parametrize("fault", ["drop", "duplicate", "delay", "swap", "close"])
async def test_whatever_the_socket_does_every_message_is_heard_once(desk: Any, fault: Any) -> None:
    desk.slack.sockets.ack_seconds = 0.2
    desk.slack.faults.next_envelope("", fault, "", fault)
    sent = {desk.human.say(f"request {n}"): f"request {n}" for n in range(5)}
    await desk.slack.sockets.settle()
    for ts, text in sent.items():
        assert [m.text for m in await desk.heard(f"{CHANNEL}:{ts}")] == [text]


async def test_what_cannot_be_stored_is_not_acknowledged(desk: Any) -> None:
    desk.slack.sockets.ack_seconds = 0.2
    keep = desk.door.hearing.receive
    tries = 0

    async def fail_once(inbound: Any) -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("disk full")
        return str(await keep(inbound))

    desk.door.hearing.receive = fail_once
    ts = desk.human.say("keep this")
    await desk.slack.sockets.settle()
    assert [m.text for m in await desk.heard(f"{CHANNEL}:{ts}")] == ["keep this"]
    assert desk.slack.sockets.delivered[0].sent == 2
