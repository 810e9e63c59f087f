"""Threads of other doors shown in Discord too, those that were deleted there, and lists of many."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from codebutler import events as ev
from codebutler.store.rows import NewEvent, NewPost
from codebutler.testing.discord.guild import GUILD, SHOP
from codebutler.testing.discord.human import Human
from codebutler.thread import render
from codebutler.thread.intake import receive
from codebutler.types import Inbound, Outbound, Person, Plan, PlanStep

KIM = Person(surface="terminal", id="kim")


def admin(desk: Any) -> Human:
    return Human(desk.twin, desk.guild.person("900000000000000009", "ada", roles=["admin"]))


async def told(desk: Any, given: Any) -> str:
    await desk.until(lambda: given.words)
    return str(given.words)


async def elsewhere(desk: Any, name: str, *, waits: bool) -> str:
    """A thread of a terminal that has answered, and perhaps proposes a plan."""
    heard = Inbound(surface="terminal", external_id=name, key=name, author=KIM, text=name)
    thread: str = await receive(desk.store, heard)
    plan = ev.PlanProposed(
        plan=Plan(title="Charge less", summary="S", steps=[PlanStep(text="one")]),
        hash="h" * 64,
        base="b" * 40,
    )
    answer = ev.Posted(post=Outbound(text="It is 5.40.", role="pm"), source="pm:1")
    shown = ev.Posted(post=render.plan(plan), source="plan:1")
    said: list[ev.Event] = [answer, plan, shown] if waits else [answer]
    await desk.store.append(thread, [NewEvent(each.kind, uuid4().hex, ev.dump(each)) for each in said])
    return thread


async def followed(desk: Any, who: Human, thread: str) -> str:
    """The thread's place in Discord."""
    words = await told(desk, who.command("codebutler", "thread", "follow", task=thread))
    assert words.endswith("now.")
    await desk.delivery.flush(force=True)
    return words.partition("<#")[2].partition(">")[0]


async def test_what_waits_is_shown_where_a_thread_is_followed(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    ada, thread = admin(desk), await elsewhere(desk, "prices", waits=True)
    root = await followed(desk, ada, thread)
    [shown] = desk.human.told(root)
    assert "Charge less" in desk.human.words(root)
    pressed = ada.press(root, shown["id"], "Approve")
    await desk.until(lambda: pressed.answer)
    assert (desk.received[-1].action, desk.received[-1].value) == ("approve", "h" * 64)
    root = await followed(desk, ada, await elsewhere(desk, "weights", waits=False))
    assert desk.human.words(root) == "**PM:** It is 5.40."


async def test_a_thread_that_was_deleted_in_discord_is_shown_again(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    ada, thread = admin(desk), await elsewhere(desk, "prices", waits=True)
    root = await followed(desk, ada, thread)
    again = ada.command("codebutler", "thread", "follow", task=thread)
    assert "already" in await told(desk, again)
    late = ev.dump(Outbound(text="It has landed.", role="lead"))
    post = NewPost(f"lead:1@discord:{SHOP}:{root}", "discord", f"{SHOP}:{root}", late)
    posted = ev.Posted(post=Outbound(text="It has landed.", role="lead"), source="lead:1")
    said = NewEvent(posted.kind, "late", ev.dump(posted))
    await desk.store.append(thread, [said], posts=[post])
    del desk.guild.channels[root], desk.guild.channels[SHOP].messages[root]
    desk.guild.emit("THREAD_DELETE", {"id": root, "guild_id": GUILD, "parent_id": SHOP, "type": 11})
    new = await followed(desk, ada, thread)
    assert new != root
    await desk.until(lambda: "Charge less" in desk.human.words(new))
    assert desk.human.words(new).count("It has landed.") == 1
    plain = await elsewhere(desk, "weights", waits=False)
    root = await followed(desk, ada, plain)
    del desk.guild.channels[root], desk.guild.channels[SHOP].messages[root]
    post = NewPost(f"lead:1@discord:{SHOP}:{root}", "discord", f"{SHOP}:{root}", late)
    await desk.store.append(plain, [said], posts=[post])
    assert desk.human.words(await followed(desk, ada, plain)) == "**Lead:** It has landed."
    assert await desk.store.bindings(thread) == [("terminal", "prices"), ("discord", f"{SHOP}:{new}")]


async def test_a_part_of_a_title_names_no_thread_but_finds_it(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    root = desk.human.say("estimate shipping")
    await desk.until(lambda: root in desk.guild.channels)
    thread, heard = await desk.store.find("discord", f"{SHOP}:{root}"), len(desk.received)
    words = await told(desk, desk.human.command("codebutler", "cancel", task="Shipp"))
    assert f"<#{root}> `{thread}`" in words
    assert "is no thread's id" in words
    assert "`follow`" in await told(desk, desk.human.command("codebutler", "cancel", task="weights"))
    assert len(desk.received) == heard


async def test_a_list_says_that_there_are_more(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    for number in range(23):
        await elsewhere(desk, f"task {number}", waits=False)
    listed = await told(desk, admin(desk).command("codebutler", "status-all"))
    assert listed.count("(another door)") == 20
    assert "3 more" in listed
