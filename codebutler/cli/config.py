"""``codebutler config``: what holds here, and where each value came from. Secrets are never shown."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from codebutler.config import Config, home_folder, load_config
from codebutler.errors import RepoError, UsageError
from codebutler.repo.discover import find_repo
from codebutler.service.app import committed_config

HELP = "Show the configuration that holds here, and where each value came from."


def configure(parser: argparse.ArgumentParser) -> None:
    """All keys, or one."""
    parser.add_argument("key", nargs="?", metavar="KEY", help="a key, or the start of several: limits")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--repo", type=Path, default=Path(), metavar="DIR", help="the repo (default: here)")
    parser.add_argument("--home", type=Path, metavar="DIR", help="CODEBUTLER_HOME")


def run(args: argparse.Namespace) -> int:
    """Exit 0; a key that does not exist is a UsageError."""
    config = asyncio.run(_load(args.repo.resolve(), args.home.resolve() if args.home else home_folder()))
    rows = values(config, args.key or "")
    if not rows:
        raise UsageError(f"no key {args.key!r}", fix="codebutler config lists them all.")
    if args.json:
        print(json.dumps({key: {"value": value, "from": origin} for key, value, origin in rows}))
        return 0
    width = max(len(key) for key, _, _ in rows)
    for key, value, origin in rows:
        print(f"{key:<{width}}  {json.dumps(value, ensure_ascii=False)}  ({origin})")
    for note in config.notes:
        print(f"note: {note}")
    return 0


async def _load(path: Path, home: Path) -> Config:
    """What holds in threads: the repo's file counts as it was last committed."""
    try:
        repo = await find_repo(path)
    except RepoError:  # outside a repo the host's own values hold
        return load_config(None, home=home)
    return load_config(repo.root, home=home, repo_text=await committed_config(repo))


def values(config: Config, start: str = "") -> list[tuple[str, Any, str]]:
    """(key, value fit to be shown, origin) of every key that is ``start`` or lies below it."""
    return [
        (key, "(set)" if isinstance(value, SecretStr) else value, origin)
        for key, value, origin in config.items()
        if not start or key == start or key.startswith(f"{start}.")
    ]
