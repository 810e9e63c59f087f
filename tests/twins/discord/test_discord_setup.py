"""What init and the doctor find out."""

from __future__ import annotations

from typing import Any

import pytest

from codebutler.errors import ConfigError
from codebutler.surfaces.discord import setup
from codebutler.testing.discord.guild import FORUM, GUILD, SHOP


async def test_the_bot_its_guild_and_channel_are_found(desk: Any) -> None:
    bot = await setup.whose(desk.link.calls)
    assert (bot.name, bot.guilds, setup.content_problem(bot)) == ("codebutler", {GUILD: "twin"}, "")
    assert f"client_id={bot.application}" in bot.invite
    place = await setup.channel(desk.link.calls, GUILD, "#codebutler-shop")
    assert place.id == SHOP
    with pytest.raises(ConfigError, match="no channel 'nowhere'"):
        await setup.channel(desk.link.calls, GUILD, "nowhere")
    desk.guild.closed_to_us.add(SHOP)
    [(words, fix)] = await setup.states(desk.link.calls, [SHOP])
    assert ("50001" in words, bool(fix)) == (True, True)


@pytest.mark.parametrize("wish", [f"<#{SHOP}>", f"https://discord.com/channels/{GUILD}/{SHOP}", SHOP])
async def test_a_channel_is_named_as_people_copy_it(desk: Any, wish: str) -> None:
    assert (await setup.channel(desk.link.calls, GUILD, wish)).id == SHOP


async def test_permissions_that_are_missing_are_named(desk: Any) -> None:
    assert await setup.states(desk.link.calls, [SHOP]) == []
    desk.guild.permissions &= ~(1 << 35)
    [(words, fix)] = await setup.states(desk.link.calls, [SHOP])
    assert ("Create Public Threads" in words, bool(fix)) == (True, True)
    assert await setup.states(desk.link.calls, [FORUM]) == []


WRITE, ALL = 1 << 11, setup.PERMISSIONS


@pytest.mark.parametrize(
    ("everyone", "role", "overwrites", "missing"),
    [
        (ALL, 0, [], []),
        (ALL & ~WRITE, 0, [], ["Send Messages"]),
        (ALL & ~WRITE, WRITE, [], []),
        (0, 1 << 3, [("g", 0, WRITE)], []),
        (ALL, 0, [("g", 0, WRITE)], ["Send Messages"]),
        (ALL, 0, [("g", 0, WRITE), ("r", WRITE, 0)], []),
        (ALL, 0, [("r", WRITE, 0), ("s", 0, WRITE)], []),
        (ALL, 0, [("r", WRITE, 0), ("me", 0, WRITE)], ["Send Messages"]),
    ],
)
def test_what_is_lacking_follows_roles_and_the_channel(
    everyone: int, role: int, overwrites: list[tuple[str, int, int]], missing: list[str]
) -> None:
    roles = [("g", everyone), ("r", role), ("s", 0)]
    guild = {"id": "g", "roles": [{"id": name, "permissions": str(may)} for name, may in roles]}
    given = [{"id": name, "allow": str(allow), "deny": str(deny)} for name, allow, deny in overwrites]
    channel = {"type": 0, "permission_overwrites": given}
    assert setup.lacking(guild, {"roles": ["r", "s"]}, channel, "me") == missing


async def test_what_is_off_is_said(desk: Any) -> None:
    desk.guild.content_intent = False
    assert "intent" in setup.content_problem(await setup.whose(desk.link.calls))
    desk.guild.revoked = True
    with pytest.raises(ConfigError, match="token"):
        await setup.whose(desk.link.calls)
