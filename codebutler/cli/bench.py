"""``codebutler bench``: what the harness costs beside the model, as ratios to the floor of the same run."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codebutler.errors import UsageError

HELP = "Measure the harness against a bare loop (and peers, where they are installed)."
_CLONE = Path(__file__).resolve().parents[2]
ROWS = (
    ("cold start to first request", "start_main_s", "s"),
    ("a turn, median", "turn_p50", "ms"),
    ("a turn, 95th percentile", "turn_p95", "ms"),
    ("first 40 turns, median", "first_p50", "ms"),
    ("last 40 turns, median", "last_p50", "ms"),
    ("peak resident", "rss_peak", "B"),
    ("CPU, whole run", "cpu", "s"),
    ("sent to the model", "bytes_sent", "B"),
    ("system prompt", "system_bytes", "B"),
    ("tool schemas", "tools_bytes", "B"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Where the bench is, and how long to measure."""
    parser.add_argument("--bench", type=Path, default=_CLONE.parent / "shared" / "bench", metavar="DIR")
    parser.add_argument("--runs", type=int, default=1, help="runs of each cell; medians are shown")
    parser.add_argument("--scripts", default="shell50", help="shellN,mixedN")
    parser.add_argument("--peers", type=Path, metavar="PREFIX", help="where peers are installed")


def run(args: argparse.Namespace) -> int:
    """Exit 0 with the table; 2 when the bench is not there."""
    runner = args.bench / "run_peers.py"
    if not runner.is_file():
        raise UsageError(f"no benchmark at {args.bench}", fix="Give its folder: codebutler bench --bench DIR")
    with tempfile.TemporaryDirectory(prefix="codebutler-bench-") as folder:
        prefix, out = args.peers or Path(folder) / "prefix", Path(folder) / "out"
        _link(prefix)
        clients = ["stub", "codebutler", *_installed(args.peers)]
        command = [
            sys.executable, str(runner), str(prefix), "--out", str(out), "--runs", str(args.runs),
            "--scripts", args.scripts, "--clients", ",".join(clients),
        ]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise UsageError(f"{runner} failed with exit code {done.returncode}")
        _print(json.loads((out / "summary.json").read_text(encoding="utf-8")))
    return 0


def _link(prefix: Path) -> None:
    """The clients' table expects ``PREFIX/codebutler/bin/codebutler`` and ``PREFIX/bench/bin/python``."""
    scripts = Path(sys.executable).parent
    for client, program in (("codebutler", "codebutler"), ("bench", "python")):
        wrapper = prefix / client / "bin" / program
        if not wrapper.exists():
            wrapper.parent.mkdir(parents=True, exist_ok=True)
            wrapper.write_text(
                f'#!/bin/sh\nexec {shlex.quote(str(scripts / program))} "$@"\n', encoding="utf-8"
            )
            wrapper.chmod(0o755)


def _installed(peers: Path | None) -> list[str]:
    if peers is None:
        return []
    return sorted(p.name for p in peers.iterdir() if p.is_dir() and p.name not in {"bench", "codebutler"})


def _print(cells: list[dict[str, Any]]) -> None:
    for script in sorted({c["script"] for c in cells}):
        here = {c["client"]: c for c in cells if c["script"] == script}
        floor = here["stub"]
        print(f"\n{script} (medians; x = times the bare loop of the same run)\n")
        print("| " + " | ".join(["", *here]) + " |")
        print("|" + "---|" * (len(here) + 1))
        for title, key, unit in ROWS:
            row = [_cell(cell, floor, key, unit) for cell in here.values()]
            print("| " + " | ".join([title, *row]) + " |")


def _cell(cell: Mapping[str, Any], floor: Mapping[str, Any], key: str, unit: str) -> str:
    value, base = cell.get(key), floor.get(key)
    if value is None:
        return "-"
    shown = f"{value / 1e6:.1f} MB" if unit == "B" and value > 1e6 else f"{value:,.1f} {unit}"
    return f"{shown} ({value / base:.2f}x)" if base else shown
