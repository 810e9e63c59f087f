"""``codebutler fork``: a second thread from a point of one."""

from __future__ import annotations

import argparse
import asyncio
import secrets

from codebutler.cli.common import add_place, load, place_and_store
from codebutler.cli.headless import Consent, attend, show_summary
from codebutler.cli.session import open_session
from codebutler.surfaces.terminal import NAME, Terminal
from codebutler.thread.fork import conversation

HELP = "Go on from a thread's point in a second thread: own branch, own pull request."


def configure(parser: argparse.ArgumentParser) -> None:
    """Which thread, which point."""
    parser.add_argument("thread", help="its id, or the start of it")
    parser.add_argument("point", nargs="?", type=int, help="the point's number (default: the last one)")
    add_place(parser)
    parser.add_argument(
        "--json", action="store_true", help="one event a line; the summary names the new thread"
    )


def run(args: argparse.Namespace) -> int:
    """Exit 0; 1 when there is no such point; 2 usage."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    async with place_and_store(args) as (place, store):
        source = (await load(store, args.thread)).id
    key = f"fork:{secrets.token_hex(6)}"
    async with open_session(place, [Terminal(quiet=args.json)]) as session:
        await session.resume(source)
        await session.say(action="fork", value="" if args.point is None else str(args.point), key=key)
        await attend(session, Consent(), as_json=args.json)
        rows = await session.host.store.events(source)
        message = next(row.seq for row in rows if row.key == f"{NAME}:{key}")
        made = await session.host.store.find(NAME, conversation(source, message))
        code = 0 if made else 1
        show_summary(session, code, as_json=args.json, forked=made)
        return code
