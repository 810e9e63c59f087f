"""From Discord into the store: what opens a thread, what belongs to it, and what it brings along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from codebutler import events as ev
from codebutler.store.rows import NewEvent
from codebutler.surfaces.discord.calls import DiscordRefused
from codebutler.surfaces.discord.changes import missed_changes
from codebutler.testing.discord.guild import BOT, FORUM, GUILD, SHOP
from codebutler.testing.discord.human import Human
from codebutler.testing.discord.methods import react
from codebutler.testing.slack.faults import Fault
from codebutler.types import Outbound

if TYPE_CHECKING:
    from collections.abc import Callable


async def test_a_message_opens_a_thread_and_replies_stay_in_it(desk: Any) -> None:
    root = desk.human.say("add a shipping estimate")
    await desk.until(lambda: desk.received)
    [first] = desk.received
    where = f"{SHOP}:{root}"
    assert (first.external_id, first.key, first.text) == (where, where, "add a shipping estimate")
    assert (first.author.id, first.author.name) == (desk.human.user, "Robin")
    await desk.until(lambda: root in desk.guild.channels)
    assert desk.guild.channels[root].name == "add a shipping estimate"
    desk.human.say("and tests", channel=root)
    await desk.until(lambda: len(desk.received) == 2)
    assert [e.text for e in await desk.heard(f"{SHOP}:{root}")] == ["add a shipping estimate", "and tests"]
    eyes = desk.guild.channels[SHOP].messages[root]
    await desk.until(lambda: eyes.get("reactions"))
    assert eyes["reactions"][0]["emoji"]["name"] == "👀"


async def test_a_forums_post_and_a_direct_message_are_threads(desks: Callable[..., Any]) -> None:
    desk = await desks(channels=[FORUM])
    post = desk.human.forum_post(FORUM, "Shipping", "estimate it")
    await desk.until(lambda: desk.received)
    assert (desk.received[0].external_id, desk.received[0].text) == (
        f"{FORUM}:{post}",
        "Shipping\nestimate it",
    )
    channel, first = desk.human.direct("hello")
    await desk.until(lambda: len(desk.received) == 2)
    desk.human.direct("and more")
    await desk.until(lambda: len(desk.received) == 3)
    assert {each.external_id for each in desk.received[1:]} == {f"@{channel}:{first}"}


async def test_a_mention_brings_what_was_said_before(desk: Any) -> None:
    other = desk.guild.text_channel("talk")
    desk.human.say("prices are wrong", channel=other.id)
    desk.human.say(f"<@{BOT}> fix that", channel=other.id)
    await desk.until(lambda: desk.received)
    [inbound] = desk.received
    assert inbound.text.startswith("fix that\n")
    assert "Robin: prices are wrong" in inbound.text


async def test_a_mention_says_when_earlier_words_cannot_be_read(desk: Any) -> None:
    talk = desk.human.thread("prices", "shall we look at the prices?")
    desk.twin.faults.always("get_messages", Fault("error", error="50001 Missing Access"))
    desk.human.say(f"<@{BOT}> a task", channel=talk)
    await desk.until(lambda: desk.received)
    assert "(It could not be read: Discord" in desk.received[0].text


async def test_edits_deletions_and_a_cross_reach_the_thread(desk: Any) -> None:
    root = desk.human.say("one")
    await desk.until(lambda: root in desk.guild.channels)
    second = desk.human.say("two", channel=root)
    await desk.until(lambda: len(desk.received) == 2)
    desk.human.edit(second, "three", channel=root)
    desk.human.delete(second, channel=root)
    await desk.until(lambda: len(desk.received) == 4)
    kinds = ["message_received", "message_received", "message_edited", "message_deleted"]
    assert [said.kind for said in await desk.heard(f"{SHOP}:{root}")] == kinds
    desk.human.react(desk.human.say("four", channel=root), "❌", channel=root)
    await desk.until(lambda: len(desk.received) == 6)
    assert desk.received[-1].action == "cancel"


async def test_files_come_along_from_discords_hosts_only(desk: Any) -> None:
    ours = desk.human.file("a.txt", b"hello", "text/plain")
    theirs = {**ours, "url": "http://169.254.169.254/latest", "filename": "b.txt"}
    desk.human.say("read these", files=[ours, theirs])
    await desk.until(lambda: desk.received)
    [inbound] = desk.received
    assert [file.name for file in inbound.attachments] == ["a.txt"]
    assert "b.txt could not be read: it is not kept by Discord" in inbound.text


async def test_who_may_not_is_turned_away_unless_a_role_says_so(desks: Callable[..., Any]) -> None:
    desk = await desks(users=["1"], roles=["77"])
    desk.human.say(f"<@{BOT}> hello")
    direct = desk.guild.direct(desk.human.user)
    await desk.until(lambda: direct.messages)
    assert "Ask an admin for a role that may" in desk.human.words(direct.id)
    assert desk.received == []
    desk.guild.members[desk.human.user] = ["77"]
    desk.human.say(f"<@{BOT}> hello")
    await desk.until(lambda: desk.received)


async def test_what_was_said_during_an_outage_is_heard_once(desk: Any) -> None:
    root = desk.human.say("before")
    await desk.until(lambda: root in desk.guild.channels)
    desk.twin.gateway.down = True
    await desk.twin.gateway.close(4000, forget=True)
    missed, inside = desk.human.say("meanwhile"), desk.human.say("in it", channel=root)
    desk.twin.gateway.down = False
    await desk.until(lambda: {inside, missed} <= {each.key.partition(":")[2] for each in desk.received})
    await desk.catchup.look(desk.door.hearing)
    assert len({each.key for each in desk.received}) == len(desk.received)


async def test_what_people_said_before_they_called_us_is_not_heard_again(desk: Any) -> None:
    """It came along as history; an old "go" would approve a plan."""
    talk = desk.human.thread("prices", "shall we look at the prices?")
    desk.human.say("go", channel=talk)
    desk.human.say(f"<@{BOT}> a task", channel=talk)
    await desk.until(lambda: desk.received)
    await desk.catchup.look(desk.door.hearing)
    await desk.catchup.look(desk.door.hearing)
    desk.human.say("now to you", channel=talk)
    await desk.until(lambda: "now to you" in [each.text for each in desk.received])
    assert [each.text.split("\n")[0] for each in desk.received] == ["a task", "now to you"]


async def test_what_was_said_while_a_channel_was_shut_is_heard_when_it_opens(desk: Any) -> None:
    desk.guild.closed_to_us.add(SHOP)
    desk.twin.gateway.down = True
    await desk.twin.gateway.close(4000, forget=True)
    desk.human.say("behind closed doors")
    await desk.catchup.look(desk.door.hearing)
    desk.guild.moved += 600.0
    desk.guild.closed_to_us.clear()
    await desk.store.note("discord:cursor", desk.guild.new_id())
    await desk.catchup.look(desk.door.hearing)
    assert [each.text for each in desk.received] == ["behind closed doors"]
    desk.human.say("without a token")
    desk.guild.revoked = True
    with pytest.raises(DiscordRefused):
        await desk.catchup.look(desk.door.hearing)
    desk.guild.revoked = False
    await desk.catchup.look(desk.door.hearing)
    assert [each.text for each in desk.received][1:] == ["without a token"]


async def test_unread_changes_during_an_outage_count(desk: Any) -> None:
    root = desk.human.say("first")
    await desk.until(lambda: root in desk.guild.channels)
    old, gone = desk.human.say("old", channel=root), desk.human.say("gone", channel=root)
    await desk.until(lambda: len(desk.received) == 3)
    desk.twin.gateway.down = True
    await desk.twin.gateway.close(4000, forget=True)
    desk.human.edit(old, "new", channel=root)
    desk.human.delete(gone, channel=root)
    desk.twin.gateway.down = False
    await desk.until(lambda: any(each.deletes for each in desk.received))
    await desk.until(lambda: any(each.edits for each in desk.received))
    kinds = [said.kind for said in await desk.heard(f"{SHOP}:{root}")]
    assert sorted(kinds[3:]) == ["message_deleted", "message_edited"]


@pytest.mark.parametrize("where", ["first", "reply", "ours"])
async def test_a_cross_of_an_outage_stops_what_is_at_work_once(desk: Any, where: str) -> None:
    root = desk.human.say("first")
    await desk.until(lambda: root in desk.guild.channels)
    reply = desk.human.say("more", channel=root)
    await desk.until(lambda: len(desk.received) == 2)
    ours = await desk.door.deliver(f"{SHOP}:{root}", Outbound(text="I look."), mark="m1", replaces="")
    about, channel = {"first": (root, SHOP), "reply": (reply, root), "ours": (ours, root)}[where]
    message = desk.guild.channels[channel].messages[about]
    react(message, "❌", BOT)  # is no person's
    react(message, "⛔", desk.human.user)
    react(message, "❌", desk.human.user)
    for _ in range(2):
        await missed_changes(desk.link, desk.door.hearing)
    assert [(i.action, i.author.name, i.external_id) for i in desk.received[2:]] == [
        ("cancel", "Robin", f"{SHOP}:{root}")
    ]


async def test_a_thread_that_is_gone_hides_no_cross_of_another(desk: Any) -> None:
    roots = [desk.human.say(text) for text in ("first", "second")]
    await desk.until(lambda: set(roots) <= set(desk.guild.channels))
    react(desk.guild.channels[SHOP].messages[roots[0]], "❌", desk.human.user)
    del desk.guild.channels[roots[1]]
    await missed_changes(desk.link, desk.door.hearing)
    assert [i.action for i in desk.received if i.action] == ["cancel"]


async def test_a_cross_of_an_outage_stops_nothing_that_comes_later(desk: Any) -> None:
    root = desk.human.say("first")
    await desk.until(lambda: root in desk.guild.channels)
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    said = ev.MessageTaken(frame="pm", messages=[2], content="first")
    over = ev.TurnEnded(outcome="answered")
    start = ev.FrameStarted(frame="pm", role="pm")
    await desk.store.append(thread, [NewEvent(e.kind, uuid4().hex, ev.dump(e)) for e in (start, said, over)])
    react(desk.guild.channels[SHOP].messages[root], "❌", desk.human.user)
    await missed_changes(desk.link, desk.door.hearing)
    desk.human.say("and later", channel=root)
    await desk.until(lambda: len(desk.received) == 2)
    await missed_changes(desk.link, desk.door.hearing)
    assert [i.action for i in desk.received] == ["", ""]


async def test_a_session_is_resumed_and_duplicates_count_once(desk: Any) -> None:
    await desk.twin.gateway.reconnect()
    await desk.until(lambda: desk.twin.gateway.resumed == 1)
    desk.twin.faults.next_envelope("duplicate")
    root = desk.human.say("once")
    await desk.until(lambda: desk.received)
    await desk.until(lambda: root in desk.guild.channels)
    assert len(await desk.heard(f"{SHOP}:{root}")) == 1
    await desk.twin.gateway.invalidate()
    await desk.until(lambda: desk.twin.gateway.identified == 2)


async def test_a_live_thread_is_brought_back_from_the_archive(desk: Any) -> None:
    root = desk.human.say("long work")
    await desk.until(lambda: root in desk.guild.channels)
    thread = desk.guild.channels[root]
    thread.archived = True
    desk.guild.emit("THREAD_UPDATE", desk.guild.shown(thread))
    await desk.until(lambda: not thread.archived)


async def test_strangers_are_not_heard_from_other_guilds_or_directly(desk: Any) -> None:
    desk.guild.users["66"] = {**desk.guild.users[desk.human.user], "id": "66", "username": "mallory"}
    Human(desk.twin, "66").direct("spend")
    there = {"id": "7001", "channel_id": "7000", "guild_id": "666", "content": f"<@{BOT}> spend", "type": 0}
    desk.guild.emit("GUILD_CREATE", {"id": "666", "channels": [{"id": "7000", "type": 0}], "threads": []})
    desk.guild.emit("MESSAGE_CREATE", {**there, "author": {"id": "66"}, "mentions": [{"id": BOT}]})
    desk.human.direct("mine")
    await desk.until(lambda: desk.received)
    assert [each.text for each in desk.received] == ["mine"]
    assert "666" not in desk.guild.commands


async def test_a_guild_that_lets_the_bot_in_gets_the_commands(desks: Callable[..., Any]) -> None:
    desk = await desks(guildID=None)
    await desk.until(lambda: GUILD in desk.guild.commands)
    desk.guild.joined.add("42")
    desk.guild.emit("GUILD_CREATE", {"id": "42", "channels": [], "threads": []})
    await desk.until(lambda: "42" in desk.guild.commands)
    assert "" not in desk.guild.commands


@pytest.mark.parametrize("how", ["live", "missed"])
async def test_a_file_taken_out_of_an_unread_message_is_shown_to_nobody(desk: Any, how: str) -> None:
    files = [desk.human.file(name, name.encode(), "text/plain") for name in ("stays.txt", "secret.txt")]
    root = desk.human.say("look", files=files)
    await desk.until(lambda: desk.received)
    desk.guild.channels[SHOP].messages[root]["attachments"].pop()
    if how == "live":
        desk.human.edit(root, "look")
        await desk.until(lambda: len(desk.received) == 2)
    else:
        await missed_changes(desk.link, desk.door.hearing)
    secret = desk.received[0].attachments[1]
    assert (secret.name, desk.received[1].gone) == ("secret.txt", [secret.sha256])


async def test_forwarded_words_polls_and_files_are_heard_and_a_sticker_is_not(desk: Any) -> None:
    note = desk.human.file("notes.txt", b"from afar", "text/plain")
    snapshot = {"message": {"content": "go\nit crashes", "attachments": [note]}}
    desk.human.say("", sticker_items=[{"id": "1", "name": "wave", "format_type": 1}])
    forwarded = desk.human.say("", message_snapshots=[snapshot])
    poll = {"question": {"text": "Which?"}, "answers": [{"poll_media": {"text": "red"}}]}
    asked = desk.human.say("", poll=poll)
    await desk.until(lambda: asked in desk.guild.channels)
    first, second = desk.received
    assert (first.text, first.external_id) == ("Forwarded:\n> go\n> it crashes", f"{SHOP}:{forwarded}")
    assert [file.name for file in first.attachments] == ["notes.txt"]
    assert second.text == "Poll: Which?\n- red"


async def test_who_asks_is_told_where_no_thread_can_be_opened(desk: Any) -> None:
    desk.twin.faults.next("post_thread_from", Fault("error", error="50013 Missing Permissions"))
    root = desk.human.say("do the work")
    await desk.until(lambda: desk.human.told(SHOP))
    [said] = desk.human.told(SHOP)
    assert "does not let me open a thread" in said["content"]
    assert said["message_reference"]["message_id"] == root
