"""Who may know of which thread, and answers that reach their person though a connection broke."""

from __future__ import annotations

from typing import Any

import pytest

from codebutler.testing.discord.guild import BOT, SHOP
from codebutler.testing.discord.human import Human
from codebutler.testing.slack.faults import Fault
from codebutler.thread.aside import is_aside


async def told(desk: Any, given: Any) -> str:
    await desk.until(lambda: given.words)
    return str(given.words)


async def offered(desk: Any, who: Human, **where: str) -> set[str]:
    found: Any = who.complete("codebutler", "status", option="task", typed="", **where)
    await desk.until(lambda: found.answer)
    return {choice["name"] for choice in found.choices}


async def test_what_is_said_elsewhere_is_for_who_said_it_who_stands_there_and_admins(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    leads = desk.guild.text_channel("leads").id
    desk.human.say("estimate shipping")
    channel, first = desk.human.direct("a raise for Max")
    desk.human.say(f"<@{BOT}> who is late?", channel=leads)
    await desk.until(lambda: len(desk.received) == 3)
    bound = await desk.store.bound("discord")
    aside = {b.external_id.partition(":")[0]: await is_aside(desk.store, b.thread) for b in bound}
    assert aside == {SHOP: False, f"@{channel}": True, leads: True}
    common, direct, talk = "estimate shipping (pm)", "a raise for Max (pm)", "who is late? (pm)"
    mate = Human(desk.twin, desk.guild.person("900000000000000008", "max"))
    assert await offered(desk, mate) == {common}
    listed = await told(desk, mate.command("codebutler", "threads"))
    assert ("estimate" in listed, "raise" in listed, "late" in listed) == (True, False, False)
    private, before = await desk.store.find("discord", f"@{channel}:{first}"), len(desk.received)
    for name in ("status", "cost", "rewind", "memory"):
        assert "No thread" in await told(desk, mate.command("codebutler", name, task=private))
    assert len(desk.received) == before
    assert await offered(desk, mate, channel=leads) == {common, talk}
    ada = Human(desk.twin, desk.guild.person("900000000000000009", "ada", roles=["admin"]))
    for who in (desk.human, ada):
        assert await offered(desk, who) == {common, direct, talk}
        assert "**planning**" in await told(desk, who.command("codebutler", "status", task=private))


async def test_a_private_thread_is_not_offered_outside_of_it(desk: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    root = desk.human.say("estimate shipping")
    await desk.until(lambda: root in desk.guild.channels)
    thread = desk.guild.channels[root]
    thread.type = 12
    desk.guild.emit("THREAD_UPDATE", desk.guild.shown(thread))
    mate = Human(desk.twin, desk.guild.person("900000000000000008", "max"))
    desk.human.say("and tests", channel=root)
    await desk.until(lambda: len(desk.received) == 2)
    assert await offered(desk, mate, channel=SHOP) == set()
    assert await offered(desk, mate, channel=root) == {"estimate shipping (pm)"}


@pytest.mark.parametrize("kind", ["close", "done_close"])
async def test_a_connection_that_breaks_does_not_keep_an_answer_from_its_person(desk: Any, kind: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    desk.twin.faults.next("post_callback", Fault(kind))
    asked = desk.human.command("codebutler", "new", request="estimate shipping")
    assert "Your thread: <#" in await told(desk, asked)
    assert [each.text for each in desk.received] == ["estimate shipping"]


@pytest.mark.parametrize("takes", [True, False])
async def test_what_one_person_asked_is_told_to_them_alone_though_discord_forgot_it(
    desk: Any, takes: bool
) -> None:
    await desk.until(lambda: desk.guild.commands)
    channel, _ = desk.human.direct("a raise for Max")
    await desk.until(lambda: desk.received)
    desk.twin.faults.next("post_callback", Fault("error", error="10062 Unknown interaction"))
    if not takes:
        no = Fault("error", error="50007 Cannot send messages to this user")
        desk.twin.faults.next("post_direct", no)
    desk.human.command("codebutler", "threads")
    if takes:
        await desk.until(lambda: "raise for Max" in desk.human.words(channel))
    else:
        await desk.until(lambda: "did not reach you" in desk.human.words(SHOP))
    assert "raise" not in desk.human.words(SHOP)
    assert bool(desk.human.told(SHOP)) is not takes


@pytest.mark.parametrize("kind", ["500", "done_close"])
async def test_an_answer_that_was_put_off_is_sent_again(desk: Any, kind: Any) -> None:
    await desk.until(lambda: desk.guild.commands)
    root = desk.human.say("estimate shipping")
    await desk.until(lambda: root in desk.guild.channels)
    desk.twin.faults.next("patch_original", Fault(kind))
    asked = desk.human.command("codebutler", "logs", channel=root)
    assert "The log of" in await told(desk, asked)
    await desk.until(lambda: desk.twin.calls.count("patch_original") == 2)
    await desk.until(lambda: asked.original["attachments"])
    assert len(asked.original["attachments"]) == 1
