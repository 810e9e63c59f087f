"""Who may not use the bot: by whatever way they come, and also after they are let in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codebutler.surfaces.discord.hearing import CLOSED
from codebutler.surfaces.discord.office import place
from codebutler.surfaces.turned import prefix
from codebutler.testing.discord.guild import BOT, GUILD, SHOP
from codebutler.testing.discord.human import Human


def mate(desk: Any) -> Human:
    """Somebody with both roles."""
    return Human(desk.twin, desk.guild.person("900000000000000008", "max", roles=["crew", "77"]))


async def test_what_was_turned_away_is_not_done_once_its_author_is_let_in(desk: Any) -> None:
    root = desk.human.say("before")
    await desk.until(lambda: root in desk.guild.channels)
    await desk.houses.change(place(GUILD), roles=["crew"])
    direct = desk.guild.direct(desk.human.user)
    go, _, _ = (
        desk.human.say("go", channel=root),
        desk.human.say("and this"),
        desk.human.say(f"<@{BOT}> hello"),
    )
    await desk.until(lambda: direct.messages and desk.guild.channels[root].messages[go].get("reactions"))
    await desk.catchup.look(desk.door.hearing)
    assert len(direct.messages) == 1, "told once"
    desk.guild.members[desk.human.user] = ["crew"]
    await desk.catchup.look(desk.door.hearing)
    last = desk.human.say("after")
    await desk.until(lambda: last in desk.guild.channels)
    assert [each.text for each in desk.received] == ["before", "after"]


async def test_what_is_not_read_again_is_not_kept(desk: Any) -> None:
    await desk.houses.change(place(GUILD), roles=["crew"])
    desk.guild.moved = -3_600
    desk.human.say(f"<@{BOT}> hello")
    await desk.until(lambda: desk.guild.direct(desk.human.user).messages)
    assert len(await desk.store.notes(prefix("discord"))) == 1
    await desk.catchup.look(desk.door.hearing)
    assert await desk.store.notes(prefix("discord")) == []


async def test_a_servers_roles_count_in_direct_messages_too(desk: Any) -> None:
    await desk.houses.change(place(GUILD), roles=["crew"])
    channel, _ = desk.human.direct("please")
    await desk.until(lambda: "may not use" in desk.human.words(channel))
    typed = desk.human.command("codebutler", "new", channel=channel, request="please")
    await desk.until(lambda: "may not use" in typed.words)
    theirs, _ = mate(desk).direct("and me?")
    await desk.until(lambda: desk.received)
    assert [each.text for each in desk.received] == ["and me?"]
    assert "may not use" not in mate(desk).words(theirs)


async def test_the_hosts_roles_let_in_directly_who_has_one_in_the_guild(desks: Callable[..., Any]) -> None:
    desk = await desks(roles=["77"])
    channel, _ = desk.human.direct("please")
    await desk.until(lambda: "may not use" in desk.human.words(channel))
    mate(desk).direct("and me?")
    await desk.until(lambda: desk.received)
    assert [each.text for each in desk.received] == ["and me?"]


async def test_a_request_in_the_channel_by_who_may_not_is_not_met_by_silence(desk: Any) -> None:
    await desk.houses.change(place(GUILD), roles=["crew"])
    asked = desk.human.say("please")
    await desk.until(lambda: desk.guild.channels[SHOP].messages[asked].get("reactions"))
    [sign] = desk.guild.channels[SHOP].messages[asked]["reactions"]
    assert sign["emoji"]["name"] == CLOSED
    assert desk.received == []
