"""What comes along with a message: the one that a thread was made from, and the one that it answers."""

from __future__ import annotations

from typing import Any

import pytest

from codebutler.surfaces.discord import catalogue
from codebutler.testing.discord.guild import BOT, GUILD, SHOP
from codebutler.thread.log import ThreadLog
from codebutler.types import Outbound


@pytest.mark.parametrize("whole", [True, False])
async def test_a_thread_made_from_a_message_brings_that_message(desk: Any, whole: bool) -> None:
    other = desk.guild.text_channel("talk")
    root = desk.human.say("saving a parcel fails", channel=other.id)
    made = desk.guild.thread(other, "parcels", desk.human.user, id=root)
    about = {"message_reference": {"channel_id": other.id, "message_id": root}}
    more = {"referenced_message": other.messages[root]} if whole else {}
    desk.human.say("", channel=made.id, type=21, **about, **more)
    asked = desk.human.say(f"<@{BOT}> can you fix this?", channel=made.id)
    await desk.until(lambda: desk.received)
    assert desk.received[0].text.startswith("can you fix this?\n")
    assert "Robin: saving a parcel fails" in desk.received[0].text
    desk.human.edit(asked, f"<@{BOT}> fix it", channel=made.id)
    await desk.until(lambda: len(desk.received) == 2)
    assert desk.received[1].text.startswith("fix it\n")
    assert "Robin: saving a parcel fails" in desk.received[1].text


async def test_a_reply_brings_the_message_that_it_answers(desk: Any) -> None:
    ann = desk.guild.person("900000000000000002", "ann")
    root = desk.human.say(f"<@{ann}> the header is wrong")  # for another person: it is no thread of ours
    shop = desk.guild.channels[SHOP].messages
    answer = {"type": 19, "message_reference": {"message_id": root}, "referenced_message": shop[root]}
    again = desk.human.say("yes, and make it red", **answer)
    await desk.until(lambda: len(desk.received) == 1)
    quoted = "\n\nIn reply to Robin:\n> @Ann the header is wrong"
    assert desk.received[0].text == f"yes, and make it red{quoted}"
    desk.human.edit(again, "make it blue")
    await desk.until(lambda: len(desk.received) == 2)
    assert desk.received[1].text == f"make it blue{quoted}"
    long = {**answer, "referenced_message": {**shop[root], "content": "x" * 9_000}}
    desk.human.say("this, too", **long)
    await desk.until(lambda: len(desk.received) == 3)
    assert len(desk.received[2].text) < 2_200


async def test_a_reply_in_the_channel_to_what_became_a_thread_is_heard_there(desk: Any) -> None:
    root = desk.human.say("2 kg costs too much")
    await desk.until(lambda: root in desk.guild.channels)
    answer = {"type": 19, "message_reference": {"message_id": root}}
    reply = desk.human.say("and 3 kg, too", **answer)
    await desk.until(lambda: len(desk.received) == 2)
    heard = desk.received[1]
    assert (heard.external_id, heard.text) == (f"{SHOP}:{root}", "and 3 kg, too")
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    await (await ThreadLog.claim(desk.store, thread, str)).update_row(phase="closed")
    await desk.catchup.look(desk.door.hearing)
    assert reply not in desk.guild.channels
    assert len(await desk.heard(f"{SHOP}:{root}")) == 2
    again = desk.human.say("and 4 kg", **answer)
    await desk.until(lambda: again in desk.guild.channels)
    assert desk.received[-1].external_id == f"{SHOP}:{again}"


@pytest.mark.parametrize(("known", "text"), [(True, "go"), (False, "go\n\nIn reply to Robin:\n> shall we?")])
async def test_a_word_in_reply_stays_a_word_where_the_log_has_both(desk: Any, known: bool, text: str) -> None:
    root = desk.human.say("x")
    await desk.until(lambda: root in desk.guild.channels)
    about = desk.human.say("shall we?", channel=root if known else SHOP)
    await desk.until(lambda: len(desk.received) == 2)
    said = desk.guild.channels[root if known else SHOP].messages[about]
    answer = {"type": 19, "message_reference": {"message_id": about}, "referenced_message": said}
    desk.human.say("go", channel=root, **answer)
    await desk.until(lambda: len(desk.received) == 3)
    assert desk.received[2].text == text


async def test_the_bots_own_role_calls_it_and_roles_are_named(desk: Any) -> None:
    other = desk.guild.text_channel("talk")
    for role, more in (("71", {"name": "twin", "tags": {"bot_id": BOT}}), ("72", {"name": "ops"})):
        desk.guild.emit("GUILD_ROLE_CREATE", {"guild_id": GUILD, "role": {"id": role, **more}})
    desk.human.say("<@&72> lunch?", channel=other.id)
    desk.human.say("<@&71> ask <@&72> and <@&73>", channel=other.id)
    await desk.until(lambda: desk.received)
    assert desk.received[0].text.startswith("ask @ops and @role")


def alert(desk: Any, channel: str, kind: str) -> str:
    """An app's message, all of it in a card; ``kind``: a bot's, or a webhook's."""
    sentry = {"id": "900", "username": "Sentry", "bot": kind == "bot"}
    desk.guild.users["900"] = sentry
    card = {"type": "rich", "title": "KeyError band", "description": "in save()"}
    fields = [{"name": "release", "value": "1.2"}]
    more = {"webhook_id": "900"} if kind == "webhook" else {}
    given = {"content": "", "embeds": [{**card, "fields": fields}], **more}
    return str(desk.guild.post(desk.guild.channels[channel], "900", given)["id"])


