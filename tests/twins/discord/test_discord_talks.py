"""Mentions in channels of others: answered there, in context, and a thread once there is work to decide."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from codebutler import events as ev
from codebutler.store.rows import NewEvent, NewPost
from codebutler.testing.discord.guild import BOT, SHOP
from codebutler.testing.discord.hooks import text_of
from codebutler.testing.discord.human import Human
from codebutler.testing.slack.faults import Fault
from codebutler.thread import render
from codebutler.thread.log import ThreadLog
from codebutler.types import Json, Outbound, Plan, PlanStep


async def asked(desk: Any, text: str, channel: str, **more: object) -> str:
    before = len(desk.received)
    name: str = desk.human.say(text, channel=channel, **more)
    await desk.until(lambda: len(desk.received) > before)
    return name


async def say(desk: Any, where: str, message: Outbound, key: str, *events: Any) -> None:
    """What a role says in a conversation."""
    thread = await desk.store.find("discord", where)
    post = NewPost(f"{key}@discord:{where}", "discord", where, ev.dump(message), message.slot)
    rows = [NewEvent(event.kind, uuid4().hex, ev.dump(event)) for event in events]
    await desk.store.append(thread, rows, posts=[post])
    await desk.delivery.flush(force=True)


def reply_to(message: Json) -> Json:
    return {"type": 19, "message_reference": {"message_id": message["id"]}}


async def test_a_question_is_answered_where_it_was_asked(desk: Any) -> None:
    talk = desk.guild.text_channel("talk").id
    Human(desk.twin, desk.guild.person("900000000000000002", "ann")).say("rates are odd", channel=talk)
    root = await asked(desk, f"<@{BOT}> why?", talk)
    assert "Ann: rates are odd" in desk.received[-1].text
    where = f"{talk}:{root}"
    await say(desk, where, Outbound(text="card", kind="status", slot="status"), "card")
    await say(desk, where, Outbound(text="Because.", role="pm"), "a1")
    [answer] = desk.human.told(talk)
    assert text_of(answer) == "**PM:** Because."
    assert answer["message_reference"]["message_id"] == root
    assert root not in desk.guild.channels
    follow = await asked(desk, "and now?", talk, **reply_to(answer))
    assert desk.received[-1].external_id == where
    await say(desk, where, Outbound(text="Still.", role="pm"), "a2")
    assert desk.human.told(talk)[-1]["message_reference"]["message_id"] == follow
    other = await asked(desk, f"<@{BOT}> who?", talk)
    assert desk.received[-1].external_id == f"{talk}:{other}"
    assert "PM:** Because." in desk.received[-1].text


async def test_a_command_by_mention_is_not_mixed_with_what_was_said_before(desk: Any) -> None:
    talk = desk.guild.text_channel("talk").id
    desk.human.say("rates are odd", channel=talk)
    await asked(desk, "rates are odd", SHOP)
    for channel in (talk, SHOP):
        for text in ("help", "/status"):
            await asked(desk, f"<@{BOT}> {text}", channel)
            assert desk.received[-1].text == text
        await asked(desk, f"<@{BOT}>", channel)
        said = desk.received[-1].text
        assert said.startswith("Look at what was said here.\n")
        assert "Robin: rates are odd" in said


async def test_an_answer_of_unknown_fate_is_not_said_twice(desk: Any) -> None:
    talk = desk.guild.text_channel("talk").id
    root = await asked(desk, f"<@{BOT}> why?", talk)
    other = await asked(desk, f"<@{BOT}> why, too?", talk)
    desk.twin.faults.next("post_message", Fault("done_close"), Fault("done_close"))
    for name in (root, other):
        await say(desk, f"{talk}:{name}", Outbound(text="Because.", role="pm"), "a1")
    desk.guild.nonces.clear()
    for message in desk.human.told(talk):
        message.pop("nonce", None)
    await desk.delivery.flush(force=True)
    answers = [m["message_reference"]["message_id"] for m in desk.human.told(talk)]
    assert sorted(answers) == sorted([root, other])


async def test_work_opens_a_thread_that_who_asked_steers(desk: Any) -> None:
    talk = desk.guild.text_channel("talk").id
    root = await asked(desk, f"<@{BOT}> build it", talk)
    where = f"{talk}:{root}"
    plan = ev.PlanProposed(
        plan=Plan(title="T", summary="S", steps=[PlanStep(text="one")]), hash="h" * 64, base="b" * 40
    )
    await say(desk, where, render.plan(plan), "p", plan)
    assert desk.guild.channels[root].parent == talk
    message = desk.human.told(root)[-1]["id"]
    assert desk.human.told(talk) == []
    before = len(desk.received)
    stranger = Human(desk.twin, desk.guild.person("900000000000000003", "eve"))
    word = stranger.say("go", channel=root)
    await desk.until(lambda: desk.guild.channels[root].messages[word].get("reactions"))
    assert len(desk.received) == before
    for name in ("cancel", "close", "model"):
        tried = stranger.command("codebutler", name, channel=root)
        await desk.until(lambda tried=tried: tried.answer)
    cancelled = stranger.press(root, message, "Cancel")
    await desk.until(lambda: cancelled.answer)
    assert len(desk.received) == before
    await asked(desk, "go", root)
    pressed = desk.human.press(root, message, "Approve")
    await desk.until(lambda: pressed.answer)
    assert desk.received[-1].action == "approve"


async def test_a_reply_is_changed_and_taken_back(desk: Any) -> None:
    talk = desk.guild.text_channel("talk").id
    root = await asked(desk, f"<@{BOT}> why?", talk)
    await say(desk, f"{talk}:{root}", Outbound(text="Because."), "a1")
    follow = await asked(desk, "and", talk, **reply_to(desk.human.told(talk)[-1]))
    desk.human.edit(follow, "and now", channel=talk)
    await desk.until(lambda: desk.received[-1].edits)
    desk.human.delete(follow, channel=talk)
    await desk.until(lambda: desk.received[-1].deletes)
    assert desk.received[-1].external_id == f"{talk}:{root}"


async def test_a_reply_that_made_it_work_is_told_where_it_goes_on(desk: Any) -> None:
    """The thread stands below the talk's first message, which may be far above."""
    talk = desk.guild.text_channel("talk").id
    root = await asked(desk, f"<@{BOT}> why?", talk)
    where = f"{talk}:{root}"
    await say(desk, where, Outbound(text="Because.", role="pm"), "a1")
    [answer] = desk.human.told(talk)
    wish = await asked(desk, "then mend it", talk, **reply_to(answer))
    await say(desk, where, Outbound(text="Which one?", kind="question", role="pm"), "q")
    await desk.until(lambda: len(desk.human.told(talk)) == 2)
    way = desk.human.told(talk)[-1]
    assert f"<#{root}>" in way["content"]
    assert way["message_reference"]["message_id"] == wish
    async with asyncio.timeout(30):
        while await desk.door.hearing.talks.replied(talk, way["id"]) != where:  # noqa: ASYNC110 - as in conftest.py
            await asyncio.sleep(0.01)
    for message, words in ((answer, "the first"), (way, "and soon")):
        await asked(desk, words, talk, **reply_to(message))
        assert (desk.received[-1].external_id, desk.received[-1].text.split("\n")[0]) == (where, words)
    before = len(desk.received)
    eve = Human(desk.twin, desk.guild.person("900000000000000003", "eve"), talk)
    among = eve.say("I would not", **reply_to(answer))
    other = eve.say(f"<@{BOT}> what is that?", **reply_to(answer))
    await desk.until(lambda: len(desk.received) > before)
    assert [each.external_id for each in desk.received[before:]] == [f"{talk}:{other}"]
    assert "reactions" not in desk.guild.channels[talk].messages[among]
    thread = await desk.store.find("discord", where)
    await (await ThreadLog.claim(desk.store, thread, str)).update_row(phase="closed", status="closed")
    again = await asked(desk, f"<@{BOT}> and now?", talk, **reply_to(answer))
    assert desk.received[-1].external_id == f"{talk}:{again}"
