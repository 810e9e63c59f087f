"""The harness around a model: what it costs beside a bare loop, as ratios of the same run."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codebutler.bench.bills import PRICED, bill
from codebutler.bench.recording import MODEL
from codebutler.errors import UsageError
from codebutler.types import Json

_RUNNER = "run_peers.py"
OURS = ("stub", "codebutler")
"""The floor, and we."""
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
    ("of it sent before", "again", "%"),
    (f"bill at the list price of {PRICED}", "usd", "$"),
)
_STANDS_IN = """from codebutler.bench.recording import main

main()
"""
_MODEL = "scripted_model.py"
_WRAPPER = "#!/bin/sh\nexec "


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

    @property
    def installed(self) -> list[str]:
        """The peers of the benchmark's table whose program is there."""
        where = str(self.peers) if self.peers is not None else ""
        programs = _programs(self.bench).items() if where else ()
        return [name for name, program in programs if Path(program.replace("{prefix}", where)).exists()]


def measure(turns: Turns) -> list[Json]:
    """A cell for each script and client. UsageError when the benchmark is not there, or fails."""
    if not turns.there:
        raise UsageError(
            f"no benchmark at {turns.bench}", fix="Give its folder: codebutler bench turns --bench DIR"
        )
    with tempfile.TemporaryDirectory(prefix="codebutler-bench-") as folder:
        prefix, out = turns.peers or Path(folder) / "prefix", Path(folder) / "out"
        _link(prefix)
        command = [
            sys.executable, str(_recorded(turns.bench, Path(folder) / "bench") / _RUNNER), str(prefix),
            "--out", str(out), "--runs", str(turns.runs), "--scripts", turns.scripts,
            "--clients", ",".join([*OURS, *turns.installed]),
        ]  # fmt: skip
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"  # the floor needs ripgrep, too
        variables = {**os.environ, MODEL: str(turns.bench / _MODEL), "PATH": path}
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False, env=variables)
        if done.returncode != 0:
            raise UsageError(f"{turns.bench / _RUNNER} failed with exit code {done.returncode}")
        cells: list[Json] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
        if failed := {*OURS, *turns.installed} - {cell["client"] for cell in cells}:
            sys.stderr.write(f"No run came to its end: {', '.join(sorted(failed))}\n")
        for cell in cells:
            if (found := bill(out, cell["client"], cell["script"])) is not None:
                cell["usd"], cell["again"] = found[0], 100 * found[1]
        return cells


def _recorded(bench: Path, copy: Path) -> Path:
    """The benchmark with a model that keeps what it is sent."""
    copy.mkdir()
    for file in bench.iterdir():
        if file.name != _MODEL:
            (copy / file.name).symlink_to(file)
    (copy / _MODEL).write_text(_STANDS_IN, encoding="utf-8")
    return copy


def _link(prefix: Path) -> None:
    """The clients' table expects ``PREFIX/codebutler/bin/codebutler`` and ``PREFIX/bench/bin/python``."""
    scripts = Path(sys.executable).parent
    for client, program in (("codebutler", "codebutler"), ("bench", "python")):
        wrapper = prefix / client / "bin" / program
        if client in OURS or not wrapper.exists() or _written(wrapper):  # may lead to a checkout that is gone
            wrapper.parent.mkdir(parents=True, exist_ok=True)
            wrapper.unlink(missing_ok=True)  # never through a link into somebody's Python
            wrapper.write_text(f'{_WRAPPER}{shlex.quote(str(scripts / program))} "$@"\n', encoding="utf-8")
            wrapper.chmod(0o755)


def _written(wrapper: Path) -> bool:
    """Whether it is a script as ``_link`` writes it, and not the program of an environment."""
    return not wrapper.is_symlink() and wrapper.read_bytes().startswith(_WRAPPER.encode())


def _programs(bench: Path) -> dict[str, str]:
    """The program of each peer in the benchmark's table, with a placeholder for where peers are installed."""
    with (bench / "clients.toml").open("rb") as file:
        clients = tomllib.load(file)["client"]
    return {name: client["argv"][0] for name, client in clients.items() if name not in OURS}


def absence(turns: Turns) -> str:
    """Which peers are missing, and how they are installed; "" when all are there."""
    missing = [name for name in _programs(turns.bench) if name not in turns.installed]
    if not missing:
        return ""
    where = turns.peers or Path("PREFIX")
    given = "" if turns.peers else f", then cmd/bench turns --peers {where}"
    install = f"bash {shlex.quote(str(turns.bench / 'install_peers.sh'))} {shlex.quote(str(where))}"
    return f"Not installed: {', '.join(missing)}. They are npm and pip packages: {install}{given}"


def tables(cells: Sequence[Json]) -> str:
    """A table for each script, in markdown."""
    lines = []
    for script in sorted({c["script"] for c in cells}):
        here = {c["client"]: c for c in cells if c["script"] == script}
        floor = here.get("stub", {})
        against = "x = times the bare loop of the same run" if floor else "the bare loop came to no end"
        lines += [f"{script} (medians; {against})", ""]
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
    if unit in {"$", "%"}:
        return f"${value:.3f}" if unit == "$" else f"{value:.1f} %"
    shown = f"{value / 1e6:.1f} MB" if unit == "B" and value > 1e6 else f"{value:,.1f} {unit}"
    return f"{shown} ({value / base:.2f}x)" if base else shown