@pytest.mark.parametrize("kind", ["bot", "webhook"])
async def test_an_apps_alert_is_read_wherever_somebody_points_to_it(desk: Any, kind: str) -> None:
    other = desk.guild.text_channel("talk")
    root = alert(desk, other.id, kind)
    whole = "KeyError band\nin save()\nrelease: 1.2"
    desk.human.menu(catalogue.HAND_OVER, root, channel=other.id)
    await desk.until(lambda: desk.received)
    assert desk.received[0].text == whole
    root = alert(desk, other.id, kind)
    answer = {"type": 19, "message_reference": {"message_id": root}}
    desk.human.say("fix", channel=SHOP, **answer, referenced_message=other.messages[root])
    await desk.until(lambda: len(desk.received) == 2)
    assert desk.received[1].text == "fix\n\nIn reply to Sentry:\n> KeyError band\n> in save()\n> release: 1.2"
    desk.human.say(f"<@{BOT}> what is that?", channel=other.id)
    await desk.until(lambda: len(desk.received) == 3)
    assert f"Sentry: {whole}" in desk.received[2].text
    snapshot = {"message_snapshots": [{"message": other.messages[root]}]}
    desk.human.say("", **snapshot)
    await desk.until(lambda: len(desk.received) == 4)
    assert desk.received[3].text == "Forwarded:\n> KeyError band\n> in save()\n> release: 1.2"
    alert(desk, SHOP, kind)
    preview = {"embeds": [{"type": "rich", "title": "a page", "description": "of a link"}]}
    desk.human.say("see https://example.com", **preview)
    await desk.until(lambda: len(desk.received) == 5)
    assert desk.received[4].text == "see https://example.com"


async def test_marks_are_read_as_their_author_saw_them(desk: Any) -> None:
    other = desk.guild.text_channel("talk")
    desk.guild.emit("CHANNEL_CREATE", desk.guild.shown(other))
    desk.human.say(f"see <#{other.id}> <#1> <a:party:123456> at <t:1790000000:R>, then </shop new:77>")
    await desk.until(lambda: desk.received)
    assert desk.received[0].text == "see #talk <#1> :party: at 2026-09-21 14:13 UTC, then /shop new"


async def test_what_is_said_to_somebody_else_is_not_ours(desk: Any) -> None:
    desk.guild.users["42"] = {"id": "42", "username": "kim"}
    desk.human.say("<@42> lunch?")
    root = desk.human.say("fix the date")
    await desk.until(lambda: root in desk.guild.channels)
    desk.human.say("<@42> what do you think?", channel=root)
    desk.human.say("ask <@42> about it", channel=root)
    desk.human.say(f"<@42> <@{BOT}> can say more", channel=root)
    await desk.until(lambda: len(desk.received) == 3)
    assert [each.text for each in desk.received] == [
        "fix the date",
        "ask @kim about it",
        "@kim  can say more",
    ]


async def test_in_a_thread_of_their_own_people_answer_each_other(desk: Any) -> None:
    made = desk.guild.thread(desk.guild.text_channel("talk"), "export", desk.human.user)
    desk.human.say(f"<@{BOT}> what is slow?", channel=made.id)
    await desk.until(lambda: desk.received)
    theirs = desk.human.say("the query, I guess", channel=made.id)
    await desk.until(lambda: len(desk.received) == 2)
    shown = await desk.door.deliver(
        desk.received[0].external_id, Outbound(text="The query."), mark="t:a", replaces=""
    )
    for about, words in ((theirs, "me too"), (shown, "thanks, go on")):
        answer = {"type": 19, "message_reference": {"message_id": about}}
        desk.human.say(words, channel=made.id, **answer, referenced_message=made.messages[about])
    await desk.until(lambda: len(desk.received) == 3)
    assert desk.received[2].text == "thanks, go on"


async def test_a_mention_that_was_forgotten_is_heard_when_it_is_put_in(desk: Any) -> None:
    other = desk.guild.text_channel("talk")
    asked = desk.human.say("what is slow?", channel=other.id)
    desk.human.edit(asked, f"<@{BOT}> what is slow?", channel=other.id)
    await desk.until(lambda: desk.received)
    desk.human.edit(asked, f"<@{BOT}> what is slow here?", channel=other.id)
    await desk.until(lambda: len(desk.received) == 2)
    assert [each.text for each in desk.received] == ["what is slow?", "what is slow here?"]
    assert desk.received[1].edits == f"{other.id}:{asked}"


async def test_who_may_not_use_us_gets_a_sign_in_a_thread(desks: Any) -> None:
    desk = await desks(users=["42"])
    made = desk.guild.thread(desk.guild.channels[SHOP], "the date", BOT)
    there = ("discord", f"{SHOP}:{made.id}")
    await desk.store.open_thread("tdate", title="", owner="", bindings=[there], events=[], row={})
    said = desk.human.say("go", channel=made.id)
    await desk.until(lambda: "🔒" in str(made.messages[said].get("reactions")))
