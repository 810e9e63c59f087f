"""``codebutler show``: one thread, told as its journal."""

from __future__ import annotations

import argparse
import asyncio

from codebutler.cli.common import add_place, load, place_and_store
from codebutler.surfaces.terminal import plain
from codebutler.thread import render
from codebutler.thread.journal import journal
from codebutler.thread.lastword import standing

HELP = "Show one thread: where it stands, its story, its cost."


def configure(parser: argparse.ArgumentParser) -> None:
    """Which thread."""
    parser.add_argument("thread", help="its id, or the start of it")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0; 2 when there is no such thread."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    async with place_and_store(args, reads=True) as (place, store):
        state = await load(store, args.thread)
        text = journal(state, await store.events(state.id))
    stands = [render.status(state).text, *filter(None, [standing(state)])]
    print(plain(place.redactor.text("\n".join(stands) + f"\n\n{text}")))
    return 0
