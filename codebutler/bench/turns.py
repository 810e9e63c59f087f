"""The harness around a model: what it costs beside a bare loop, as ratios of the same run."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codebutler.errors import UsageError
from codebutler.types import Json

_RUNNER = "run_peers.py"
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


@dataclass(frozen=True, slots=True)
class Turns:
    """What to run: the benchmark's folder, its scripts, runs of each cell, and where peers are installed."""

    bench: Path
    scripts: str
    runs: int
    peers: Path | None = None

    @property
    def there(self) -> bool:
        """Whether the benchmark is on this machine: it is not part of the repo."""
        return (self.bench / _RUNNER).is_file()


def measure(turns: Turns) -> list[Json]:
    """A cell for each script and client. UsageError when the benchmark is not there, or fails."""
    if not turns.there:
        raise UsageError(
            f"no benchmark at {turns.bench}", fix="Give its folder: codebutler bench turns --bench DIR"
        )
    with tempfile.TemporaryDirectory(prefix="codebutler-bench-") as folder:
        prefix, out = turns.peers or Path(folder) / "prefix", Path(folder) / "out"
        _link(prefix)
        clients = ["stub", "codebutler", *_installed(turns.peers)]
        command = [
            sys.executable, str(turns.bench / _RUNNER), str(prefix), "--out", str(out),
            "--runs", str(turns.runs), "--scripts", turns.scripts, "--clients", ",".join(clients),
        ]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise UsageError(f"{turns.bench / _RUNNER} failed with exit code {done.returncode}")
        cells: list[Json] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
        return cells


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


def tables(cells: Sequence[Json]) -> str:
    """A table for each script, in markdown."""
    lines = []
    for script in sorted({c["script"] for c in cells}):
        here = {c["client"]: c for c in cells if c["script"] == script}
        floor = here["stub"]
        lines += [f"{script} (medians; x = times the bare loop of the same run)", ""]
        lines += ["| " + " | ".join(["", *here]) + " |", "|" + "---|" * (len(here) + 1)]
        for title, key, unit in ROWS:
            row = [_cell(cell, floor, key, unit) for cell in here.values()]
            lines.append("| " + " | ".join([title, *row]) + " |")
        lines.append("")
    return "\n".join(lines)


def _cell(cell: Json, floor: Json, key: str, unit: str) -> str:
    value, base = cell.get(key), floor.get(key)
    if value is None:
        return "-"
    shown = f"{value / 1e6:.1f} MB" if unit == "B" and value > 1e6 else f"{value:,.1f} {unit}"
    return f"{shown} ({value / base:.2f}x)" if base else shown
