"""What comes in seldom: forwarded words, changes ahead of their message, a place that we have not joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler import events as ev
from codebutler.store.rows import NewPost
from codebutler.surfaces.slack import inbound
from codebutler.surfaces.slack.changes import missed_changes
from codebutler.surfaces.slack.inbound import Self
from codebutler.testing.slack.faults import Fault
from codebutler.types import Outbound

if TYPE_CHECKING:
    from codebutler.types import Json

US = Self("UBUTLER01", "BBUTLER01")
CHANNEL = "CSHOP0001"


def said(text: str, **more: Any) -> Json:
    return {"type": "message", "channel": "C1", "ts": "1.0", "user": "U1", "text": text, **more}


@pytest.mark.parametrize("kind", ["is_share", "is_msg_unfurl"])
@pytest.mark.parametrize("comment", ["", "please fix this"])
def test_what_is_forwarded_is_heard_with_its_comment(kind: str, comment: str) -> None:
    shared = {kind: True, "text": "it is <@U2|bob>'s &lt;fault&gt;\nreally", "author_name": "alice"}
    heard = inbound.read(said(comment, attachments=[shared, {"text": "a preview"}, "odd"]), US)
    assert heard is not None
    quoted = "Forwarded from alice:\n> it is @bob's <fault>\n> really"
    assert heard.text == (f"{comment}\n\n{quoted}" if comment else quoted)


@pytest.mark.parametrize(
    ("text", "called"), [("<@UBUTLER01> hi", True), ("<@UBUTLER01|cb> hi", True), ("<@UBUTLER012> hi", False)]
)
def test_whose_id_begins_like_ours_is_somebody_else(text: str, *, called: bool) -> None:
    heard = inbound.read(said(text), US)
    assert heard is not None
    assert heard.mention is called


@pytest.mark.parametrize("change", ["edit", "delete"])
async def test_a_change_that_comes_before_its_message_counts(desk: Any, change: str) -> None:
    desk.slack.sockets.retries = ()
    desk.slack.sockets.ack_seconds = 0.02
    desk.slack.faults.next_envelope("drop")
    ts = desk.human.say("the old words")
    await desk.slack.sockets.settle()
    late = dict(desk.slack.workspace.channels[CHANNEL].by_ts[ts])
    if change == "edit":
        desk.human.edit(ts, "the new words")
    else:
        desk.human.delete(ts)
    await desk.until(lambda: desk.door.hearing._early)
    desk.slack.event({**late, "type": "message", "channel": CHANNEL, "channel_type": "channel"})
    desk.human.say("another")
    first = ["the new words"] if change == "edit" else []
    await desk.until(lambda: len(desk.received) > len(first))
    assert sorted(i.text for i in desk.received) == ["another", *first]


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*Build* failed"}}
FIELDS = {
    "type": "section",
    "fields": [{"type": "mrkdwn", "text": "main"}, {"type": "mrkdwn", "text": "abc"}],
}
RICH = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_section",
            "elements": [{"type": "text", "text": "see "}, {"type": "link", "url": "https://ci.example/7"}],
        }
    ],
}
BUTTONS = {
    "type": "actions",
    "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Retry"}}],
}
ALERT = {
    "pretext": "New",
    "title": "KeyError",
    "title_link": "https://x.example/1",
    "text": "in &lt;bands&gt;",
}


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"attachments": [ALERT]}, "New\nKeyError (https://x.example/1)\nin <bands>"),
        ({"attachments": [{"fallback": "build 7 failed"}]}, "build 7 failed"),
        ({"attachments": [{"title": "T", "fields": [{"title": "on", "value": "main"}, 3]}]}, "T\non: main"),
        ({"text": "failed", "blocks": [SECTION, FIELDS, RICH, BUTTONS]},
         "*Build* failed\nmain\nabc\nsee https://ci.example/7"),
        ({"text": "more than the block says", "blocks": [SECTION]}, "more than the block says"),
        ({"text": "", "attachments": [{"blocks": [SECTION], "fallback": "[no preview]"}]}, "*Build* failed"),
        ({"text": "", "blocks": "odd", "attachments": None}, ""),
    ],
)  # fmt: skip
def test_what_an_app_says_is_read_wherever_it_stands(message: Json, says: str) -> None:
    assert inbound.words({"bot_id": "BCI", **message}, US) == says


@pytest.mark.parametrize("way", ["called", "handed over"])
async def test_an_apps_alert_is_what_the_thread_is_about(desk: Any, way: str) -> None:
    workspace = desk.slack.workspace
    alert = {"text": "", "bot_id": "BCI", "subtype": "bot_message", "attachments": [ALERT]}
    ts = workspace.post(workspace.channels[CHANNEL], alert)["ts"]
    if way == "called":
        desk.human.say(f"<@{US.user}> what is this?", thread=ts)
    else:
        desk.human.shortcut(ts, "codebutler_hand_over")
    await desk.until(lambda: desk.received)
    assert "KeyError (https://x.example/1)\nin <bands>" in desk.received[0].text
    await missed_changes(desk.link, desk.door.hearing)
    assert not [i for i in desk.received if i.deletes]


def test_slackbots_reminders_are_nobodys_request() -> None:
    assert inbound.read({**said("Reminder: standup"), "user": "USLACKBOT"}, US) is None


async def test_what_is_forwarded_is_not_taken_for_taken_back(desk: Any) -> None:
    """Its own text is empty; the look after an outage must not miss it."""
    shared, forwarded = {"is_share": True, "text": "it is slow"}, desk.slack.workspace.new_ts()
    message = {"ts": forwarded, "user": desk.human.user, "text": "", "attachments": [shared]}
    desk.slack.workspace.post(desk.slack.workspace.channels[CHANNEL], message)
    await desk.until(lambda: [i for i in desk.received if "it is slow" in i.text])
    await desk.slack.sockets.settle()
    await missed_changes(desk.link, desk.door.hearing)
    assert not [i for i in desk.received if i.deletes == f"{CHANNEL}:{forwarded}"]


async def test_a_message_where_the_app_is_not_is_not_taken_over(desk: Any) -> None:
    desk.slack.faults.always("conversations.replies", Fault("error", error="not_in_channel"))
    desk.slack.faults.always("chat.postEphemeral", Fault("error", error="not_in_channel"))
    ts = desk.slack.workspace.new_ts()
    desk.slack.workspace.channels[CHANNEL].by_ts[ts] = {"ts": ts, "text": "hand me over", "user": "U9"}
    desk.human.shortcut(ts, "codebutler_hand_over")
    await desk.until(lambda: desk.slack.workspace.ephemeral)
    assert "I cannot write here (not_in_channel). Invite the app" in desk.slack.workspace.ephemeral[0]["text"]
    assert desk.received == []


async def test_what_slack_escapes_in_a_command_is_read_as_it_was_typed(desk: Any) -> None:
    asked = desk.human.command("fix a & b <now>")
    assert "&lt;now&gt;" in asked.payload["text"]
    await desk.until(lambda: desk.received)
    assert desk.received[0].text == "fix a & b <now>"


async def test_a_fork_gets_a_conversation_beside_its_source(desk: Any) -> None:
    """It is begun in words, so nobody has opened one for it."""
    first = desk.human.say("2 kg costs too much")
    await desk.until(lambda: desk.received)
    source = await desk.store.find("slack", f"{CHANNEL}:{first}")
    name = f"fork-{source}-9"
    await desk.store.open_thread(
        "tfork", title="do <it>", owner="", bindings=[("slack", name)], events=[], row={}
    )
    for key, words in (("a", "it goes on here"), ("b", "and on")):
        post = NewPost(f"tfork:{key}@slack:{name}", "slack", name, ev.dump(Outbound(text=words)))
        await desk.store.append("tfork", [], posts=[post])
    await desk.delivery.flush(force=True)
    [(_, where)] = await desk.store.bindings("tfork")
    root = where.partition(":")[2]
    assert where == f"{CHANNEL}:{root}" != f"{CHANNEL}:{first}"
    assert desk.slack.workspace.channels[CHANNEL].by_ts[root]["text"] == "do &lt;it&gt;\n(`tfork`)"
    assert [m["text"] for m in desk.human.thread(root)] == ["it goes on here", "and on"]
    desk.human.say("thanks", thread=root)
    await desk.until(lambda: desk.received[-1].external_id == where)


async def test_who_goes_on_in_another_thread_is_shown_the_way_there(desk: Any) -> None:
    """A command for a terminal is no way for people in Slack; its first message and the link come at once."""
    first = desk.human.say("2 kg costs too much")
    await desk.until(lambda: desk.received)
    where = f"{CHANNEL}:{first}"
    source = await desk.store.find("slack", where)
    name = f"reopen-{source}-9"
    await desk.store.open_thread(
        "tagain", title="again", owner="", bindings=[("slack", name)], events=[], row={}
    )
    post = NewPost(f"tagain:a@slack:{name}", "slack", name, ev.dump(Outbound(text="it goes on here")))
    await desk.store.append("tagain", [], posts=[post])
    told = Outbound(text="It goes on: `codebutler chat --thread tagain`; not `codebutler chat --thread t0`")
    await desk.door.deliver(where, told, mark=f"{source}:b", replaces="")
    await desk.delivery.flush(force=True)
    [(_, there)] = await desk.store.bindings("tagain")
    root = there.partition(":")[2]
    words = desk.human.thread(first)[-1]["text"]
    assert f"/archives/{CHANNEL}/p{root.replace('.', '')}" in words
    assert ("--thread tagain" in words, "--thread t0" in words) == (False, True)
    assert [m["text"] for m in desk.human.thread(root)] == ["it goes on here"]
