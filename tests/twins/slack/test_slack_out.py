"""What threads say in Slack: in order, once, within its limits, and with buttons that know what they mean."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from codebutler.errors import DoorClosed
from codebutler.surfaces.slack.calls import SlackAway
from codebutler.testing.slack.faults import Fault
from codebutler.types import Attachment, Choice, Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"


async def root(desk: Any) -> tuple[str, str]:
    """A thread in the channel: (ts, conversation)."""
    ts = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    return ts, f"{CHANNEL}:{ts}"


async def show(desk: Any, conversation: str, message: Outbound, mark: str, replaces: str = "") -> str:
    return str(await desk.door.deliver(conversation, message, mark=mark, replaces=replaces))


async def test_a_message_is_posted_in_its_thread_with_its_role(desk: Any) -> None:
    ts, conversation = await root(desk)
    await show(desk, conversation, Outbound(text="It is **5.40** & not <!channel>.", role="pm"), "m1")
    [message] = desk.human.thread(ts)
    assert message["text"] == "*PM:* It is *5.40* &amp; not &lt;!channel&gt;."
    assert message["blocks"][0]["type"] == "markdown"
    assert "<!channel>" not in message["blocks"][0]["text"]
    assert message["metadata"] == {"event_type": "codebutler_post", "event_payload": {"mark": "m1#0"}}


async def test_what_is_said_aloud_is_seen_in_the_channel_once(desk: Any) -> None:
    ts, conversation = await root(desk)
    words = Outbound(text="Merged in this order", kind="notice", data={"aloud": True})
    for _ in range(2):
        await show(desk, conversation, words, "m1")
    await show(desk, conversation, Outbound(text="quietly", kind="notice"), "m2")
    page = await desk.link.calls.call("conversations.history", channel=CHANNEL)
    assert [m["text"] for m in page["messages"] if m["ts"] != ts] == ["Merged in this order"]


@pytest.mark.parametrize("kind", ["done_500", "done_close"])
async def test_a_post_of_unknown_fate_is_looked_for_before_it_is_made_again(desk: Any, kind: Any) -> None:
    ts, conversation = await root(desk)
    desk.slack.faults.next("chat.postMessage", Fault(kind))
    with pytest.raises(SlackAway):
        await show(desk, conversation, Outbound(text="once"), "m1")
    posted = await show(desk, conversation, Outbound(text="once"), "m1")
    assert [m["ts"] for m in desk.human.thread(ts)] == [posted]


async def test_another_process_finds_what_this_one_posted(desks: Callable[..., Any]) -> None:
    desk = await desks()
    ts, conversation = await root(desk)
    first = await show(desk, conversation, Outbound(text="once"), "m1")
    other = await desks()
    assert await show(other, conversation, Outbound(text="once"), "m1") == first
    assert len(desk.human.thread(ts)) == 1


async def test_a_limit_is_waited_for(desk: Any) -> None:
    ts, conversation = await root(desk)
    desk.slack.faults.next("chat.postMessage", Fault("429", seconds=0.05), Fault("429", seconds=0.05))
    await show(desk, conversation, Outbound(text="patiently"), "m1")
    assert [m["text"] for m in desk.human.thread(ts)] == ["patiently"]


async def test_the_card_is_edited_in_place_and_made_anew_when_it_is_gone(desk: Any) -> None:
    ts, conversation = await root(desk)
    card = Outbound(text="**planning** · $0.01", kind="status", slot="status")
    first = await show(desk, conversation, card, "s1")
    edited = await show(desk, conversation, card.model_copy(update={"text": "**coding**"}), "s2", first)
    assert edited == first
    assert [m["text"] for m in desk.human.thread(ts)] == ["*coding*"]
    desk.slack.workspace.channels[CHANNEL].remove(first)
    assert await show(desk, conversation, card, "s3", first) != first
    assert len(desk.human.thread(ts)) == 1


async def test_edits_of_a_card_keep_their_distance(desks: Callable[..., Any]) -> None:
    desk = await desks(editSeconds=0.15)
    _, conversation = await root(desk)
    card = Outbound(text="one", slot="status")
    first = await show(desk, conversation, card, "s1")
    for n in range(3):
        await show(desk, conversation, card, f"e{n}", first)
    times = [at for _, _, at in desk.slack.workspace.edits]
    assert all(later - earlier > 0.14 for earlier, later in pairwise(times))


async def test_long_text_and_long_code_fit(desk: Any) -> None:
    ts, conversation = await root(desk)
    code = "\n".join(f"line {n} = {n}" for n in range(30))
    text = "\n\n".join(f"Paragraph {n} " + "word " * 150 for n in range(40))
    await show(desk, conversation, Outbound(text=f"{text}\n\n```python\n{code}\n```\n\nDone."), "m1")
    messages = desk.human.thread(ts)
    words = [b["text"] for m in messages for b in m.get("blocks", []) if b["type"] == "markdown"]
    assert len(words) > 3
    assert (words[0][:11], words[-1][-5:]) == ("Paragraph 0", "Done.")
    [file] = messages[-1]["files"]
    assert (file["filetype"], file["name"][-3:]) == ("python", ".py")
    assert f"`{file['name']}`" in words[-1]
    stored = desk.slack.workspace.files[file["id"]]
    assert stored.data.decode() == f"{code}\n"


async def test_files_go_out_once(desk: Any) -> None:
    ts, conversation = await root(desk)
    sha = await desk.store.put_blob(b"\x89PNG\r\n\x1a\n picture")
    message = Outbound(text="see", files=[Attachment(name="icon.png", sha256=sha, media_type="image/png")])
    desk.slack.faults.next("files.completeUploadExternal", Fault("done_500"))
    with pytest.raises(SlackAway):
        await show(desk, conversation, message, "m1")
    await show(desk, conversation, message, "m1")
    assert [bool(m.get("files")) for m in desk.human.thread(ts)] == [False, True]


async def test_a_server_without_markdown_blocks_gets_sections(desk: Any) -> None:
    ts, conversation = await root(desk)
    desk.slack.faults.next("chat.postMessage", Fault("error", error="invalid_blocks"))
    await show(desk, conversation, Outbound(text="# Head\n\n- a\n- b"), "m1")
    [message] = desk.human.thread(ts)
    assert [b["type"] for b in message["blocks"]] == ["section"]
    assert message["blocks"][0]["text"]["text"] == "*Head*\n\n• a\n• b"


async def test_a_server_without_any_blocks_gets_all_words(desk: Any) -> None:
    ts, conversation = await root(desk)
    desk.slack.faults.next("chat.postMessage", *[Fault("error", error="invalid_blocks")] * 2)
    await show(
        desk, conversation, Outbound(text="\n\n".join(f"Paragraph {n} of many." for n in range(300))), "m1"
    )
    [message] = desk.human.thread(ts)
    assert "blocks" not in message
    assert message["text"].endswith("Paragraph 299 of many.")


async def test_buttons_carry_what_they_are_bound_to(desk: Any) -> None:
    ts, conversation = await root(desk)
    choices = [
        Choice(action="approve", label="Approve", value="h4sh", style="primary"),
        Choice(action="cancel", label="Cancel", style="danger"),
    ]
    await show(
        desk,
        conversation,
        Outbound(text="## Plan", role="pm", kind="plan", choices=choices),
        "t1:plan:1@slack:x",
    )
    [message] = desk.human.thread(ts)
    buttons = message["blocks"][-1]["elements"]
    assert [b["text"]["text"] for b in buttons] == ["Approve", "Refine", "Cancel"]
    assert json.loads(buttons[0]["value"]) == {"v": "h4sh", "c": conversation, "m": "t1:plan:1@slack:x"}


@pytest.mark.parametrize("error", ["not_in_channel", "is_archived", "token_revoked", "thread_not_found"])
async def test_a_closed_door_keeps_the_message_and_tells_the_admins_once(
    desks: Callable[..., Any], error: str
) -> None:
    desk = await desks(adminChannel="CADMIN001")
    desk.slack.workspace.channel("CADMIN001", "admins")
    ts, conversation = await root(desk)
    desk.slack.faults.next("chat.postMessage", Fault("error", error=error))
    with pytest.raises(DoorClosed, match=error):
        await show(desk, conversation, Outbound(text="hello"), "m1")
    desk.slack.faults.next("chat.postMessage", Fault("error", error=error))
    with pytest.raises(DoorClosed):
        await show(desk, conversation, Outbound(text="hello"), "m1")
    told = [m["text"] for m in desk.slack.workspace.channels["CADMIN001"].messages]
    assert [error in words for words in told] == [True]
    await show(desk, conversation, Outbound(text="hello"), "m1")
    assert [m["text"] for m in desk.human.thread(ts)] == ["hello"]


async def test_a_deleted_first_message_is_told_the_admins_once_over_restarts_too(
    desks: Callable[..., Any],
) -> None:
    """Nobody can mend that: told at each start, one line a thread, it would bury what can be mended."""
    desk = await desks(adminChannel="CADMIN001")
    desk.slack.workspace.channel("CADMIN001", "admins")
    ts, conversation = await root(desk)
    desk.human.delete(ts)
    for start in range(3):
        if start:
            await desk.close()
            desk = await desks(adminChannel="CADMIN001")
        with pytest.raises(DoorClosed, match="thread_not_found"):
            await show(desk, conversation, Outbound(text="hello"), "m1")
    told = [m["text"] for m in desk.slack.workspace.channels["CADMIN001"].messages]
    assert ["thread_not_found" in words for words in told] == [True]


async def test_a_burst_is_delivered_in_order_at_the_channels_pace(desks: Callable[..., Any]) -> None:
    desk = await desks(postSeconds=0.001)
    ts, conversation = await root(desk)
    for n in range(200):
        await show(desk, conversation, Outbound(text=f"line {n}"), f"m{n}")
    assert [m["text"] for m in desk.human.thread(ts)] == [f"line {n}" for n in range(200)]


async def test_threads_side_by_side_share_the_pace_of_their_channel(desks: Callable[..., Any]) -> None:
    desk = await desks(postSeconds=0.02)
    desk.slack.workspace.pace = 0.015
    roots = [await root(desk) for _ in range(4)]

    async def talk(conversation: str) -> None:
        for n in range(4):
            await show(desk, conversation, Outbound(text=f"{n}"), f"{conversation}{n}")

    await asyncio.gather(*(talk(conversation) for _, conversation in roots))
    assert [[m["text"] for m in desk.human.thread(ts)] for ts, _ in roots] == [["0", "1", "2", "3"]] * 4
