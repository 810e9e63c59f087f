"""``codebutler rewind``: the points of a thread, and back to one of them."""

from __future__ import annotations

import argparse
import asyncio
import json

from msgspec import structs

from codebutler.cli.common import add_place, load, place_and_store, when
from codebutler.cli.headless import Consent, attend, show_summary
from codebutler.cli.session import open_session
from codebutler.surfaces.terminal import Terminal, plain
from codebutler.thread.points import Point, points
from codebutler.thread.rewind import NOTHING

HELP = "List a thread's points, or take it back to one: files and conversation."


def configure(parser: argparse.ArgumentParser) -> None:
    """Which thread, which point."""
    parser.add_argument("thread", help="its id, or the start of it")
    parser.add_argument(
        "point", nargs="?", type=int, help="the point's number; without it, the points are listed"
    )
    add_place(parser)
    parser.add_argument(
        "--json", action="store_true", help="one point a line, or one event a line and a summary"
    )


def run(args: argparse.Namespace) -> int:
    """Exit 0; 1 when the thread could not be taken back; 2 usage."""
    return asyncio.run(_list(args) if args.point is None else _back(args))


async def _list(args: argparse.Namespace) -> int:
    async with place_and_store(args) as (place, store):
        state = await load(store, args.thread)
    known = points(state)
    for point in known:
        if args.json:
            print(json.dumps(structs.asdict(point)))
        else:
            print(plain(place.redactor.text(line(point))))
    if not known and not args.json:
        print(NOTHING)
    return 0


def line(point: Point) -> str:
    """A point in one line."""
    files = f"  [{', '.join(point.files)}]" if point.files else ""
    return f"{point.number:>3}  {when(point.ts)}  {point.commit[:10] or '-':<10}  {point.text}{files}"


async def _back(args: argparse.Namespace) -> int:
    async with place_and_store(args) as (place, store):
        before = await load(store, args.thread)
    async with open_session(place, [Terminal(quiet=args.json)]) as session:
        await session.resume(before.id)
        await session.say(action="rewind", value=str(args.point))
        await attend(session, Consent(), as_json=args.json)
        code = 0 if session.state.rewinds > before.rewinds else 1
        show_summary(session, code, as_json=args.json)
        return code
