"""``codebutler init discord``: the token checked, the bot invited, the repo's guild and channel kept."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from codebutler.cli import seeding
from codebutler.config import FILE, Config, load_config
from codebutler.errors import ConfigError, UsageError
from codebutler.repo.discover import Repo
from codebutler.settings.discord import Discord
from codebutler.surfaces.discord import setup
from codebutler.surfaces.discord.link import Link
from codebutler.surfaces.discord.setup import Bot

WAITS = 3
_STEPS = """
  1. https://discord.com/developers/applications: New Application
  2. Bot: turn on Message Content Intent, then Reset Token and copy it
"""


async def run(repo: Repo, home: Path, args: argparse.Namespace) -> int:
    """Exit 0 when all is there; 3 when a token, an invitation or a permission is still missing."""
    asking = sys.stdin.isatty() and not args.yes
    config = load_config(repo.root, home=home)
    token = _token(config, args.bot_token_file)
    if not token:
        print(_STEPS)
        if not asking:
            print("Then run it again with DISCORD_TOKEN set, or with --bot-token-file FILE.")
            return WAITS
        token = getpass.getpass("Bot token (not shown): ").strip()
    given = {"token": token, "baseUrl": config.discord.base_url}
    link = Link(Discord.model_validate(given))
    try:
        bot = await setup.whose(link.calls)
        print(f"  the token is {bot.name}'s")
        if fix := setup.content_problem(bot):
            raise ConfigError("the message content intent is off", fix=fix)
        if not bot.guilds:
            print(f"Invite it, then run this again:\n  {bot.invite}")
            return WAITS
        guild = _guild(config, bot)
        wish = args.channel or config.discord.channel_id or f"codebutler-{repo.root.name}"
        place = await setup.channel(link.calls, guild, _asked(wish) if asking else wish)
        wrong = await setup.states(link.calls, [place.id])
    finally:
        await link.close()
    text = seeding.repo_text(repo, {"discord.guildID": guild, "discord.channelID": place.id})
    load_config(repo.root, home=home, repo_text=text)
    seeding.write_global_config(home, {"discord.token": token})
    print(f"  kept the token in {home / FILE} (mode 0600)")
    wrote = seeding.write_repo_config(repo, text)
    print(f"  {'wrote' if wrote else 'kept '} .codebutler/{FILE}: #{place.name} in {bot.guilds[guild]}")
    for words, fix in wrong:
        print(f"  but {words}. {fix}\n  Or invite it again: {bot.invite}")
    print('Next:\n  git add .codebutler && git commit -m "Talk in Discord"\n  codebutler serve')
    return WAITS if wrong else 0


def _asked(shipped: str) -> str:
    return input(f"Channel or forum, by name or id [{shipped}]: ").strip() or shipped


def _token(config: Config, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read", fix="Name a file with the token alone.") from error
    return config.discord.token.get_secret_value() if config.discord.token else ""


def _guild(config: Config, bot: Bot) -> str:
    """The configured guild, or the only one."""
    if config.discord.guild_id in bot.guilds:
        return str(config.discord.guild_id)
    if len(bot.guilds) == 1:
        return next(iter(bot.guilds))
    names = ", ".join(f"{name} ({guild})" for guild, name in bot.guilds.items())
    raise ConfigError(
        f"the bot is in several guilds: {names}", fix="Set discord.guildID, and run this again."
    )
