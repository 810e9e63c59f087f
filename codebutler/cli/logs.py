"""``codebutler logs``: the events of a thread, one a line; ``--follow`` goes on as they come."""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from codebutler.cli.common import add_place, load, place_and_store
from codebutler.cli.headless import line_of
from codebutler.store.rows import StoredEvent
from codebutler.surfaces.terminal import plain

HELP = "Print a thread's event log."
WIDTH = 160


def configure(parser: argparse.ArgumentParser) -> None:
    """Which thread, and how."""
    parser.add_argument("thread", help="its id, or the start of it")
    parser.add_argument("--json", action="store_true", help="whole events as JSON lines")
    parser.add_argument("--follow", "-f", action="store_true", help="go on printing until Ctrl-C")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0; 2 when there is no such thread."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    async with place_and_store(args, reads=True) as (_, store):
        thread, seq = (await load(store, args.thread)).id, 0
        while True:
            for row in await store.events(thread, after=seq):
                print(line_of(row) if args.json else _short(row), flush=True)
                seq = row.seq
            if not args.follow:
                return 0
            await asyncio.sleep(0.3)


def _short(row: StoredEvent) -> str:
    """Time, number, kind and as much of the body as fits a line."""
    body = {k: v for k, v in json.loads(row.body).items() if k != "kind" and v not in ("", [], {}, None)}
    at = time.strftime("%H:%M:%S", time.localtime(row.ts))
    text = " ".join(f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in body.items())
    return plain(f"{at} {row.seq:>4} {row.kind:<18} {' '.join(text.split())}")[:WIDTH]
