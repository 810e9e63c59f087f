"""``codebutler init``: set a repo up. Safe to run again: nothing that a person edited is overwritten."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codebutler.cli import init_discord, init_slack, seeding
from codebutler.config import ENVIRONMENT, FILE, SHIPPED, Config, home_folder, load_config
from codebutler.errors import UsageError
from codebutler.models.routing import NO_PROVIDER_FIX, Router
from codebutler.repo.discover import Repo, find_repo

HELP = "Set this repo up: config, prompts, memory. Safe to run again."
_FIRST = {"limits.maxConcurrentThreads": 3, "limits.maxCallsPerHour": 100}
"""What a new repo config says: the shipped limits, to be lowered in place."""
_ASKED = {
    "models.pm.default": "Model of the PM, who talks and plans",
    "models.coder.model": "Model of the Coder, who writes the code",
    "slack.channelID": "Slack channel ID of this repo",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Everything that the wizard asks can be said beforehand."""
    parser.add_argument(
        "what", nargs="?", choices=["slack", "discord"], help="the app, its tokens and this repo's channel"
    )
    parser.add_argument("--repo", type=Path, default=Path(), metavar="DIR", help="the repo (default: here)")
    parser.add_argument("--home", type=Path, metavar="DIR", help="CODEBUTLER_HOME")
    parser.add_argument("--yes", action="store_true", help="ask nothing; take what is given and the defaults")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the repo's config"
    )
    parser.add_argument(
        "--save-keys", action="store_true", help="keep the keys found in the environment in the global config"
    )
    init_slack.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the repo is set up; mistakes are CodeButlerErrors."""
    repo = asyncio.run(find_repo(args.repo.resolve()))
    home = args.home.resolve() if args.home else home_folder()
    asking = sys.stdin.isatty() and not args.yes
    print(f"Repo: {repo.root}")
    if args.what == "slack":
        return asyncio.run(init_slack.run(repo, home, args))
    if args.what == "discord":
        return asyncio.run(init_discord.run(repo, home, args))
    config = _keys(repo, home, save=args.save_keys, asking=asking)
    changes = _wishes(args.set)
    if asking:
        changes = _ask_settings(config, changes) | changes
    _config_file(repo, home, changes)
    _files(repo)
    _farewell(config)
    return 0


# ------------------------------------------------------------------------------- keys


def _keys(repo: Repo, home: Path, *, save: bool, asking: bool) -> Config:
    """Say which keys there are, keep them if wanted, and load the configuration with them."""
    config = load_config(repo.root, home=home)
    secrets = {
        key: origin
        for key, value, origin in config.items()
        if value is not None and origin != SHIPPED and _is_key(key)
    }
    for key, origin in secrets.items():
        print(f"  found {key} ({origin})")
    loose = {key: origin for key, origin in secrets.items() if ENVIRONMENT.get(origin) == key}
    if not save and loose and asking:
        save = _yes(f"Keep {', '.join(loose)} in {home / FILE} (only you can read it), for every shell?")
    if save and loose:
        seeding.write_global_config(home, {key: os.environ[variable] for key, variable in loose.items()})
        print(f"  kept in {home / FILE} (mode 0600)")
    if asking and not Router(config).endpoints:
        key = getpass.getpass("OpenRouter API key (not shown; Enter leaves it out): ").strip()
        if key:
            seeding.write_global_config(home, {"openrouter.apiKey": key})
            print(f"  kept in {home / FILE} (mode 0600)")
    return load_config(repo.root, home=home)


def _is_key(key: str) -> bool:
    """Keys, and the address that goes with one."""
    return key in ENVIRONMENT.values() or key.endswith(".apiKey")


def _yes(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


# --------------------------------------------------------------------------- settings


def _wishes(pairs: list[str]) -> dict[str, Any]:
    """KEY=VALUE pairs; a value that is JSON is taken as such."""
    wishes: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise UsageError(
                f"--set {pair!r} is not KEY=VALUE", fix="For example --set limits.usdPerThread=2"
            )
        try:
            wishes[key] = json.loads(value)
        except ValueError:
            wishes[key] = value
    return wishes


def _ask_settings(config: Config, given: Mapping[str, Any]) -> dict[str, Any]:
    """The few things worth asking; Enter keeps what holds."""
    answers: dict[str, Any] = {}
    values = {key: value for key, value, _ in config.items()}
    for key, question in _ASKED.items():
        if key in given or (key.startswith("slack.") and config.slack.bot_token is None):
            continue
        answer = input(f"{question} [{values[key] or 'as shipped'}]: ").strip()
        if answer:
            answers[key] = answer
    return answers


def _config_file(repo: Repo, home: Path, changes: Mapping[str, Any]) -> None:
    new = not (repo.inner / FILE).exists()
    text = seeding.repo_text(repo, {**(_FIRST if new else {}), **changes})
    notes = load_config(
        repo.root, home=home, repo_text=text
    ).notes  # a wrong key is an error before it is written
    if not new and not changes:
        print(f"  kept  .codebutler/{FILE}")
        return
    written = seeding.write_repo_config(repo, text)
    print(f"  {'wrote' if written else 'kept '} .codebutler/{FILE}")
    for note in notes:
        print(f"  note: {note}")


def _files(repo: Repo) -> None:
    """Prompts, memory and .gitignore."""
    wrote = [below for below, text in seeding.seeds() if seeding.plant(repo, below, text)]
    kept = sum(1 for _ in seeding.seeds()) - len(wrote)
    if seeding.ignore(repo):
        wrote.append(".gitignore")
    for below in wrote:
        print(f"  wrote .codebutler/{below}")
    if kept:
        print(f"  kept  {kept} prompt and memory files that were there")


def _farewell(config: Config) -> None:
    print("Next:")
    if not Router(config).endpoints:
        print(f"  a model: {NO_PROVIDER_FIX}")
    print(
        '  git add .codebutler && git commit -m "Set up CodeButler"   # roles read these files from commits'
    )
    print("  codebutler doctor   # is everything in place?")
    print("  codebutler chat     # talk to the team")
