"""Buttons, forms and commands: answered in time, for the right person, while what they stand for is open."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from codebutler import events as ev
from codebutler.store.rows import NewEvent, NewPost
from codebutler.surfaces.discord import catalogue
from codebutler.testing.discord import limits
from codebutler.testing.discord.guild import BOT, SHOP
from codebutler.testing.discord.human import Human
from codebutler.testing.slack.faults import Fault
from codebutler.thread import lessons, render
from codebutler.types import Choice, MemoryItem, Outbound, Person, Plan, PlanStep


async def planned(desk: Any) -> tuple[str, str, str]:
    """A thread with a plan on the table: its Discord id, its store id, the message with the buttons."""
    root = desk.human.say("do the work")
    await desk.until(lambda: root in desk.guild.channels)
    where = f"{SHOP}:{root}"
    thread = await desk.store.find("discord", where)
    plan = ev.PlanProposed(
        plan=Plan(title="T", summary="S", steps=[PlanStep(text="one")]), hash="h" * 64, base="b" * 40
    )
    message = render.plan(plan)
    post = NewPost(f"p@discord:{where}", "discord", where, ev.dump(message))
    await desk.store.append(thread, [NewEvent(plan.kind, uuid4().hex, ev.dump(plan))], posts=[post])
    await desk.delivery.flush(force=True)
    return root, thread, desk.human.told(root)[-1]["id"]


async def test_a_press_counts_and_says_who_decided(desk: Any) -> None:
    root, _, message = await planned(desk)
    pressed = desk.human.press(root, message, "Approve")
    await desk.until(lambda: pressed.answer)
    assert (desk.received[-1].action, desk.received[-1].value) == ("approve", "h" * 64)
    posted = desk.guild.channels[root].messages[message]
    await desk.until(lambda: posted["components"] == [])
    assert "**Approve**" in posted["embeds"][-1]["description"]


async def test_a_double_click_counts_once(desk: Any) -> None:
    root, _, message = await planned(desk)
    custom = desk.human.button(root, message, "Approve")
    for _ in range(2):
        pressed = desk.human.press_id(root, message, custom)
        await desk.until(lambda pressed=pressed: pressed.answer)
    assert [each.action for each in desk.received] == ["", "approve"]


async def test_buttons_pressed_while_discord_is_away_give_way_later(desk: Any) -> None:
    root, thread, message = await planned(desk)
    desk.twin.faults.always("post_callback", Fault("error", error="50013 Missing Permissions"))
    desk.human.press(root, message, "Approve")
    await desk.until(lambda: [i for i in desk.received if i.action == "approve"])
    approved = ev.PlanApproved(message=1, hash="h" * 64, base="b" * 40, by=desk.received[-1].author)
    await desk.store.append(thread, [NewEvent(approved.kind, uuid4().hex, ev.dump(approved))])
    async with asyncio.timeout(30):
        while desk.guild.channels[root].messages[message]["components"]:
            desk.door.rested(thread)
            await asyncio.sleep(0.05)


async def test_what_is_decided_in_words_takes_the_buttons_away(desk: Any) -> None:
    root, thread, message = await planned(desk)
    approved = ev.PlanApproved(
        message=1, hash="h" * 64, base="b" * 40, by=Person(surface="slack", id="U1", name="Kim")
    )
    await desk.store.append(thread, [NewEvent(approved.kind, uuid4().hex, ev.dump(approved))])
    desk.door.rested(thread)
    posted = desk.guild.channels[root].messages[message]
    await desk.until(lambda: posted["components"] == [])
    assert posted["embeds"][-1]["description"].startswith("**Approved** · Kim · <t:")


async def test_a_stale_press_says_so_and_a_strangers_is_refused(desk: Any) -> None:
    root, thread, message = await planned(desk)
    stranger = Human(desk.twin, desk.guild.person("900000000000000001", "eve"))
    refused = stranger.press(root, message, "Approve")
    await desk.until(lambda: refused.words)
    assert "Only Robin decides" in refused.words
    dropped = ev.PlanDropped(hash="h" * 64, why="x")
    await desk.store.append(thread, [NewEvent(dropped.kind, uuid4().hex, ev.dump(dropped))])
    late = desk.human.press(root, message, "Approve")
    await desk.until(lambda: late.answer == 7)
    assert "No longer open" in desk.human.words(root)
    assert all(each.action != "approve" for each in desk.received)


async def test_a_form_refines_the_plan(desk: Any) -> None:
    root, _, message = await planned(desk)
    asked = desk.human.press(root, message, "Refine")
    await desk.until(lambda: asked.modal)
    sent = desk.human.submit(asked, {"words": "smaller\nand sooner"})
    await desk.until(lambda: sent.answer)
    assert desk.received[-1].text == "smaller\nand sooner"
    assert desk.human.words(root).endswith(f"<@{desk.human.user}> on the plan:\n> smaller\n> and sooner")


async def test_a_forms_words_are_said_though_discord_forgot_it(desk: Any) -> None:
    root, _, message = await planned(desk)
    asked = desk.human.press(root, message, "Refine")
    await desk.until(lambda: asked.modal)
    desk.twin.faults.next("post_callback", Fault("error", error="10062 Unknown interaction"))
    desk.human.submit(asked, {"words": "smaller"})
    await desk.until(lambda: "> smaller" in desk.human.words(root))


@pytest.mark.parametrize(("given", "wish"), [("Better\nso", "edit 2: Better so"), ("", "drop 2")])
async def test_edit_asks_for_the_new_words_of_one_item(desk: Any, given: str, wish: str) -> None:
    root, thread, _ = await planned(desk)
    where, items = f"{SHOP}:{root}", [MemoryItem(file="pm.md", text=f"Lesson {n}") for n in range(1, 4)]
    event = ev.MemoryProposed(items=items)
    post = NewPost(f"m@discord:{where}", "discord", where, ev.dump(lessons.card(items)))
    await desk.store.append(thread, [NewEvent(event.kind, uuid4().hex, ev.dump(event))], posts=[post])
    await desk.delivery.flush(force=True)
    opened = desk.human.press(root, desk.human.told(root)[-1]["id"], "Edit 2")
    await desk.until(lambda: opened.modal)
    sent = desk.human.submit(opened, {"item2": given})
    await desk.until(lambda: sent.answer)
    assert (desk.received[-1].action, desk.received[-1].value) == ("memory", wish)


async def asked(desk: Any, count: int) -> tuple[str, str]:
    """A thread with an open question and so many answers to it."""
    root = desk.human.say("do the work")
    await desk.until(lambda: root in desk.guild.channels)
    where, names = f"{SHOP}:{root}", [f"way {n}" for n in range(count)]
    thread = await desk.store.find("discord", where)
    event = ev.QuestionAsked(frame="pm", call_id="c1", question="which?", options=names)
    offered = [Choice(action="answer", label=name, value=name) for name in names]
    message = Outbound(text="which?", role="pm", kind="question", choices=offered)
    post = NewPost(f"question:c1@discord:{where}", "discord", where, ev.dump(message))
    await desk.store.append(thread, [NewEvent(event.kind, uuid4().hex, ev.dump(event))], posts=[post])
    await desk.delivery.flush(force=True)
    return root, desk.human.told(root)[-1]["id"]


async def test_a_question_is_answered_by_button_list_or_form(desk: Any) -> None:
    root, message = await asked(desk, 2)
    pressed = desk.human.press(root, message, "way 1")
    await desk.until(lambda: pressed.answer)
    assert (desk.received[-1].action, desk.received[-1].value) == ("answer", "way 1")
    root, message = await asked(desk, 9)
    chosen = desk.human.choose(root, message, "way 7")
    await desk.until(lambda: chosen.answer)
    assert (desk.received[-1].action, desk.received[-1].value) == ("answer", "way 7")
    root, message = await asked(desk, 0)
    opened = desk.human.press(root, message, "Answer in words")
    await desk.until(lambda: opened.modal)
    sent = desk.human.submit(opened, {"words": "neither"})
    await desk.until(lambda: sent.answer)
    assert desk.received[-1].text == "neither"


async def test_a_form_that_was_open_for_long_answers_no_other_question(desk: Any) -> None:
    root, message = await asked(desk, 0)
    opened = desk.human.press(root, message, "Answer in words")
    await desk.until(lambda: opened.modal)
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    event = ev.QuestionAsked(frame="pm", call_id="c2", question="and what else?", options=[])
    await desk.store.append(thread, [NewEvent(event.kind, uuid4().hex, ev.dump(event))])
    heard = len(desk.received)
    sent = desk.human.submit(opened, {"words": "the red one"})
    await desk.until(lambda: sent.words)
    assert "has been answered" in sent.words
    assert "the red one" in sent.words
    assert len(desk.received) == heard


async def test_an_interaction_that_discord_forgot_is_answered_plainly(desk: Any) -> None:
    root, _, message = await planned(desk)
    desk.guild.moved += 10.0
    custom = desk.human.button(root, message, "Approve")
    pressed = desk.human.press_id(root, message, custom)
    pressed.born -= 10.0  # its three seconds are over before it is heard of
    await desk.until(lambda: desk.guild.channels[root].messages[message]["components"] == [])
    assert desk.received[-1].action == "approve"


async def test_a_command_opens_a_thread_and_others_are_for_it(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    asked = desk.human.command("codebutler", "new", request="estimate shipping")
    await desk.until(lambda: "<#" in asked.words)
    root = asked.words.partition("<#")[2].partition(">")[0]
    assert desk.received[-1].text == "estimate shipping"
    await desk.until(lambda: desk.human.user in desk.guild.channels[root].people)  # they see it in their list
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    for options, words in (({"usd": 2.5}, "/raise 2.5"), ({"task": thread, "usd": 1.0}, "/raise 1.0")):
        given = desk.human.command(
            "codebutler", "thread", "raise", channel="" if "task" in options else root, **options
        )
        await desk.until(lambda given=given: "is said in" in given.words)
        assert (desk.received[-1].text, desk.received[-1].external_id) == (words, f"{SHOP}:{root}")
    swapped = desk.human.command("codebutler", "model", channel=root, model="x/y", role="coder")
    await desk.until(lambda: "is said in" in swapped.words)
    assert desk.received[-1].text == "/coder x/y"
    back = desk.human.command("codebutler", "rewind", channel=root, point=2)
    await desk.until(lambda: "is said in" in back.words)
    assert desk.received[-1].text == "/rewind 2"
    for options in ({"task": thread}, {"channel": root}):
        logged = desk.human.command("codebutler", "logs", **options)
        await desk.until(lambda logged=logged: logged.original and logged.original.get("attachments"))
    which = desk.human.command("codebutler", "logs")
    await desk.until(lambda: "Which thread?" in which.words)
    listed = desk.human.command("codebutler", "threads")
    await desk.until(lambda: thread in listed.words)


async def test_a_request_that_broke_off_is_opened_once(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    desk.twin.faults.next("post_thread_from", Fault("done_500"))
    desk.human.command("codebutler", "new", request="estimate shipping")
    await desk.until(lambda: desk.received)
    [posted] = [m for m in desk.human.told(SHOP) if m["author"]["id"] == BOT]
    assert [each.external_id for each in desk.received] == [f"{SHOP}:{posted['id']}"]
    async with asyncio.timeout(10):
        while await desk.store.notes("discord:asked:"):  # noqa: ASYNC110 - the store has no event for it
            await asyncio.sleep(0.02)


async def test_a_command_counts_though_its_answer_cannot_be_put_off(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    desk.twin.faults.always("post_callback", Fault("error", error="50013 Missing Permissions"))
    desk.human.command("codebutler", "new", request="estimate shipping")
    await desk.until(lambda: desk.received and "post_callback" in desk.twin.calls)
    assert desk.received[0].text == "estimate shipping"
    assert desk.twin.calls.index("post_message") < desk.twin.calls.index("post_callback")


async def test_no_thread_is_promised_where_there_are_none(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    voice = desk.guild.text_channel("talk")
    voice.type = 2
    asked = desk.human.command("codebutler", "new", channel=voice.id, request="x")
    await desk.until(lambda: "no threads" in asked.words)
    assert (desk.human.told(voice.id), await desk.store.notes("discord:asked:")) == ([], [])


async def test_a_request_that_is_refused_is_not_opened_later(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    desk.twin.faults.next("post_thread_from", Fault("error", error="50013 Missing Permissions"))
    asked = desk.human.command("codebutler", "new", request="estimate shipping")
    await desk.until(lambda: "cannot do that here" in asked.words)
    assert await desk.store.notes("discord:asked:") == []


async def test_values_are_completed(desk: Any) -> None:
    root = desk.human.say("estimate")
    await desk.until(lambda: root in desk.guild.channels)
    found = desk.human.complete("codebutler", "status", option="task", typed="esti")
    await desk.until(lambda: found.answer)
    assert [choice["name"] for choice in found.choices] == ["estimate (pm)"]
    models = desk.human.complete("codebutler", "model", option="model", typed="")
    await desk.until(lambda: models.answer)
    assert models.choices


async def test_a_messages_menu_hands_it_over(desk: Any) -> None:
    other = desk.guild.text_channel("talk")
    message = Human(desk.twin, desk.guild.person("900000000000000002", "ann")).say(
        "it is slow", channel=other.id
    )
    asked = desk.human.menu(catalogue.HAND_OVER, message, channel=other.id)
    await desk.until(lambda: "<#" in asked.words)
    assert (desk.received[-1].author.id, desk.received[-1].text) == (desk.human.user, "it is slow")


def test_discord_takes_the_commands() -> None:
    made = catalogue.commands("codebutler", "rm-")
    limits.commands(made)
    assert {"rm-plan", "rm-status-all"} <= {each["name"] for each in made}
    assert [each["name"] for each in catalogue.commands("cb", "")] == ["cb", catalogue.HAND_OVER]
