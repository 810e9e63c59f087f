"""``codebutler executor``: the sandboxed executor on stdio, for any MCP client."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys

from codebutler.cli.border import add_worktree, announced
from codebutler.sandbox.job import Job
from codebutler.sandbox.launch import prepare
from codebutler.sandbox.problems import explain
from codebutler.sandbox.tenancy import move_in
from codebutler.sandbox.worktree import find_git, lent, real_folder

HELP = "Serve the sandboxed tools over stdio (MCP)."


def configure(parser: argparse.ArgumentParser) -> None:
    """Where."""
    add_worktree(parser)
    parser.add_argument("--read-only", action="store_true", help="nothing can be changed or run")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the client has closed stdin, 4 without a sandbox.

    The client's pipes go straight to the sandboxed program; this process only waits for its end.
    """
    settings = announced()
    root = real_folder(args.worktree)
    git = find_git(root)
    git = lent(git, root, settings.show) if git is not None else None
    launch = prepare(Job(root, git, args.read_only, settings))
    stay = None if args.read_only else asyncio.run(move_in(root))
    try:
        process = launch.popen(stdin=sys.stdin.fileno(), stdout=sys.stdout.fileno(), stderr=subprocess.PIPE)
        _, said = process.communicate()
    finally:
        launch.remove_scratch()
        if stay is not None:
            os.close(stay)
    if process.returncode != 0:
        raise explain(said.decode("utf-8", "replace")[:8192], settings)
    return 0
