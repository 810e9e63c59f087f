"""What comes along with a message: the one that a thread was made from, and the one that it answers."""

from __future__ import annotations

from typing import Any

import pytest

from codebutler.testing.discord.guild import BOT, GUILD, SHOP


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
    root = desk.human.say("the header is wrong")
    await desk.until(lambda: root in desk.guild.channels)
    shop = desk.guild.channels[SHOP].messages
    answer = {"type": 19, "message_reference": {"message_id": root}, "referenced_message": shop[root]}
    again = desk.human.say("yes, and make it red", **answer)
    await desk.until(lambda: len(desk.received) == 2)
    quoted = "\n\nIn reply to Robin:\n> the header is wrong"
    assert desk.received[1].text == f"yes, and make it red{quoted}"
    desk.human.edit(again, "make it blue")
    await desk.until(lambda: len(desk.received) == 3)
    assert desk.received[2].text == f"make it blue{quoted}"
    long = {**answer, "referenced_message": {**shop[root], "content": "x" * 9_000}}
    desk.human.say("this, too", **long)
    await desk.until(lambda: len(desk.received) == 4)
    assert len(desk.received[3].text) < 2_200


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
