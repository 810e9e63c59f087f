"""``codebutler init slack``: from no app to a channel that answers. Safe to run again."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from codebutler.cli import seeding
from codebutler.config import FILE, Config, load_config
from codebutler.errors import ConfigError, UsageError
from codebutler.repo.discover import Repo
from codebutler.service import installed
from codebutler.settings.slack import Slack
from codebutler.surfaces.slack import setup
from codebutler.surfaces.slack.link import Link
from codebutler.surfaces.slack.setup import Found

WAITS = 3
_BYTES = 4096
"""No token's file is larger."""
_STEPS = """
  1. Open this link, choose the workspace, press Create:
     {link}
  2. Install App, Install to Workspace: copy the Bot User OAuth Token (xoxb-…)
  3. Basic Information, App-Level Tokens, Generate, scope connections:write: copy it (xapp-…)
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """What the wizard asks, said beforehand."""
    group = parser.add_argument_group("init slack")
    group.add_argument("--bot-token-file", type=Path, metavar="FILE", help="a file with the bot token")
    group.add_argument("--app-token-file", type=Path, metavar="FILE", help="a file with the app token")
    group.add_argument("--channel", metavar="NAME", help="the repo's channel, by name, link or id")


async def run(repo: Repo, home: Path, args: argparse.Namespace) -> int:
    """Exit 0 when the channel answers; 3 when the tokens are still to be made."""
    asking = sys.stdin.isatty() and not args.yes
    config = load_config(repo.root, home=home)
    tokens = _given(config, args)
    if len(tokens) < 2:
        _show_app()
        if not asking:
            print("Then run it again with SLACK_BOT_TOKEN and SLACK_APP_TOKEN set, or with")
            print("  codebutler init slack --bot-token-file FILE --app-token-file FILE")
            return WAITS
        tokens = _typed(tokens)
    tokens = await _checked(config, tokens, asking=asking)
    link = _link(config, tokens)
    try:
        known = config.slack.channel_id
        found = await setup.channel(link.calls, _wish(repo, config, args, asking=asking))
        print(f"  #{found.name or found.id} ({found.id}){': made' if found.made else ''}")
        _store(repo, home, tokens, found)
        if known == found.id:
            print("  no hello: it is this repo's channel already")
        else:
            await setup.hello(link.calls, found, repo.root.name)
            print("  said hello there")
    finally:
        await link.close()
    _farewell(args.home)
    return 0


def _link(config: Config, tokens: dict[str, str]) -> Link:
    given = {"botToken": tokens["bot"], "appToken": tokens["app"], "baseUrl": config.slack.base_url}
    return Link(Slack.model_validate({**given, "postSeconds": 0.0}))


async def _checked(config: Config, tokens: dict[str, str], *, asking: bool) -> dict[str, str]:
    """Tokens that Slack accepts; who sits there may type others in place of those that it does not."""
    while True:
        link = _link(config, tokens)
        try:
            await _check(link, tokens["app"])
        except ConfigError as error:
            if not asking:
                raise
            print(f"  {error}")
            tokens = _typed({})
        else:
            return tokens
        finally:
            await link.close()


def _given(config: Config, args: argparse.Namespace) -> dict[str, str]:
    """Tokens that are there: in files, in the environment, in the configuration."""
    slack = config.slack
    stored = {"bot": slack.bot_token, "app": slack.app_token}
    files = {"bot": args.bot_token_file, "app": args.app_token_file}
    checks = {"bot": setup.bot_token, "app": setup.app_token}
    found = {}
    for kind, check in checks.items():
        secret = stored[kind]
        if files[kind] is not None:
            found[kind] = check(_read(files[kind]))
        elif secret is not None:
            origin = config.origin(f"slack.{kind}Token")
            try:
                found[kind] = check(secret.get_secret_value())
            except ConfigError as error:
                raise ConfigError(f"{origin}: {error.message}", fix=error.fix) from error
            print(f"  found slack.{kind}Token ({origin})")
    return found


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.read(_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"{path} cannot be read: {why}", fix="Name a file with the token alone.") from error


def _show_app() -> None:
    print("The app, as Slack takes it (App Manifest, YAML):\n")
    print(setup.manifest())
    print(_STEPS.format(link=setup.create_link()))


def _typed(tokens: dict[str, str]) -> dict[str, str]:
    """Ask for what is missing, without showing it; a wrong kind is asked for again."""
    for kind, check in (("bot", setup.bot_token), ("app", setup.app_token)):
        while kind not in tokens:
            try:
                tokens[kind] = check(getpass.getpass(f"{kind.title()} token (not shown): "))
            except ConfigError as error:
                print(f"  {error}")
    return tokens


async def _check(link: Link, token: str) -> None:
    """Both tokens, live."""
    bot = await setup.whose(link.calls)
    print(f"  the bot token is {bot.user}'s in {bot.team}")
    if bot.lacks:
        raise ConfigError(
            f"the bot token lacks {', '.join(bot.lacks)}",
            fix=f"{setup.ADD_SCOPES}, and run this with the new token.",
        )
    for line in bot.misses:
        print(f"  without {line}")
    await setup.may_connect(link.calls, token, bot)
    print("  the app token opens connections")


def _wish(repo: Repo, config: Config, args: argparse.Namespace, *, asking: bool) -> str:
    shipped = config.slack.channel_id or config.slack.channel_name or f"codebutler-{repo.root.name}"
    if args.channel or not asking:
        return str(args.channel or shipped)
    return input(f"Channel of this repo, by name, link or id [{shipped}]: ").strip() or shipped


def _store(repo: Repo, home: Path, tokens: dict[str, str], found: Found) -> None:
    """The channel into the repo's config, the tokens into the host's."""
    changes = {"slack.channelID": found.id, **({"slack.channelName": found.name} if found.name else {})}
    text = seeding.repo_text(repo, changes)
    load_config(repo.root, home=home, repo_text=text)
    seeding.write_global_config(home, {"slack.botToken": tokens["bot"], "slack.appToken": tokens["app"]})
    print(f"  kept both tokens in {home / FILE} (mode 0600)")
    wrote = seeding.write_repo_config(repo, text)
    print(f"  {'wrote' if wrote else 'kept '} .codebutler/{FILE}")
    for variable, kind in (("SLACK_BOT_TOKEN", "bot"), ("SLACK_APP_TOKEN", "app")):
        if os.environ.get(variable, "").strip() not in {"", tokens[kind]}:
            print(f"  note: {variable} of this shell is another token, and goes before the one that was kept")
    for name in installed.forget_variables(home, ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")):
        print(f"  {name} reads them from there now: codebutler service install starts it again")


def _farewell(home: Path | None) -> None:
    more = f" --home {home}" if home else ""
    print("Next:")
    print(
        '  git add .codebutler && git commit -m "Talk in Slack"   # the channel counts once it is committed'
    )
    print(f"  codebutler serve{more}               # or for good: codebutler service install{more}")
