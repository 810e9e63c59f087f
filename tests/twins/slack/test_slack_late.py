"""What Slack tells late, twice, or not at all: crosses, files that were taken out, mentions without files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from codebutler import events as ev
from codebutler.store.rows import NewEvent
from codebutler.surfaces.slack import inbound
from codebutler.surfaces.slack.changes import missed_changes
from codebutler.surfaces.slack.inbound import Self
from codebutler.testing.slack.faults import Fault
from codebutler.testing.slack.workspace import BOT_USER
from codebutler.thread.fold import fold
from codebutler.types import Choice, Outbound, Person, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from codebutler.types import Json

CHANNEL = "CSHOP0001"
APPROVE = Choice(action="approve", label="Approve", value="h")
US = Self("UBUTLER01", "BBUTLER01")


def deaf(desk: Any, times: int = 9) -> None:
    desk.slack.sockets.retries = ()
    desk.slack.sockets.ack_seconds = 0.02
    desk.slack.faults.next_envelope(*["drop"] * times)


async def state(desk: Any, root: str) -> Any:
    thread = await desk.store.find("slack", f"{CHANNEL}:{root}")
    return fold(thread, ((r.seq, r.ts, ev.parse(r.body)) for r in await desk.store.events(thread)))


async def look(desk: Any, times: int = 1) -> list[str]:
    """What several looks find."""
    desk.received.clear()
    for _ in range(times):
        await missed_changes(desk.link, desk.door.hearing)
    return [i.action for i in desk.received if i.action]


async def test_a_cross_of_an_outage_counts_once_also_after_a_restart(desks: Callable[..., Any]) -> None:
    desk = await desks()
    root = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    deaf(desk)
    desk.human.react(root, "x")
    desk.human.react(root, "no_entry")
    await desk.slack.sockets.settle()
    assert await look(desk, 2) == ["cancel"]
    other = await desks()
    assert await look(other) == []


async def test_a_cross_that_was_heard_is_not_found_again(desk: Any) -> None:
    root = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    desk.human.react(root, "x")
    await desk.slack.sockets.settle()
    assert [i.action for i in desk.received] == ["", "cancel"]
    assert await look(desk) == []


async def test_a_cross_that_a_look_found_does_not_count_again_when_its_event_comes(desk: Any) -> None:
    root = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    deaf(desk)
    desk.human.react(root, "x")
    await desk.slack.sockets.settle()
    assert await look(desk) == ["cancel"]
    item = {"type": "message", "channel": CHANNEL, "ts": root}
    event = {"type": "reaction_added", "user": desk.human.user, "reaction": "x", "item": item}
    await desk.link.event({**event, "event_ts": root})
    assert len(desk.received) == 1


async def test_a_cross_among_people_before_the_call_stops_nothing(desk: Any) -> None:
    other = desk.slack.workspace.channel("COTHER001", "general")
    human = type(desk.human)(desk.slack, channel=other.id)
    root = human.say("a matter of ours")
    await desk.slack.sockets.settle()
    human.react(root, "x")
    await desk.slack.sockets.settle()
    human.say(f"<@{BOT_USER}> what do you think?", thread=root)
    await desk.until(lambda: desk.received)
    assert await look(desk) == []


async def test_a_cross_in_a_thread_at_rest_stops_nothing_that_comes_later(desk: Any) -> None:
    root = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    thread = await desk.store.find("slack", f"{CHANNEL}:{root}")
    for event in (
        ev.FrameStarted(frame="pm", role="pm"),
        ev.MessageTaken(frame="pm", messages=[2], content=""),
        ev.TurnEnded(outcome="answered", text=""),
    ):
        await desk.store.append(thread, [NewEvent(event.kind, event.kind, ev.dump(event))])
    deaf(desk, 1)
    desk.human.react(root, "x")
    await desk.slack.sockets.settle()
    assert await look(desk) == []
    desk.slack.sockets.ack_seconds = 3.0
    desk.human.say("and 3 kg", thread=root)
    await desk.slack.sockets.settle()
    assert await look(desk) == []
    desk.human.react(root, "x")
    await desk.slack.sockets.settle()
    assert [i.action for i in desk.received] == ["cancel"]


@pytest.mark.parametrize("how", ["live", "missed"])
async def test_a_file_taken_out_of_an_unread_message_is_shown_to_nobody(desk: Any, how: str) -> None:
    stays = desk.human.file("stays.txt", b"fine", "text/plain")
    secret = desk.human.file("secret.txt", b"TOPSECRET", "text/plain")
    root = desk.human.say("look", files=[stays, secret])
    await desk.until(lambda: desk.received)
    if how == "missed":
        deaf(desk)
    message = desk.slack.workspace.channels[CHANNEL].by_ts[root]
    before = dict(message)
    message["files"] = [stays, {"id": secret["id"], "mode": "tombstone"}]
    desk.human._changed("message_changed", {"message": dict(message), "previous_message": before})
    await desk.slack.sockets.settle()
    await look(desk, 2)
    now = await state(desk, root)
    [said] = now.unread.values()
    assert (said.text, [f.name for f in said.attachments]) == ("look", ["stays.txt"])
    assert list(now.attached) == ["stays.txt"]
    assert len(desk.received) == (1 if how == "missed" else 0)


async def test_an_edit_leaves_earlier_replies_that_were_not_heard_to_be_heard(desk: Any) -> None:
    root = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    late = {"type": "message", "channel": CHANNEL, "user": desk.human.user, "thread_ts": root}
    ts = desk.slack.workspace.new_ts()
    desk.human.edit(root, "3 kg costs too much")
    await desk.slack.sockets.settle()
    await desk.link.event({**late, "ts": ts, "text": "and 4 kg"})
    assert [i.text for i in desk.received][-1] == "and 4 kg"


async def test_an_unfurled_link_told_in_the_barest_form_is_no_change(desk: Any) -> None:
    root = desk.human.say("see https://example.com")
    await desk.slack.sockets.settle()
    message = {"type": "message", "user": desk.human.user, "text": "see https://example.com", "ts": root}
    event = {"type": "message", "subtype": "message_changed", "channel": CHANNEL, "ts": "1.2"}
    await desk.link.event({**event, "message": message})
    assert len(desk.received) == 1


async def test_a_message_edited_to_nothing_is_taken_back(desk: Any) -> None:
    root = desk.human.say("oops")
    await desk.slack.sockets.settle()
    desk.human.edit(root, " ")
    await desk.slack.sockets.settle()
    assert not (await state(desk, root)).unread


async def test_the_files_of_a_mention_come_with_its_message(desk: Any) -> None:
    spec = desk.human.file("spec.txt", b"the spec", "text/plain")
    ts = desk.slack.workspace.new_ts()
    base: Json = {"channel": CHANNEL, "user": desk.human.user, "ts": ts, "text": f"<@{BOT_USER}> build it"}
    message: Json = {"type": "message", "files": [spec]}
    for event in ({"type": "app_mention"}, message, message):
        await desk.link.event({**base, **event})
    assert [(i.text, [f.name for f in i.attachments]) for i in desk.received] == [
        ("build it", []), ("", ["spec.txt"]),
    ]  # fmt: skip


async def test_somebody_who_may_not_is_told_once(desks: Callable[..., Any]) -> None:
    desk = await desks(users=["USOMEBODY"])
    desk.human.say(f"<@{BOT_USER}> do it")
    await desk.until(lambda: desk.slack.workspace.ephemeral)
    await desk.slack.sockets.settle()
    assert len(desk.slack.workspace.ephemeral) == 1


@pytest.mark.parametrize("more", [{"ts": "abc"}, {"files": [None]}])
def test_what_slack_never_sends_breaks_nothing(more: Json) -> None:
    heard = inbound.read(
        {"type": "message", "channel": "C1", "ts": "1.0", "user": "U1", "text": "a", **more}, US
    )
    assert heard is None or heard.files == ()


async def test_buttons_that_could_not_be_replaced_are_replaced_later(desk: Any) -> None:
    buttons, shown = desk.door.hearing.buttons, Outbound(text="Plan", kind="plan", choices=[APPROVE])
    root = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    conversation = f"{CHANNEL}:{root}"
    thread = await desk.store.find("slack", conversation)
    by = Person(surface="slack", id=desk.human.user)
    planned = ev.PlanProposed(plan=Plan(title="t", summary="s", steps=[]), hash="h", base="b")
    await desk.store.append(thread, [NewEvent(planned.kind, "planned", ev.dump(planned))])
    ts = await desk.door.deliver(conversation, shown, mark="t:plan", replaces="")
    desk.slack.faults.always("chat.update", Fault("error", error="internal_error"))
    desk.human.press(ts, "Approve")
    await desk.slack.sockets.settle()
    await desk.until(lambda: not desk.link._later)
    desk.slack.faults.always("chat.update", None)
    approved = ev.PlanApproved(message=2, hash="h", base="b", by=by)
    await desk.store.append(thread, [NewEvent(approved.kind, "approved", ev.dump(approved))])
    await buttons.tidy(conversation)
    last = desk.slack.workspace.channels[CHANNEL].by_ts[ts]["blocks"][-1]
    assert last["type"] == "context"


@pytest.mark.parametrize(
    ("body", "when"), [(b"\xff\xfe", "1"), (b"payload={not json", "1"), (b"{}", "abc"), (b"{}", "")]
)
async def test_requests_that_are_not_slacks_are_refused_without_a_word(
    desks: Callable[..., Any], free_port: int, caplog: pytest.LogCaptureFixture, body: bytes, when: str
) -> None:
    await desks(listen=f"127.0.0.1:{free_port}", signingSecret="twin-signing-secret-0123456789")
    headers = {"X-Slack-Signature": "v0=1", "X-Slack-Request-Timestamp": when}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    url = f"http://127.0.0.1:{free_port}/slack/events"
    async with ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        assert answer.status == 401
    assert not [r for r in caplog.records if r.exc_info]
