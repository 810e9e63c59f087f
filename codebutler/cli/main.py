"""The console script: find the command, import only its module, turn errors into one clear line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from codebutler import __version__
from codebutler.errors import CodeButlerError

COMMANDS = {
    "init": "codebutler.cli.init",
    "chat": "codebutler.cli.chat",
    "run": "codebutler.cli.run",
    "serve": "codebutler.cli.serve",
    "threads": "codebutler.cli.threads",
    "show": "codebutler.cli.show",
    "logs": "codebutler.cli.logs",
    "pr": "codebutler.cli.pr",
    "tool": "codebutler.cli.tool",
    "executor": "codebutler.cli.executor",
    "worktree": "codebutler.cli.worktree",
    "doctor": "codebutler.cli.doctor",
    "config": "codebutler.cli.config",
    "demo": "codebutler.cli.demo",
    "bench": "codebutler.cli.bench",
    "scripted": "codebutler.testing.cli_scripted",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code of design's contract (0, 1, 2, 3, 4, 130)."""
    words = list(sys.argv[1:] if argv is None else argv)
    name = words[0] if words else "--help"
    if name in {"-V", "--version"}:
        print(f"codebutler {__version__}")
        return 0
    if name in {"-h", "--help", "help"}:
        print(overview())
        return 0
    if name not in COMMANDS:
        print(f"codebutler: no command {name!r}. See: codebutler --help", file=sys.stderr)
        return 2
    module = importlib.import_module(COMMANDS[name])
    parser = argparse.ArgumentParser(prog=f"codebutler {name}", description=module.HELP, allow_abbrev=False)
    module.configure(parser)
    try:
        args = parser.parse_args(words[1:])
        code: int = module.run(args)
    except CodeButlerError as error:
        print(f"codebutler {name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has gone: nothing to tell anyone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def overview() -> str:
    """The list of commands with a line for each."""
    lines = [
        "usage: codebutler COMMAND …",
        "",
        "A multi-role AI dev team that lives in your chat threads.",
        "",
    ]
    for name, path in COMMANDS.items():
        lines.append(f"  {name:<10} {importlib.import_module(path).HELP}")
    return "\n".join([*lines, "", "codebutler COMMAND --help says more."])
