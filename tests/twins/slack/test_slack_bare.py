"""A server that sends only what Slack's documents promise, and one that does not take everything."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from codebutler import events as ev
from codebutler.store.rows import NewEvent
from codebutler.surfaces.slack.calls import SlackAway
from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.testing.slack.faults import Fault
from codebutler.testing.slack.sockets import signed
from codebutler.testing.slack.workspace import BOT_ID, BOT_USER
from codebutler.types import Attachment, Choice, MemoryItem, Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"
BARE = frozenset({
    "metadata", "bot_id", "bot_profile", "app_id", "latest_reply", "profile", "real_name", "client_msg_id",
    "team", "parent_user_id", "channel_type", "previous_message", "authorizations", "response_metadata",
    "has_more", "edited",
})  # fmt: skip


async def root(desk: Any, text: str = "2 kg costs too much") -> tuple[str, str]:
    ts = desk.human.say(text)
    await desk.slack.sockets.settle()
    return ts, f"{CHANNEL}:{ts}"


async def show(desk: Any, conversation: str, message: Outbound, mark: str = "m1") -> str:
    return str(await desk.door.deliver(conversation, message, mark=mark, replaces=""))


async def bare(desks: Callable[..., Any]) -> Any:
    desk = await desks()
    desk.slack.leaves_out = BARE
    desk.link._us = None
    return desk


async def test_the_barest_events_make_threads(desks: Callable[..., Any]) -> None:
    desk = await bare(desks)
    ts, conversation = await root(desk)
    shop = desk.slack.workspace.channels[CHANNEL]
    desk.slack.workspace.post(shop, {"user": BOT_USER, "bot_id": BOT_ID, "text": "our own"})
    channel, direct = desk.human.direct(f"<@{BOT_USER}> hello")
    desk.human.edit(ts, "3 kg costs too much")
    await desk.slack.sockets.settle()
    assert {i.text for i in desk.received} == {"2 kg costs too much", "hello", "3 kg costs too much"}
    assert (await desk.heard(f"{channel}:{direct}"))[0].author.name == "robin"
    desk.human.say("and one more thing", thread=ts)
    desk.slack.faults.next_envelope(*["drop"] * 4)
    await CatchUp(desk.link).look(desk.door.hearing)
    assert [m.text for m in await desk.heard(conversation)][-1] == "and one more thing"


@pytest.mark.parametrize("kind", ["done_500", "done_close"])
async def test_without_metadata_a_post_of_unknown_fate_is_known_by_its_words(
    desks: Callable[..., Any], kind: Any
) -> None:
    desk = await bare(desks)
    ts, conversation = await root(desk)
    for n in range(3):
        desk.slack.faults.next("chat.postMessage", Fault(kind))
        said = Outbound(text=f"line {n} & <b>, see https://example.com/a {'✅' * n}")
        with pytest.raises(SlackAway):
            await show(desk, conversation, said, f"m{n}")
        await desk.until(lambda n=n: len(desk.human.thread(ts)) == n + 1)
        kept = desk.human.thread(ts)[-1]  # as Slack keeps it
        kept["text"] = kept["text"].replace("https://example.com/a", "<https://example.com/a>")
        kept["text"] = kept["text"].replace("✅", ":white_check_mark:")
        await show(desk, conversation, said, f"m{n}")
    assert [m["text"][:20] for m in desk.human.thread(ts)] == [f"line {n} &amp; &lt;b&g" for n in range(3)]


@pytest.mark.parametrize("error", ["file_uploads_disabled", "missing_scope", "snippet_too_large"])
async def test_a_file_that_slack_does_not_take_holds_nothing_up(desk: Any, error: str) -> None:
    ts, conversation = await root(desk)
    desk.slack.faults.always("files.getUploadURLExternal", Fault("error", error=error))
    code = "\n".join(f"line {n}" for n in range(30))
    sha = await desk.store.put_blob(b"\x89PNG")
    picture = Attachment(name="icon.png", sha256=sha, media_type="image/png")
    message = Outbound(text=f"See\n\n```python\n{code}\n```", files=[picture])
    for _ in range(2):
        await show(desk, conversation, message)
    first, second, third = desk.human.thread(ts)
    assert first["text"].startswith("See")
    assert error in second["text"]
    assert "line 29" in second["text"]
    assert error in third["text"]
    assert "icon-" in third["text"]


async def test_an_empty_file_is_said_and_an_empty_one_is_heard(desk: Any) -> None:
    sha = await desk.store.put_blob(b"")
    ts = desk.human.say("see", files=[desk.human.file("empty.txt", b"", "text/plain")])
    await desk.slack.sockets.settle()
    conversation = f"{CHANNEL}:{ts}"
    assert [a.name for a in (await desk.heard(conversation))[0].attachments] == ["empty.txt"]
    await show(desk, conversation, Outbound(text="out", files=[Attachment(name="log.txt", sha256=sha)]))
    assert "cannot be shown here (it is empty)" in desk.human.thread(ts)[-1]["text"]


async def remembered(desk: Any) -> tuple[str, str, str]:
    """A thread whose memory items wait: (conversation, thread, the message with the buttons)."""
    _, conversation = await root(desk)
    thread = await desk.store.find("slack", conversation)
    await propose(desk, thread, "one")
    items = [{"file": "pm.md", "text": "one"}]
    choice = Choice(action="memory", label="Keep all", value="yes")
    message = Outbound(text="What to keep?", kind="choices", data={"items": items}, choices=[choice])
    return conversation, thread, await show(desk, conversation, message, "t:memory")


async def propose(desk: Any, thread: str, text: str) -> None:
    proposed = ev.MemoryProposed(items=[MemoryItem(file="pm.md", text=text)])
    await desk.store.append(thread, [NewEvent(proposed.kind, text, ev.dump(proposed))])


async def test_a_form_of_other_items_does_not_count(desk: Any) -> None:
    _, thread, ts = await remembered(desk)
    desk.human.press(ts, "Decide one by one")
    await desk.slack.sockets.settle()
    await propose(desk, thread, "two")
    sent = desk.human.submit({"item1": "one"})
    await desk.slack.sockets.settle()
    assert "open the form again" in sent.answer["errors"]["item1"]
    assert not [i for i in desk.received if i.action]


async def test_a_form_that_does_not_open_is_said(desk: Any) -> None:
    _, _, ts = await remembered(desk)
    desk.slack.faults.next("views.open", Fault("error", error="expired_trigger_id"))
    pressed = desk.human.press(ts, "Decide one by one")
    await desk.slack.sockets.settle()
    assert pressed.acked.is_set()
    await desk.until(lambda: desk.slack.workspace.ephemeral)
    assert "Press again" in desk.slack.workspace.ephemeral[0]["text"]


@pytest.mark.parametrize(
    "fault", [Fault("429", seconds=30), Fault("500"), Fault("error", error="user_not_found")]
)
async def test_a_name_that_does_not_come_holds_nothing_up(desk: Any, fault: Fault) -> None:
    desk.slack.faults.always("users.info", fault)
    _, conversation = await root(desk)
    [message] = await desk.heard(conversation)
    assert (message.author.id, message.author.name) == ("UROBIN001", "")


async def test_two_people_at_once_both_count_once(desk: Any) -> None:
    _, _, ts = await remembered(desk)
    other = desk.slack.workspace.person("UKIM00001", "kim")
    desk.door.hearing.settings.admins.append(other)
    button = desk.human.button(ts, "Keep all")
    desk.human.press_again(ts, button)
    desk.human.user = other
    desk.human.press_again(ts, button)
    await desk.slack.sockets.settle()
    pressed = [i.author.id for i in desk.received if i.action]
    assert sorted(pressed) == ["UKIM00001", "UROBIN001"]
    message = desk.slack.workspace.channels[CHANNEL].by_ts[ts]
    await desk.until(lambda: message["blocks"][-1]["type"] == "context")
    assert [b["type"] for b in message["blocks"]] == ["markdown", "context"]


async def test_the_request_url_is_confirmed(desks: Callable[..., Any], free_port: int) -> None:
    await desks(listen=f"127.0.0.1:{free_port}", signingSecret="twin-signing-secret-0123456789")
    body = json.dumps({"type": "url_verification", "token": "t", "challenge": "c4f3"})
    headers = signed(body, str(int(time.time())))
    async with ClientSession() as session, session.post(
        f"http://127.0.0.1:{free_port}/slack/events", data=body,
        headers={**headers, "Content-Type": "application/json"},
    ) as answer:  # fmt: skip
        assert answer.status == 200
        assert "c4f3" in await answer.text()
