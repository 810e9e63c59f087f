"""From Discord into the store: what opens a thread, what belongs to it, and what it brings along."""

from __future__ import annotations

from typing import Any

from codebutler.testing.discord.guild import SHOP


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
