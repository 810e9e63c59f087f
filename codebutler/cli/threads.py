"""``codebutler threads``: what there is, newest first."""

from __future__ import annotations

import argparse
import asyncio
import json

from msgspec import structs

from codebutler.cli.common import add_place, place_and_store, when
from codebutler.surfaces.terminal import plain
from codebutler.thread.reach import load, side_by_side

HELP = "List the repo's threads."
SHOWN = 3
"""Overlapping threads that a line names."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Where, and how to print."""
    add_place(parser)
    parser.add_argument("--json", action="store_true", help="one thread a line")


def run(args: argparse.Namespace) -> int:
    """Exit 0."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    async with place_and_store(args, reads=True) as (_, store):
        rows = await store.threads()
    near = side_by_side({row.id: load(row.data) for row in rows if row.phase != "closed"})
    for row in sorted(rows, key=lambda r: r.updated_at, reverse=True):
        if args.json:
            told = {k: v for k, v in structs.asdict(row).items() if k != "data"}
            print(json.dumps({**told, "overlaps": near.get(row.id, [])}))
        else:
            pr = f"#{row.pr}" if row.pr else "-"
            head = f"{row.id:<12} {row.phase:<7} {row.status:<10} {pr:<5} {when(row.updated_at)}"
            print(f"{head}  {plain(row.title)}{_beside(near.get(row.id, []))}")
    if not rows and not args.json:
        print('No threads yet. Start one: codebutler chat, or codebutler run "TASK".')
    return 0


def _beside(others: list[str]) -> str:
    """The open threads that are about the same files."""
    more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    return f"  (same files as {', '.join(others[:SHOWN])}{more})" if others else ""
