"""``codebutler restore``: a saved store in the place of the repo's own; the old one is kept beside it."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from codebutler.cli.common import add_place
from codebutler.service.app import find_place
from codebutler.service.restoring import Restored, restore
from codebutler.surfaces.terminal import plain

HELP = "Bring threads back from a backup, or from the copy that is kept in the home."


def configure(parser: argparse.ArgumentParser) -> None:
    """From what."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="a backup; default: the newest copy of a lost store",
    )
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0; 2 while a process runs the repo's threads, or when there is nothing to restore."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    place = await find_place(args.repo.resolve(), home=args.home)
    print(plain(place.redactor.text(_words(await restore(place, args.file)))))
    return 0


def _words(done: Restored) -> str:
    open_ = sum(row.phase != "closed" for row in done.threads)
    threads = "1 thread is" if len(done.threads) == 1 else f"{len(done.threads)} threads are"
    lines = [f"{threads} back, {open_} open, from {done.source}."]
    if done.kept is not None:
        lines.append(f"The store that was here before is {done.kept}.")
    lines += [f"Only that one has thread {row.id}: {row.title}" for row in done.lost]
    lines += [
        f"Thread {row.id} needs its branch {row.branch}, which is not in this clone: {fetch}"
        for row, fetch in done.missing
    ]
    return "\n".join(lines)
