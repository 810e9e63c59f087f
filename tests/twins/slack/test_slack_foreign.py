"""Servers of others, and Slack's rarer answers: what is not promised is not relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.surfaces.slack import setup
from codebutler.surfaces.slack.calls import SlackAway, SlackRefused
from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.testing.slack.faults import Fault
from codebutler.testing.slack.human import Human
from codebutler.testing.slack.workspace import BOT_USER
from codebutler.types import Choice, Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

    from codebutler.testing.slack.server import SlackTwin

CHANNEL, OTHER = "CSHOP0001", "COTHER001"


async def root(desk: Any, text: str = "2 kg costs too much") -> tuple[str, str]:
    ts = desk.human.say(text)
    await desk.slack.sockets.settle()
    return ts, f"{CHANNEL}:{ts}"


def deaf(desk: Any) -> None:
    desk.slack.sockets.retries = ()
    desk.slack.sockets.ack_seconds = 0.02
    desk.slack.faults.next_envelope(*["drop"] * 300)


async def look(desk: Any) -> None:
    await desk.slack.sockets.settle()
    await CatchUp(desk.link).look(desk.door.hearing)


async def test_replies_are_found_where_nothing_says_that_there_are_any(desks: Callable[..., Any]) -> None:
    desk = await desks()
    ts, conversation = await root(desk)
    await look(desk)
    desk.slack.leaves_out = frozenset({"latest_reply", "reply_count", "reply_users", "has_more", "metadata"})
    deaf(desk)
    desk.human.say("and one more thing", thread=ts)
    await look(desk)
    assert [m.text for m in await desk.heard(conversation)] == ["2 kg costs too much", "and one more thing"]


async def test_mentions_are_found_without_the_right_to_list_direct_messages(desk: Any) -> None:
    desk.slack.workspace.channel(OTHER, "general")
    Human(desk.slack, channel=OTHER).say("the newest")
    desk.slack.faults.next("users.conversations", Fault("error", error="missing_scope"))
    desk.slack.workspace.moved = -300
    await look(desk)
    deaf(desk)
    desk.slack.workspace.moved = 0
    Human(desk.slack, channel=OTHER).say(f"<@{BOT_USER}> and here?")
    desk.slack.faults.next("users.conversations", Fault("error", error="missing_scope"))
    await look(desk)
    assert [i.text for i in desk.received] == ["and here?"]


@pytest.mark.parametrize("words", ["internal_error", "fatal_error", "service_unavailable"])
async def test_slacks_own_trouble_is_no_answer(desk: Any, words: str) -> None:
    ts, conversation = await root(desk)
    desk.slack.faults.next("chat.postMessage", Fault("error", error=words))
    with pytest.raises(SlackAway):
        await desk.door.deliver(conversation, Outbound(text="hello"), mark="m", replaces="")
    await desk.door.deliver(conversation, Outbound(text="hello"), mark="m", replaces="")
    assert [m["text"] for m in desk.human.thread(ts)] == ["hello"]


async def test_a_request_outlives_slacks_own_trouble(desk: Any) -> None:
    desk.slack.faults.next("chat.postMessage", Fault("error", error="internal_error"))
    desk.human.command("fix the band")
    await desk.slack.sockets.settle()
    await desk.until(lambda: desk.slack.faults.happened.get("error"))
    await desk.door.hearing.asked.mend(desk.door.hearing)
    await desk.until(lambda: [i.text for i in desk.received] == ["fix the band"])


async def test_a_method_that_a_server_does_not_have_is_asked_for_once(desk: Any) -> None:
    desk.slack.faults.always("assistant.threads.setStatus", Fault("404"))
    ts, _ = await root(desk)
    with pytest.raises(SlackRefused, match="unknown_method"):
        await desk.link.calls.call("assistant.threads.setStatus", channel_id=CHANNEL, thread_ts=ts, status="")
    await root(desk, "another")
    message = desk.slack.workspace.channels[CHANNEL].messages[-1]
    await desk.until(lambda: message.get("reactions"))
    asked = [method for method, _ in desk.slack.calls if method == "assistant.threads.setStatus"]
    assert len(asked) == 2


async def test_a_press_need_not_say_where_its_thread_is(desk: Any) -> None:
    ts, conversation = await root(desk)
    choices = [Choice(action="cancel", label="Stop")]
    said = Outbound(text="At work", choices=choices)
    shown = await desk.door.deliver(conversation, said, mark="m", replaces="")
    button = desk.human.button(shown, "Stop")
    message = {"ts": shown, "text": "At work", "blocks": [], "user": BOT_USER}
    desk.slack.sockets.send("interactive", {
        "type": "block_actions", "user": {"id": "UROBIN001"}, "channel": {"id": CHANNEL}, "message": message,
        "actions": [{"action_id": button["action_id"], "value": button["value"], "type": "button"}],
        "trigger_id": "1.2.3", "team": {"id": "TTWIN0001"},
    })  # fmt: skip
    await desk.slack.sockets.settle()
    assert [(i.action, i.external_id) for i in desk.received[1:]] == [("cancel", f"{CHANNEL}:{ts}")]


async def test_a_reply_to_a_message_that_is_gone_opens_a_thread_when_we_are_called(desk: Any) -> None:
    desk.human.say("nobody is called", thread="1700000000.000001")
    called = desk.human.say(f"<@{BOT_USER}> what now?", thread="1700000000.000001")
    desk.human.react(called, "x")
    await desk.slack.sockets.settle()
    assert [i.text for i in desk.received][:1] == ["what now?"]
    assert not [way for way in desk.slack.sockets.delivered if way.lost]


async def test_what_was_said_before_it_was_invited_again_is_read_at_once(desk: Any) -> None:
    await root(desk)
    desk.link.hello.clear()
    for user in ("UKIM00001", BOT_USER):
        assert not desk.link.hello.is_set()
        desk.slack.event({"type": "member_joined_channel", "user": user, "channel": CHANNEL})
        await desk.slack.sockets.settle()
    assert desk.link.hello.is_set()


async def test_whoever_is_called_reads_the_newest_of_a_long_thread(desk: Any) -> None:
    desk.slack.workspace.channel(OTHER, "general")
    human = Human(desk.slack, channel=OTHER)
    first = human.say("the matter")
    deaf(desk)
    for number in range(300):
        human.say(f"word {number}", thread=first)
    await desk.slack.sockets.settle()
    human.say(f"<@{BOT_USER}> please", thread=first)
    await desk.until(lambda: desk.received)
    assert "robin: word 299" in desk.received[0].text


@pytest.mark.parametrize(
    ("words", "heard"),
    [(" help", "help"), (", /status", "/status"), ("", "Look at what was said here.\n\nSaid in this thread")],
)
async def test_a_command_is_not_mixed_with_what_was_said_before(desk: Any, words: str, heard: str) -> None:
    desk.slack.workspace.channel(OTHER, "general")
    human = Human(desk.slack, channel=OTHER)
    first = human.say("the matter")
    human.say(f"<@{BOT_USER}>{words}", thread=first)
    await desk.until(lambda: desk.received)
    await desk.slack.sockets.settle()
    assert desk.received[0].text.startswith(heard)
    assert ("the matter" in desk.received[0].text) is (words == "")


@pytest.mark.parametrize("fault", [Fault("500"), Fault("error", error="missing_scope")])
async def test_whoever_is_called_hears_when_earlier_words_cannot_be_read(desk: Any, fault: Fault) -> None:
    desk.slack.workspace.channel(OTHER, "general")
    human = Human(desk.slack, channel=OTHER)
    first = human.say("the matter")
    desk.slack.faults.always("conversations.replies", fault)
    human.say(f"<@{BOT_USER}> please", thread=first)
    await desk.until(lambda: desk.received)
    assert "before you were called:\n(It could not be read: Slack" in desk.received[0].text


@pytest.mark.parametrize("member", [None, True])
async def test_a_channel_that_does_not_say_who_is_in_it_is_used(desk: Any, member: bool | None) -> None:
    desk.slack.leaves_out = frozenset({"is_member"} if member is None else ())
    desk.slack.faults.always("conversations.join", Fault("404"))
    assert (await setup.channel(desk.link.calls, CHANNEL)).id == CHANNEL
    assert await setup.states(desk.link.calls, [CHANNEL]) == []


async def test_a_server_without_a_hello_and_a_proxy_for_others(
    desks: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    def silent(slack: SlackTwin) -> None:
        slack.sockets.greets = False

    desk = await desks(silent)
    assert desk.link.connected.is_set()
    _, conversation = await root(desk)
    assert await desk.heard(conversation)


async def test_a_channel_that_cannot_be_looked_up_is_said_and_the_rest_works(
    desks: Callable[..., Any],
) -> None:
    def refuse(slack: SlackTwin) -> None:
        slack.faults.always("conversations.list", Fault("error", error="missing_scope"))

    desk = await desks(refuse, channelID=None, channelName="codebutler-shop")
    assert desk.door.hearing.channels == set()
    channel, ts = desk.human.direct("hello")
    await desk.slack.sockets.settle()
    assert await desk.heard(f"{channel}:{ts}")
