"""From the outbox into Discord: each message once, whole, within Discord's limits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from codebutler import events as ev
from codebutler.errors import DoorClosed
from codebutler.store.rows import NewEvent, NewPost
from codebutler.surfaces.discord import looks
from codebutler.surfaces.discord.calls import DiscordAway
from codebutler.testing.discord import limits
from codebutler.testing.discord.guild import ROBIN, SHOP
from codebutler.testing.discord.hooks import text_of
from codebutler.testing.slack.faults import Fault
from codebutler.types import Attachment, Choice, Outbound, Person


async def opened(desk: Any) -> tuple[str, str, str]:
    """A thread: its Discord id, its conversation, its id in the store."""
    root = desk.human.say("do the work")
    await desk.until(lambda: root in desk.guild.channels)
    return root, f"{SHOP}:{root}", await desk.store.find("discord", f"{SHOP}:{root}")


async def test_a_reply_has_its_role_its_buttons_and_calls_nobody(desk: Any) -> None:
    root, where, thread = await opened(desk)
    message = Outbound(text="@everyone look", role="pm", choices=[Choice(action="approve", label="Approve")])
    shown = await desk.door.deliver(where, message, mark=f"{thread}:a", replaces="")
    posted = desk.guild.channels[root].messages[shown]
    assert posted["content"] == "**PM:** @everyone look"
    assert desk.human.button(root, shown, "Approve").startswith("cb:")


async def test_what_is_said_aloud_is_seen_in_the_channel_once(desk: Any) -> None:
    root, where, thread = await opened(desk)
    words = Outbound(text="Merged in this order", kind="notice", data={"aloud": True})
    for _ in range(2):
        await desk.door.deliver(where, words, mark=f"{thread}:a", replaces="")

    def heard() -> list[str]:
        return [text_of(m) for m in desk.human.told(SHOP)]

    await desk.until(lambda: heard() == [f"<#{root}> Merged in this order"])
    assert [text_of(m) for m in desk.human.told(root)] == ["Merged in this order"]


@pytest.mark.parametrize("kind", ["done_close", "done_500", "close", "500"])
async def test_an_attempt_whose_fate_is_unknown_leaves_one_message(desk: Any, kind: Any) -> None:
    root, where, thread = await opened(desk)
    desk.twin.faults.next("post_message", Fault(kind))
    for attempt in range(2):
        desk.guild.nonces.clear()  # Discord has forgotten it by now, and need not show it
        for message in desk.human.told(root):
            message.pop("nonce", None)
        try:
            await desk.door.deliver(where, Outbound(text="once"), mark=f"{thread}:a", replaces="")
        except DiscordAway:
            assert attempt == 0
    assert [text_of(m) for m in desk.human.told(root)] == ["once"]


async def test_the_same_words_said_twice_stand_there_twice(desk: Any) -> None:
    root, where, thread = await opened(desk)
    for key in ("a", "b"):
        await desk.door.deliver(where, Outbound(text="again"), mark=f"{thread}:{key}", replaces="")
    assert [text_of(m) for m in desk.human.told(root)] == ["again", "again"]


@pytest.mark.parametrize("forgotten", [True, False])
async def test_a_card_whose_answer_was_lost_is_pinned_too(desk: Any, forgotten: bool) -> None:
    root, where, thread = await opened(desk)
    card = Outbound(text="**coding** · $0.01", kind="status", slot="status")
    desk.twin.faults.next("post_message", Fault("done_close"))
    with pytest.raises(DiscordAway):
        await desk.door.deliver(where, card, mark=f"{thread}:s", replaces="")
    if forgotten:
        desk.guild.nonces.clear()
    shown = await desk.door.deliver(where, card, mark=f"{thread}:s", replaces="")
    await desk.until(lambda: desk.guild.channels[root].pins)
    assert desk.guild.channels[root].pins == [shown]


async def test_the_card_is_edited_pinned_and_made_anew_when_it_is_gone(desk: Any) -> None:
    root, where, thread = await opened(desk)
    card = Outbound(text="**coding** · $0.01", kind="status", slot="status")
    first = await desk.door.deliver(where, card, mark=f"{thread}:a", replaces="")
    again = card.model_copy(update={"text": "**closed** · $0.02"})
    assert await desk.door.deliver(where, again, mark=f"{thread}:b", replaces=first) == first
    await desk.until(lambda: desk.guild.channels[root].pins == [first])
    assert "**closed**" in desk.human.words(root)
    desk.guild.channels[root].messages.pop(first)
    assert await desk.door.deliver(where, card, mark=f"{thread}:c", replaces=first) != first


async def test_a_thread_that_is_not_there_yet_is_opened_and_an_archived_one_woken(desk: Any) -> None:
    root, where, thread = await opened(desk)
    del desk.guild.channels[root]
    await desk.door.deliver(where, Outbound(text="one"), mark=f"{thread}:a", replaces="")
    assert desk.guild.channels[root].name == "do the work"
    desk.twin.faults.next("post_message", Fault("error", error="50083 Thread is archived"))
    await desk.door.deliver(where, Outbound(text="two"), mark=f"{thread}:b", replaces="")
    assert [text_of(m) for m in desk.human.told(root)] == ["one", "two"]


async def test_files_and_long_code_go_with_the_message(desk: Any) -> None:
    root, where, thread = await opened(desk)
    sha = await desk.store.put_blob(b"picture")
    code = "```python\n" + "x = 1\n" * 30 + "```"
    message = Outbound(text=f"See\n\n{code}", files=[Attachment(name="a.png", sha256=sha)])
    shown = await desk.door.deliver(where, message, mark=f"{thread}:a", replaces="")
    names = [file["filename"] for file in desk.guild.channels[root].messages[shown]["attachments"]]
    assert [name.rpartition(".")[2] for name in names] == ["py", "png"]


async def test_what_only_an_admin_can_mend_closes_the_door_and_is_told_once(desks: Any) -> None:
    desk = await desks(adminChannel=SHOP)
    _, where, thread = await opened(desk)
    desk.guild.forbidden.add("messages")
    for _ in range(2):
        with pytest.raises(DoorClosed, match="50013"):
            await desk.door.deliver(where, Outbound(text="x"), mark=f"{thread}:a", replaces="")
    assert desk.twin.calls.count("post_message") == 3  # two attempts and one word to the admins


async def test_a_fork_gets_a_conversation_beside_its_source(desk: Any) -> None:
    _, _, source = await opened(desk)
    name = f"fork-{source}-9"
    words, more = Outbound(text="it goes on here"), Outbound(text="and on")
    await desk.store.open_thread(
        "tfork", title="do the work", owner="", bindings=[("discord", name)], events=[], row={}
    )
    for key, message in (("a", words), ("b", more)):
        post = NewPost(f"{key}@discord:{name}", "discord", name, ev.dump(message))
        await desk.store.append("tfork", [], posts=[post])
    await desk.delivery.flush(force=True)
    [(_, where)] = await desk.store.bindings("tfork")
    parent, _, root = where.partition(":")
    assert (parent, desk.guild.channels[root].name) == (SHOP, "do the work")
    assert [text_of(m) for m in desk.human.told(root)] == ["it goes on here", "and on"]
    desk.human.say("thanks", channel=root)
    await desk.until(lambda: desk.received[-1].external_id == where)


async def test_who_branches_off_is_shown_the_way_and_put_there(desk: Any) -> None:
    _, where, source = await opened(desk)
    name, by = f"reopen-{source}-9", Person(surface="discord", id=ROBIN, name="Robin")
    begun = ev.ThreadOpened(title="again", owner=by)
    events = [NewEvent(begun.kind, "opened", ev.dump(begun))]
    await desk.store.open_thread(
        "tagain", title="again", owner="Robin", bindings=[("discord", name)], events=events, row={}
    )
    first = NewPost(f"a@discord:{name}", "discord", name, ev.dump(Outbound(text="it goes on here")))
    await desk.store.append("tagain", [], posts=[first])
    told = Outbound(text="It goes on: `codebutler chat --thread tagain`")
    shown = await desk.door.deliver(where, told, mark=f"{source}:b", replaces="")
    await desk.delivery.flush(force=True)
    words = desk.guild.channels[where.partition(":")[2]].messages[shown]["content"]
    [(_, there)] = await desk.store.bindings("tagain")
    room = there.partition(":")[2]
    assert words == f"It goes on: <#{room}>"
    await desk.until(lambda: ROBIN in desk.guild.channels[room].people)
    assert [text_of(m) for m in desk.human.told(room)] == ["it goes on here"]


async def test_one_trouble_behind_many_threads_is_told_once(desks: Any) -> None:
    desk = await desks(adminChannel=SHOP)
    places = [await opened(desk) for _ in range(2)]
    desk.guild.closed_to_us.add(SHOP)
    desk.guild.revoked = True

    async def fail(word: str, known: int) -> None:
        for _, where, thread in places:
            with pytest.raises(DoorClosed):
                await desk.door.deliver(where, Outbound(text=word), mark=f"{thread}:{word}", replaces="")
        assert len(desk.link.troubles._broken) == known

    await fail("a", 1)
    desk.guild.revoked = False
    await fail("b", 2)
    desk.guild.closed_to_us.clear()
    _, where, thread = places[0]
    await desk.door.deliver(where, Outbound(text="c"), mark=f"{thread}:c", replaces="")
    assert list(desk.link.troubles._broken.values()) == [{places[1][1]}]


async def test_rate_limits_are_kept_as_headers_say(desk: Any) -> None:
    root, where, thread = await opened(desk)
    desk.twin.window = 0.2
    desk.twin.faults.next("post_message", Fault("429", seconds=0.05))
    async with asyncio.timeout(20):
        for number in range(8):
            await desk.door.deliver(where, Outbound(text=str(number)), mark=f"{thread}:{number}", replaces="")
    assert [text_of(m) for m in desk.human.told(root)] == [str(n) for n in range(8)]


PLAN = {"title": "T", "summary": "S", "steps": [{"text": "one", "refs": ["a.py:1"]}], "files": ["a.py"]}


@pytest.mark.parametrize(
    "message",
    [
        Outbound(text="word " * 3_000, role="pm"),
        Outbound(text="```\n" + "y" * 9_000 + "\n```"),
        Outbound(text="x\n\nSay go.", kind="plan", data={"plan": PLAN}),
        Outbound(text="y " * 9_000, kind="plan", data={"plan": {**PLAN, "summary": "z" * 5_000}}),
        Outbound(text="| a | b |\n|---|---|\n| 1 | 2 |\n" * 50, kind="report", role="lead"),
        Outbound(text="", choices=[Choice(action="answer", label="l" * 200, value="v" * 500)] * 25),
        Outbound(text="**coding**" + "x" * 9_000, slot="status", kind="status"),
    ],
)
def test_every_message_is_within_the_limits(message: Outbound) -> None:
    bodies, whole = looks.pieces(message, mark="t1:a", thread="t1")
    for body in bodies:
        limits.message(body)
        assert str(body.get("content") or "").count("```") % 2 == 0
    assert whole in {"", message.text}
