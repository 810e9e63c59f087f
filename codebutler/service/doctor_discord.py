"""What the doctor asks Discord: whether the token works, what the bot sees, whether channels are open."""

from __future__ import annotations

from codebutler.config import Config
from codebutler.service.doctor_check import Check, note, ok, problem
from codebutler.surfaces.discord import setup
from codebutler.surfaces.discord.link import Link

_AREA = "discord"


async def examine(config: Config, *, offline: bool) -> list[Check]:
    """Nothing for a repo without Discord. ``offline``: ask no server."""
    discord = config.discord
    if discord.token is None:
        return []
    if offline:
        return [ok(_AREA, f"a token is set ({config.origin('discord.token')})")]
    link = Link(discord)
    try:
        bot = await setup.whose(link.calls)
        checks = [ok(_AREA, f"{bot.name} in {', '.join(bot.guilds.values()) or 'no guild'}")]
        if not bot.guilds:
            checks.append(problem(_AREA, "the bot is in no guild", f"Invite it: {bot.invite}"))
        if fix := setup.content_problem(bot):
            checks.append(problem(_AREA, "the message content intent is off", fix))
        if discord.guild_id and bot.guilds and discord.guild_id not in bot.guilds:
            words = f"the bot is not in the guild {discord.guild_id}"
            checks.append(problem(_AREA, words, f"Invite it, or change discord.guildID: {bot.invite}"))
        channels = [c for c in (discord.channel_id, *discord.channels, discord.admin_channel) if c]
        checks += [problem(_AREA, text, fix) for text, fix in await setup.states(link.calls, channels)]
        if not channels:
            checks.append(note(_AREA, "no channel: mentions and direct messages open threads"))
    finally:
        await link.close()
    return checks
