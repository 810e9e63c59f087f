"""``codebutler bench``: what executor, threads and harness cost, beside floors of the same run."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from pathlib import Path

from codebutler.bench import turns
from codebutler.bench.clock import Rounds
from codebutler.bench.rows import Row, table
from codebutler.errors import UsageError
from codebutler.sandbox.settings import SandboxSettings
from codebutler.types import Json

HELP = "Measure executor, threads and the harness around a model, beside the least that could do the same."
_CLONE = Path(__file__).resolve().parents[2]
_MOST = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """What to measure, and for how long."""
    parser.add_argument("what", nargs="?", choices=("all", "executor", "threads", "turns"), default="all")
    parser.add_argument(
        "--rounds", type=int, default=_MOST, metavar="N", help="executor, threads: at most N a row"
    )
    parser.add_argument("--bench", type=Path, metavar="DIR", help="turns: where the benchmark is")
    parser.add_argument("--runs", type=int, default=1, help="turns: runs of each cell; medians are shown")
    parser.add_argument("--scripts", default="shell50", help="turns: shellN,mixedN")
    parser.add_argument("--peers", type=Path, metavar="PREFIX", help="turns: where peers are installed")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Exit 0 with the tables, whatever they say; 2 when a benchmark is not there, 4 without a sandbox."""
    if args.rounds < 1:
        raise UsageError("--rounds must be at least 1")
    if args.runs < 1:
        raise UsageError("--runs must be at least 1")
    if wrong := [
        each for each in args.scripts.split(",") if not re.fullmatch(r"(shell|mixed)[1-9]\d*", each)
    ]:
        raise UsageError(
            f"--scripts: no script {wrong[0]!r}", fix="They are called shellN and mixedN: shell50"
        )
    if args.peers is not None and not args.peers.is_dir():
        raise UsageError(f"--peers: no folder {args.peers}", fix="Give the one that install_peers.sh filled")
    loop = turns.Turns(args.bench or _CLONE.parent / "shared" / "bench", args.scripts, args.runs, args.peers)
    wanted = args.what in ("all", "turns")
    if wanted and not loop.there and (args.bench is not None or args.what == "turns"):
        turns.measure(loop)  # says what is missing, before minutes of measuring
    rows = _executor(args.rounds) if args.what in ("all", "executor") else []
    threads = _threads(args.rounds) if args.what in ("all", "threads") else []
    cells = turns.measure(loop) if wanted and loop.there else []
    if args.json:
        print(json.dumps(_json(rows, threads, cells)))
        return 0
    for what, found in (("Executor", rows), ("Threads", threads)):
        if found:
            print(f"{what} (medians; x = times the floor of the same run; load {_load()})\n")
            print(table(found) + "\n")
    if cells:
        print(turns.tables(cells))
        print(turns.absence(loop))
    return 0


def _executor(rounds: int) -> list[Row]:
    from codebutler.bench.executor import measure

    return asyncio.run(measure(Rounds(rounds, _said), SandboxSettings.from_host()))


def _threads(rounds: int) -> list[Row]:
    from codebutler.bench.threads import measure

    return asyncio.run(measure(Rounds(rounds, _said)))


def _said(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


def _load() -> str:
    """How busy the machine is: figures of a busy one are worth less."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _json(rows: list[Row], threads: list[Row], cells: list[Json]) -> Json:
    return {
        "executor": [row.json() for row in rows],
        "threads": [row.json() for row in threads],
        "turns": cells,
        "load": os.getloadavg()[0],
    }
