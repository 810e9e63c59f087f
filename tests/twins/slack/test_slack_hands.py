"""Buttons, forms, the command, the shortcut, the home tab: what counts, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from codebutler import events as ev
from codebutler.settings.shape import Access
from codebutler.store.rows import NewEvent
from codebutler.surfaces.wording import decision
from codebutler.thread import lessons, wishes
from codebutler.thread.intake import receive
from codebutler.types import Choice, Inbound, MemoryItem, Outbound, Person, Plan, PlanStep

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"
PLAN = Plan(title="Fix the band", summary="2 kg belongs below.", steps=[PlanStep(text="Change `<` to `<=`.")])
CHOICES = [
    Choice(action="approve", label="Approve", value="h4sh", style="primary"),
    Choice(action="cancel", label="Cancel", value="h4sh", style="danger"),
]


async def log(desk: Any, conversation: str, *events: Any) -> None:
    thread = await desk.store.find("slack", conversation)
    await desk.store.append(thread, [NewEvent(e.kind, uuid4().hex, ev.dump(e)) for e in events])


async def planned(desk: Any) -> tuple[str, str]:
    """A thread with a plan before its owner: (conversation, the plan's message)."""
    ts = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    conversation = f"{CHANNEL}:{ts}"
    await log(desk, conversation, ev.PlanProposed(plan=PLAN, hash="h4sh", base="b4se"))
    message = Outbound(text="## Plan", role="pm", kind="plan", choices=CHOICES)
    return conversation, str(await desk.door.deliver(conversation, message, mark="t:plan", replaces=""))


async def remembered(desk: Any, conversation: str) -> str:
    """Memory items before the thread's owner: their message."""
    items = [MemoryItem(file="pm.md", text=f"Lesson {n}") for n in range(1, 4)]
    await log(desk, conversation, ev.MemoryProposed(items=items))
    message = Outbound(
        text="What to keep?", kind="choices", data={"items": [i.model_dump() for i in items]},
        choices=[Choice(action="memory", label="Keep all", value="yes")],
    )  # fmt: skip
    return str(await desk.door.deliver(conversation, message, mark="t:memory", replaces=""))


def actions(desk: Any) -> list[tuple[str, str]]:
    return [(i.action, i.value) for i in desk.received if i.action]


def last_block(desk: Any, ts: str) -> Any:
    return desk.slack.workspace.channels[CHANNEL].by_ts[ts]["blocks"][-1]


async def test_a_press_counts_once_and_leaves_who_decided_when(desk: Any) -> None:
    conversation, ts = await planned(desk)
    button = desk.human.button(ts, "Approve")
    desk.human.press_again(ts, button)
    await desk.slack.sockets.settle()
    assert actions(desk) == [("approve", "h4sh")]
    await desk.until(lambda: last_block(desk, ts)["type"] == "context")
    words = last_block(desk, ts)["elements"][0]["text"]
    assert words.startswith("*Approve* · <@UROBIN001> · <!date^")
    assert len(await desk.heard(conversation)) == 2


async def test_what_is_no_longer_open_says_so(desk: Any) -> None:
    conversation, ts = await planned(desk)
    await log(desk, conversation, ev.PlanProposed(plan=PLAN, hash="n3wer", base="b4se"))
    desk.human.press(ts, "Approve")
    await desk.slack.sockets.settle()
    assert actions(desk) == []
    await desk.until(lambda: desk.slack.workspace.ephemeral and last_block(desk, ts)["type"] == "context")
    assert "has been replaced" in desk.slack.workspace.ephemeral[0]["text"]
    assert "No longer open" in last_block(desk, ts)["elements"][0]["text"]


async def test_what_is_decided_in_words_takes_the_buttons_away(desk: Any) -> None:
    conversation, ts = await planned(desk)
    memory = await remembered(desk, conversation)
    kim = Person(surface="discord", id="7", name="<kim>")
    approved = ev.PlanApproved(
        message=1, hash="h4sh", base="b4se", by=Person(surface="slack", id="UROBIN001")
    )
    await log(desk, conversation, approved)
    await desk.door.deliver(conversation, Outbound(text="Off I go."), mark="t:2", replaces="")
    await desk.until(lambda: last_block(desk, ts)["type"] == "context")
    assert last_block(desk, ts)["elements"][0]["text"].startswith("*Approved* · <@UROBIN001> · <!date^")
    assert last_block(desk, memory)["type"] == "actions"
    await log(desk, conversation, ev.MemoryDecided(message=2, kept=[], by=kim))
    desk.door.rested(await desk.store.find("slack", conversation))
    await desk.until(lambda: last_block(desk, memory)["type"] == "context")
    assert last_block(desk, memory)["elements"][0]["text"].startswith("*Decided* · &lt;kim&gt; · ")


@pytest.mark.parametrize("way", ["", "admin", "listed"])
async def test_only_the_owner_an_admin_or_who_is_listed_approves(desks: Callable[..., Any], way: str) -> None:
    desk = await desks(admins=["UKIM00001"] if way == "admin" else [])
    if way == "listed":
        desk.door.hearing.access = Access(approve=["owner", "slack:UKIM00001"])
    desk.slack.workspace.channels[CHANNEL].members.add(desk.slack.workspace.person("UKIM00001", "kim"))
    _, ts = await planned(desk)
    desk.human.user = "UKIM00001"
    desk.human.press(ts, "Approve")
    await desk.slack.sockets.settle()
    assert actions(desk) == ([("approve", "h4sh")] if way else [])
    if not way:
        await desk.until(lambda: desk.slack.workspace.ephemeral)
        assert "Only robin decides" in desk.slack.workspace.ephemeral[0]["text"]
        assert last_block(desk, ts)["type"] == "actions"


async def test_a_button_from_another_thread_does_nothing(desk: Any) -> None:
    _, ts = await planned(desk)
    _, other = await planned(desk)
    desk.human.press_again(other, desk.human.button(ts, "Cancel"))
    await desk.slack.sockets.settle()
    assert actions(desk) == []


async def test_refine_asks_what_to_change(desk: Any) -> None:
    conversation, ts = await planned(desk)
    desk.human.press(ts, "Refine")
    await desk.slack.sockets.settle()
    assert desk.slack.workspace.modals["UROBIN001"]["title"]["text"] == "Refine the plan"
    empty = dict(desk.slack.workspace.modals)
    refused = desk.human.submit({"words": " "})
    await desk.slack.sockets.settle()
    assert refused.answer["response_action"] == "errors"
    desk.slack.workspace.modals.update(empty)
    desk.human.submit({"words": "Keep the API as it is"})
    await desk.slack.sockets.settle()
    assert (await desk.heard(conversation))[-1].text == "Keep the API as it is"


async def test_memory_is_decided_item_by_item(desk: Any) -> None:
    conversation, _ = await planned(desk)
    ts = await remembered(desk, conversation)
    desk.human.press(ts, "Decide one by one")
    await desk.slack.sockets.settle()
    desk.human.submit({"item1": "Lesson 1", "item2": "", "item3": "Better"})
    await desk.slack.sockets.settle()
    assert actions(desk) == [("memory", "edit 3: Better\nkeep 1\nremove 2\nyes")]
    await desk.until(lambda: last_block(desk, ts)["type"] == "context")
    assert "*Decided one by one* · <@UROBIN001>" in last_block(desk, ts)["elements"][0]["text"]


@pytest.mark.parametrize(
    ("given", "wish", "left"),
    [
        ("Better\nso", "edit 2: Better so", "Edit 2"),
        ("", "drop 2", "Drop 2"),
        ("Lesson 2", "keep 2", "Keep 2"),
    ],
)
async def test_edit_asks_for_the_new_words_of_one_item(desk: Any, given: str, wish: str, left: str) -> None:
    conversation, _ = await planned(desk)
    items = [MemoryItem(file="pm.md", text=f"Lesson {n}") for n in range(1, 4)]
    await log(desk, conversation, ev.MemoryProposed(items=items))
    message = lessons.card(items)
    ts = str(await desk.door.deliver(conversation, message, mark="t:memory", replaces=""))
    desk.human.press(ts, "Edit 2")
    await desk.slack.sockets.settle()
    assert actions(desk) == []
    form = desk.slack.workspace.modals["UROBIN001"]
    assert [b["element"]["initial_value"] for b in form["blocks"] if b["type"] == "input"] == ["Lesson 2"]
    desk.human.submit({"item2": given})
    await desk.slack.sockets.settle()
    assert actions(desk) == [("memory", wish)]
    await desk.until(lambda: last_block(desk, ts)["type"] == "context")
    assert f"*{left}* · <@UROBIN001>" in last_block(desk, ts)["elements"][0]["text"]


@pytest.mark.parametrize(
    ("values", "wish"),
    [
        ({}, "keep 1 2\nyes"),
        ({"item1": "", "item2": ""}, "no"),
        ({"item1": " a "}, "keep 1 2\nyes"),
        ({"item2": "c\nd"}, "edit 2: c d\nkeep 1\nyes"),
        ({"item2": ""}, "keep 1\nremove 2\nyes"),
    ],
)
def test_a_form_as_words(values: dict[str, str], wish: str) -> None:
    assert decision(["a", "b"], values, 3_000) == wish
    items = [MemoryItem(file="pm.md", text="a"), MemoryItem(file="pm.md", text="b")]
    now = wishes.take(items, ["drop", ""], wish)
    assert now.done
    assert [i.text for i in now.dropped] == [
        t for n, t in enumerate("ab", 1) if not values.get(f"item{n}", t)
    ]


async def test_the_command_opens_a_thread_lists_and_helps(desk: Any) -> None:
    helped = desk.human.command("help")
    opened = desk.human.command("fix the 2 kg <band>")
    channel = desk.slack.workspace.channels[CHANNEL]
    await desk.until(lambda: channel.messages)
    await desk.slack.sockets.settle()
    assert "`/approve [plan]`" in helped.answer["text"]
    assert helped.answer["response_type"] == "ephemeral"
    [root] = [m for m in channel.messages if m.get("bot_id")]
    assert root["text"] == "<@UROBIN001> asks: fix the 2 kg &lt;band&gt;"
    await desk.until(lambda: desk.slack.workspace.ephemeral)
    [message] = await desk.heard(f"{CHANNEL}:{root['ts']}")
    assert (message.text, message.author.id) == ("fix the 2 kg <band>", "UROBIN001")
    assert "being opened" in opened.answer["text"]
    assert root["ts"].replace(".", "") in desk.slack.workspace.ephemeral[0]["text"]
    listed, said = desk.human.command("threads"), desk.human.command("status")
    await desk.slack.sockets.settle()
    assert "fix the 2 kg &lt;band&gt;" in listed.answer["text"]
    assert "Said in" in said.answer["text"]
    assert [m.text for m in await desk.heard(f"{CHANNEL}:{root['ts']}")] == ["fix the 2 kg <band>", "/status"]


async def test_a_message_is_handed_over_from_its_menu(desk: Any) -> None:
    desk.slack.workspace.channel("COTHER001", "general")
    desk.human.channel = "COTHER001"
    ts = desk.human.say("the 2 kg band is off")
    desk.human.shortcut(ts, "codebutler_hand_over")
    await desk.slack.sockets.settle()
    assert [m.text for m in await desk.heard(f"COTHER001:{ts}")] == ["the 2 kg band is off"]


async def test_the_home_tab_shows_a_persons_threads(desk: Any) -> None:
    await planned(desk)
    desk.human.open_home()
    await desk.until(lambda: desk.slack.workspace.homes)
    home = desk.slack.workspace.homes["UROBIN001"]
    assert "2 kg costs too much>\npm · $0.0000" in home["blocks"][1]["text"]["text"]


async def test_lists_of_threads_say_that_there_are_more_and_closed_ones_hide_none(desk: Any) -> None:
    await planned(desk)
    person = desk.received[0].author
    for number in range(121):
        place = f"{CHANNEL}:17000000{number:02}.000001"
        thread = await receive(
            desk.store, Inbound(surface="slack", external_id=place, key="k", author=person, text="More")
        )
        if number >= 21:
            await desk.store.append(thread, [], row={"phase": "closed"})
    listed = desk.human.command("threads")
    await listed.acked.wait()
    assert listed.answer["text"].splitlines()[20:] == ["… and 2 more"]
    desk.human.open_home()
    await desk.until(lambda: desk.slack.workspace.homes)
    blocks = desk.slack.workspace.homes["UROBIN001"]["blocks"]
    assert sum("$0.0000" in str(block) for block in blocks) == 20
    assert "More are open" in str(blocks[21])


def test_people_are_people() -> None:
    """An old log's person, who was never an admin, reads as before."""
    assert not Person.model_validate({"surface": "slack", "id": "U1"}).admin
