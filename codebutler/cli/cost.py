"""``codebutler cost``: what the repo's threads have cost, with a plot."""

from __future__ import annotations

import argparse
import asyncio
import calendar
import json
import re
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from codebutler.cli.common import add_place, place_and_store
from codebutler.errors import UsageError
from codebutler.surfaces.terminal import plain
from codebutler.thread import render
from codebutler.thread.bill import BY, Sum, bill

HELP = "What the threads cost: by day, month, person, role, model or thread."
_UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
_EIGHTHS = " ▏▎▍▌▋▊▉"
NARROWEST, WIDEST = 6, 60
"""Characters of the shortest plot that is worth its place, and of the longest."""
SHORTEST, ENOUGH = 10, 20
"""Characters to which a name is cut at most, a date's; and that it is given before any figure falls away."""
MANY = 62
"""Days in a table from which months are easier to read."""
_HEAD = ("", "cost", "calls", "tokens in", "cached", "out")


def configure(parser: argparse.ArgumentParser) -> None:
    """What to add up, from when on."""
    parser.add_argument(
        "--by", choices=BY, default="day", help="what to add up by (default: day; days and months are UTC)"
    )
    parser.add_argument("--since", metavar="WHEN", help="a date (2026-11-21, UTC), or 12h, 7d, 4w ago")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0; 2 for a time that is none."""
    return asyncio.run(_run(args, since(args.since, time.time()) if args.since else 0.0))


async def _run(args: argparse.Namespace, start: float) -> int:
    async with place_and_store(args, reads=True) as (_, store):
        sums, together = bill(await store.bought(start), args.by)
    if args.json:
        rows = [{args.by: name, **each.json()} for name, each in sums.items()]
        print(json.dumps({"by": args.by, "since": args.since, "rows": rows, "total": together.json()}))
    elif not sums:
        print("No model was called" + (f" since {args.since}." if args.since else " yet."))
    else:
        width = shutil.get_terminal_size().columns
        lines = table(sums, together, width=width, fine=_fine(sys.stdout.encoding))
        print("\n".join([*lines, *advice(args.by, len(sums))]))
    return 0


def since(text: str, now: float) -> float:
    """The unix time that ``text`` means: a day's beginning in UTC, or so long before ``now``."""
    ago = re.fullmatch(r"(\d{1,5})([hdw])", text.strip())
    if ago is not None:
        return max(0.0, now - int(ago[1]) * _UNITS[ago[2]])
    try:
        return float(calendar.timegm(time.strptime(text.strip(), "%Y-%m-%d")))
    except ValueError as error:
        raise UsageError(
            f"--since does not take {text!r}", fix="A date such as 2026-11-21, or 12h, 7d, 4w."
        ) from error


def advice(by: str, rows: int) -> list[str]:
    """How to get a shorter table than one of so many days."""
    return [f"{rows} days: --by month or --since 4w is shorter."] if by == "day" and rows > MANY else []


def table(sums: Mapping[str, Sum], together: Sum, *, width: int, fine: bool) -> Iterator[str]:
    """Lines of at most ``width`` characters, from some 20 on; where there is little room, figures fall away.

    The plot takes what is left. ``fine``: the terminal can show eighths of a block.
    """
    names = {name: " ".join(plain(name).split()) for name in sums}
    rows = [_HEAD, *(_cells(names[n], s) for n, s in sums.items()), _cells("all", together)]
    sizes = [max(_wide(row[k]) for row in rows) for k in range(len(_HEAD))]
    sizes = _fitting(sizes, width)
    figures = sum(2 + size for size in sizes[1:])
    sizes[0] = max(min(sizes[0], width - figures), min(sizes[0], SHORTEST))
    room = min(WIDEST, width - sizes[0] - figures - 2)
    most = max(each.usd for each in sums.values()) or float("inf")
    bars = ["", *(_bar(each.usd / most, room, fine=fine) for each in sums.values()), ""]
    for row, bar in zip(rows, bars, strict=True):
        cells = [cell.rjust(size) for cell, size in zip(row[1:], sizes[1:], strict=False)]
        yield "  ".join([_fit(row[0], sizes[0]), *cells, bar]).rstrip()
    if together.broken:
        yield f"{render.money(together.broken_usd)} of it for answers that broke off ({together.broken})"
    if together.unpriced:
        yield f"* with calls of models that have no known price ({together.unpriced}): they count as $0"


def _fitting(sizes: Sequence[int], width: int) -> list[int]:
    """Name, cost, and as many of the other columns as leave room for the plot."""
    room = width - min(sizes[0], ENOUGH) - 2 - NARROWEST
    kept = [count for count in range(3, len(sizes) + 1) if sum(2 + size for size in sizes[1:count]) <= room]
    return list(sizes[: max(kept, default=2)])


def _cells(name: str, each: Sum) -> tuple[str, ...]:
    star = "*" if each.unpriced else ""
    counts = (each.calls, each.input, each.cached, each.output)
    return (name, render.money(each.usd) + star, *(f"{n:,}" for n in counts))


def _bar(share: float, room: int, *, fine: bool) -> str:
    """A bar of ``share`` of the room, if only a trace; "" when there is too little room."""
    if room < NARROWEST or not share:
        return ""
    if not fine:
        return "#" * max(1, round(share * room))
    eighths = max(1, round(share * room * 8))
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def _wide(text: str) -> int:
    """The columns that a terminal takes for ``text``: two for each character of East Asian scripts."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _fit(text: str, size: int) -> str:
    if _wide(text) > size:
        ends = (n for n in range(len(text), -1, -1) if _wide(text[:n]) < size)
        text = text[: next(ends)] + "…"
    return text + " " * (size - _wide(text))


def _fine(encoding: str) -> bool:
    return encoding.lower().replace("-", "").startswith("utf")
