"""``codebutler audit``: every command, who gave it, where, and what came of it."""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from msgspec.structs import asdict

from codebutler.cli.common import add_place, find_thread, place_and_store, when
from codebutler.cli.cost import since
from codebutler.surfaces.terminal import plain
from codebutler.thread.audit import Entry, audit

HELP = "Every command: who, where, what, and what came of it."


def configure(parser: argparse.ArgumentParser) -> None:
    """Of which thread, from when on, and how."""
    parser.add_argument("thread", nargs="?", default="", help="its id, or the start of it (default: all)")
    parser.add_argument("--since", metavar="WHEN", help="a date (2026-11-21, UTC), or 12h, 7d, 4w ago")
    parser.add_argument("--json", action="store_true", help="JSON lines")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0; 2 when there is no such thread or time."""
    return asyncio.run(_run(args, since(args.since, time.time()) if args.since else 0.0))


async def _run(args: argparse.Namespace, start: float) -> int:
    async with place_and_store(args, reads=True) as (_, store):
        thread = await find_thread(store, args.thread) if args.thread else ""
        entries = await audit(store, thread=thread, since=start)
    for entry in entries:
        print(json.dumps(asdict(entry)) if args.json else plain(_shown(entry)))
    if not entries and not args.json:
        print("No command was given yet.")
    return 0


def _shown(entry: Entry) -> str:
    place = f"{entry.where} ({entry.thread})" if entry.thread else entry.where
    return f"{when(entry.at)}  {entry.who}  {place}\n    {entry.what}\n    → {entry.result}"
