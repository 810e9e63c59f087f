"""The sandbox of commands that work on a folder, without a repo's configuration and without a thread."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codebutler.errors import ConfigError
from codebutler.sandbox.configured import tool_settings
from codebutler.sandbox.settings import SandboxSettings


def add_worktree(parser: argparse.ArgumentParser) -> None:
    """--worktree."""
    parser.add_argument("--worktree", type=_folder, default=Path(), metavar="DIR", help="(default: here)")


def _folder(text: str) -> Path:
    """An empty name is a variable that nobody set, not the folder one happens to stand in."""
    if not text:
        raise argparse.ArgumentTypeError("the folder's name is empty")
    return Path(text)


def announced() -> SandboxSettings:
    """The settings for a single command on a folder, which never opens the network. Where the border is not
    whole, that is said on standard error.

    A configuration that cannot be read leaves the border whole: it could only have weakened it.
    """
    try:
        settings = tool_settings()
    except ConfigError as error:
        settings = SandboxSettings.from_host()
        print(f"codebutler: {error} The sandbox is used as it is shipped.", file=sys.stderr)
    if settings.banner:
        print(f"codebutler: {settings.banner}", file=sys.stderr)
    return settings
