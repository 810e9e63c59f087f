"""What the PM is writing is seen as it grows, by whatever way Slack has, and never beside its final form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.surfaces.slack.calls import SlackAway
from codebutler.testing.slack.faults import Fault
from codebutler.types import Choice, Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"
WORDS = "The band for 2 kg is computed with the wrong comparison. " * 4
ANSWER = Outbound(text=f"{WORDS}**Done.**", role="pm")
WAYS = ["stream", "unknown_method", "missing_scope", "channel_type_not_supported"]


async def begun(desk: Any, way: str = "stream") -> tuple[str, str]:
    """A thread in which the PM has written WORDS: (ts, conversation)."""
    if way != "stream":
        desk.slack.faults.always("chat.startStream", Fault("error", error=way))
    ts = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    conversation = f"{CHANNEL}:{ts}"
    await desk.door.stream(conversation, "pm", "")
    for word in WORDS.split():
        await desk.door.stream(conversation, "pm", f"{word} ")
    await desk.until(lambda: words(desk, ts) and words(desk, ts)[0].endswith("comparison."))
    return ts, conversation


def words(desk: Any, ts: str) -> list[str]:
    return [m["text"].strip() for m in desk.human.thread(ts)]


async def show(desk: Any, conversation: str, message: Outbound = ANSWER, mark: str = "m1") -> str:
    return str(await desk.door.deliver(conversation, message, mark=mark, replaces=""))


def calls(desk: Any, method: str) -> list[Any]:
    return [args for name, args in desk.slack.calls if name == method]


@pytest.mark.parametrize("way", WAYS)
async def test_a_draft_grows_and_becomes_the_message(desk: Any, way: str) -> None:
    ts, conversation = await begun(desk, way)
    await desk.door.stream(conversation, "pm", "And one more word.")
    await desk.until(lambda: words(desk, ts)[0].endswith("one more word."))
    [draft] = desk.human.thread(ts)
    choice = Choice(action="approve", label="Approve", value="h")
    plan = ANSWER.model_copy(update={"kind": "plan", "choices": [choice]})
    assert await show(desk, conversation, plan) == draft["ts"]
    [message] = desk.human.thread(ts)
    assert message["metadata"]["event_payload"] == {"mark": "m1#0"}
    assert [b["type"] for b in message["blocks"]] == ["markdown", "actions"]
    assert message["text"].startswith("*PM:* The band")
    assert "streaming" not in message
    assert await desk.store.noted(f"slack:draft:{conversation}") == ""
    assert len(calls(desk, "chat.startStream")) == 1
    assert await show(desk, conversation) == draft["ts"]  # a retry finds it


async def test_a_stream_is_for_whoever_spoke(desk: Any) -> None:
    await begun(desk)
    [started] = calls(desk, "chat.startStream")
    assert (started["recipient_user_id"], started["recipient_team_id"]) == ("UROBIN001", "TTWIN0001")


async def test_what_slack_does_not_have_is_asked_for_once(desk: Any) -> None:
    for _ in range(2):
        _, conversation = await begun(desk, "unknown_method")
        await show(desk, conversation)
    assert len(calls(desk, "chat.startStream")) == 1


@pytest.mark.parametrize("way", WAYS[:2])
async def test_a_draft_that_no_message_comes_of_goes_away(desk: Any, way: str) -> None:
    ts, conversation = await begun(desk, way)
    await desk.door.stream(conversation, "pm", "")
    await desk.until(lambda: not words(desk, ts))
    await show(desk, conversation)
    assert [text[-7:] for text in words(desk, ts)] == ["*Done.*"]


@pytest.mark.parametrize("way", WAYS[:2])
async def test_what_others_say_meanwhile_comes_after_the_draft(desk: Any, way: str) -> None:
    ts, conversation = await begun(desk, way)
    [draft] = desk.human.thread(ts)
    await show(desk, conversation, Outbound(text="A cap is near.", kind="notice"), mark="m0")
    assert await show(desk, conversation) == draft["ts"]
    assert [text[:14] for text in words(desk, ts)] == ["*PM:* The band", "A cap is near."]
    assert not calls(desk, "chat.delete")


async def test_a_draft_of_which_only_a_notice_comes_goes_away(desk: Any) -> None:
    ts, conversation = await begun(desk)
    await show(desk, conversation, Outbound(text="Stopped.", kind="notice"))
    desk.door.rested(await desk.store.find("slack", conversation))
    await desk.until(lambda: words(desk, ts) == ["Stopped."])


@pytest.mark.parametrize("way", WAYS[:2])
async def test_where_nothing_can_be_changed_or_taken_back(desks: Callable[..., Any], way: str) -> None:
    """A stream becomes the message by what is added to it; a draft of the other kind is the last one."""
    desk = await desks()
    for method, error in (("update", "edit_window_closed"), ("delete", "cant_delete_message")):
        desk.slack.faults.always(f"chat.{method}", Fault("error", error=error))
    if way == "stream":
        ts, conversation = await begun(desk)
        shown = await show(desk, conversation)
        assert [text[-8:] for text in words(desk, ts)] == ["*Done.**"]
        assert await show(await desks(), conversation) == shown  # it carries its mark
        return
    desk.slack.faults.always("chat.startStream", Fault("error", error=way))
    for n in range(2):
        ts = desk.human.say("2 kg costs too much")
        await desk.slack.sockets.settle()
        await desk.door.stream(f"{CHANNEL}:{ts}", "pm", "")
        await desk.door.stream(f"{CHANNEL}:{ts}", "pm", WORDS)
        await desk.until(lambda ts=ts, n=n: n or words(desk, ts))
        await desk.slack.sockets.settle()
        await show(desk, f"{CHANNEL}:{ts}")
        assert len(words(desk, ts)) == 2 - n


@pytest.mark.parametrize("crash", [False, True])
async def test_a_whole_draft_is_no_message_where_a_server_gives_no_marks(
    desks: Callable[..., Any], *, crash: bool
) -> None:
    desk = await desks()
    desk.slack.leaves_out = frozenset({"metadata"})
    ts, conversation = await begun(desk, "unknown_method")
    whole = ANSWER.model_copy(update={"text": WORDS.strip()})
    other = await desks() if crash else desk
    await show(other, conversation, whole)
    await other.door.streams.forsake(conversation)
    assert [text[-11:] for text in words(desk, ts)] == ["comparison."]


@pytest.mark.parametrize("way", WAYS[:2])
async def test_what_a_crash_left_behind_is_taken_away(desks: Callable[..., Any], way: str) -> None:
    desk = await desks()
    ts, conversation = await begun(desk, way)
    other = await desks()
    assert await show(other, conversation) != ""
    assert len(words(desk, ts)) == 1
    assert words(desk, ts)[0].endswith("*Done.*")


@pytest.mark.parametrize("way", WAYS[:2])
@pytest.mark.parametrize("message", [False, True])
async def test_what_a_crash_left_behind_goes_before_the_next_draft(
    desks: Callable[..., Any], way: str, *, message: bool
) -> None:
    """Unless it had become a message, and only its note was left."""
    desk = await desks()
    ts, conversation = await begun(desk, way)
    if message:
        await desk.store.note(f"slack:draft:{conversation}", await show(desk, conversation))
    other = await desks()
    await other.door.stream(conversation, "pm", "")
    await other.door.stream(conversation, "pm", "anew " * 60)
    await other.until(lambda: any("anew" in text for text in words(desk, ts)))
    assert len(words(desk, ts)) == 1 + message


@pytest.mark.parametrize("way", WAYS[:2])
@pytest.mark.parametrize("kind", ["done_500", "done_close"])
async def test_a_draft_of_unknown_fate_is_no_second_copy(desk: Any, way: str, kind: Any) -> None:
    begins = "chat.startStream" if way == "stream" else "chat.postMessage"
    desk.slack.faults.next(begins, Fault(kind))
    if way != "stream":
        desk.slack.faults.always("chat.startStream", Fault("error", error=way))
    ts = desk.human.say("2 kg")
    await desk.slack.sockets.settle()
    conversation = f"{CHANNEL}:{ts}"
    await desk.door.stream(conversation, "pm", "")
    await desk.door.stream(conversation, "pm", WORDS)
    await desk.until(lambda: words(desk, ts))
    await show(desk, conversation)
    assert [text[-7:] for text in words(desk, ts)] == ["*Done.*"]


async def test_a_final_edit_of_unknown_fate_is_looked_for(desk: Any) -> None:
    ts, conversation = await begun(desk)
    desk.slack.faults.next("chat.update", Fault("done_500"))
    with pytest.raises(SlackAway):
        await show(desk, conversation)
    [draft] = desk.human.thread(ts)
    assert await show(desk, conversation) == draft["ts"]
    assert len(desk.human.thread(ts)) == 1


@pytest.mark.parametrize("why", ["time", "user"])
async def test_a_stream_that_ended_by_itself_is_edited(desk: Any, why: str) -> None:
    ts, conversation = await begun(desk)
    if why == "time":
        desk.slack.workspace.moved = 400
    else:
        del desk.human.thread(ts)[0]["streaming"]
        desk.slack.faults.next("chat.appendStream", Fault("error", error="stopped_by_user"))
    await desk.door.stream(conversation, "pm", "more words that nobody sees as they come ")
    await show(desk, conversation)
    assert [text[-7:] for text in words(desk, ts)] == ["*Done.*"]


async def test_a_limit_is_no_reason_to_wait(desk: Any) -> None:
    desk.slack.faults.next("chat.startStream", Fault("429", seconds=60))
    ts = desk.human.say("2 kg")
    await desk.slack.sockets.settle()
    conversation = f"{CHANNEL}:{ts}"
    await desk.door.stream(conversation, "pm", "")
    await desk.door.stream(conversation, "pm", WORDS)
    await desk.until(lambda: calls(desk, "chat.startStream"))
    await show(desk, conversation)
    assert len(words(desk, ts)) == 1


async def test_a_call_that_is_torn_between_two_pieces_calls_nobody(desk: Any) -> None:
    ts, conversation = await begun(desk)
    await desk.door.stream(conversation, "pm", "so <")
    await desk.until(lambda: words(desk, ts)[0].endswith("so"))
    await desk.door.stream(conversation, "pm", "!channel> and on")
    await desk.until(lambda: words(desk, ts)[0].endswith("and on"))
    assert "<!" not in words(desk, ts)[0]


async def test_what_commands_print_and_others_write_is_not_shown(desk: Any) -> None:
    ts = desk.human.say("2 kg")
    await desk.slack.sockets.settle()
    for role in ("", "coder"):
        await desk.door.stream(f"{CHANNEL}:{ts}", role, WORDS)
    await desk.slack.sockets.settle()
    assert words(desk, ts) == []


async def test_the_status_says_who_is_at_work_until_nobody_is(desk: Any) -> None:
    ts = desk.human.say("2 kg")
    await desk.slack.sockets.settle()
    statuses = desk.slack.workspace.statuses
    await desk.until(lambda: statuses.get((CHANNEL, ts)) == "is at work…")
    await desk.door.stream(f"{CHANNEL}:{ts}", "coder", "")
    await desk.until(lambda: statuses[CHANNEL, ts] == "is coding…")
    desk.door.rested(await desk.store.find("slack", f"{CHANNEL}:{ts}"))
    await desk.until(lambda: statuses[CHANNEL, ts] == "")


@pytest.mark.parametrize(("error", "asked"), [("unknown_method", 1), ("invalid_thread_ts", 2)])
async def test_without_a_status_line_there_is_none(desk: Any, error: str, asked: int) -> None:
    desk.slack.faults.always("assistant.threads.setStatus", Fault("error", error=error))
    for n in range(2):
        desk.human.say(f"request {n}")
        await desk.slack.sockets.settle()
        await desk.until(lambda n=n: len(calls(desk, "reactions.add")) > n)
    await desk.until(lambda: len(calls(desk, "assistant.threads.setStatus")) >= asked)
    assert len(calls(desk, "assistant.threads.setStatus")) == asked
