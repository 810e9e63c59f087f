"""``codebutler replay``: fold a thread's log once more, and compare what was made of it."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from codebutler.cli.common import add_place, find_thread, place_and_store
from codebutler.surfaces.terminal import plain
from codebutler.thread import evidence, render
from codebutler.thread.evidence import Evidence
from codebutler.thread.replay import differences

HELP = "Fold a thread's log again and compare it with its row, outbox and money."


def configure(parser: argparse.ArgumentParser) -> None:
    """Which thread."""
    parser.add_argument("thread", metavar="THREAD", help="its id, the start of it, or a FILE.jsonl of export")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when all agrees, 1 when something differs, 2 when there is no such thread or file."""
    if args.thread.endswith(".jsonl"):
        found = evidence.of_file(Path(args.thread))
    else:
        found = asyncio.run(_of_store(args))
    differing = differences(found)
    for line in differing:
        print(plain(line))
    head = f"thread {found.thread}: {len(found.events)} events"
    if differing:
        print(f"{head}, {len(differing)} differences")
        return 1
    state = found.state()
    print(f"{head}, {state.phase}, {state.outcome or 'at work'}, {render.money(state.usd)}: all agrees")
    return 0


async def _of_store(args: argparse.Namespace) -> Evidence:
    async with place_and_store(args, reads=True) as (_, store):
        return await evidence.of_store(store, await find_thread(store, args.thread))
