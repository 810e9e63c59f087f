"""What init and the doctor find out."""

from __future__ import annotations

from typing import Any

import pytest

from codebutler.errors import ConfigError
from codebutler.surfaces.discord import setup
from codebutler.testing.discord.guild import GUILD, SHOP


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


async def test_what_is_off_is_said(desk: Any) -> None:
    desk.guild.content_intent = False
    assert "intent" in setup.content_problem(await setup.whose(desk.link.calls))
    desk.guild.revoked = True
    with pytest.raises(ConfigError, match="token"):
        await setup.whose(desk.link.calls)
