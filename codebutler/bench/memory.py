"""Memory: of an executor that waits, and of a command that floods."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from pathlib import Path

from codebutler.bench.calls import called
from codebutler.bench.clock import Rounds
from codebutler.bench.rows import Row
from codebutler.errors import ToolFailed
from codebutler.sandbox import host
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings

_FLOOD = 100 * 1000 * 1000
_KB, _MB = 1024, 1e6


async def rows(folder: Path, rounds: Rounds, settings: SandboxSettings) -> list[Row]:
    """Two executors: one that has answered a call and waits, and a fresh one that is flooded."""
    return [*await _idle(folder, rounds, settings), await _flood(folder, rounds, settings)]


async def _idle(folder: Path, rounds: Rounds, settings: SandboxSettings) -> list[Row]:
    rounds.said("resident memory")
    executor = await Executor.start(folder, own=True, settings=settings)
    try:
        await called(executor, "bash", {"command": "true"})
        pids = family(executor)
        least = _python()
        beside = "python that waits"
        found = [Row("resident, idle thread", resident(pids), "MB", 16, floor=least, beside=beside)]
        with contextlib.suppress(PermissionError):  # an executor shows its pages to root alone
            found.append(Row("its share (Pss)", _sum(pids, "smaps_rollup", "Pss"), "MB", 16))
        return found
    finally:
        await executor.close()


async def _flood(folder: Path, rounds: Rounds, settings: SandboxSettings) -> Row:
    """Peak growth of both sides while one command prints, and what is kept of its output in memory."""
    rounds.said("100 MB of output")
    executor = await Executor.start(folder, own=True, settings=settings)
    try:
        await called(executor, "bash", {"command": "true"})
        pids = [*family(executor), os.getpid()]
        _forget_peak()
        before = resident(pids)
        result = await executor.call(
            "bash", {"command": f"head -c {_FLOOD} /dev/zero | tr '\\0' x"}, on_output=lambda _: None
        )
        if result.details.get("output_bytes") != _FLOOD:
            raise ToolFailed(f"the flood did not run: {result.text[:200]}")
        kept = (
            await called(executor, "bash", {"command": f"stat -c %s {result.details['full_output']}"})
        ).text
        growth = _sum(pids, "status", "VmHWM") - before + int(kept) / _MB
        return Row("100 MB of output: growth of executor, daemon and kept file", growth, "MB", 20)
    finally:
        await executor.close()


def _forget_peak() -> None:
    """This process's own peak begins anew here."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def family(executor: Executor) -> list[int]:
    """The processes of an idle executor: bubblewrap and the program inside."""
    pids, todo = [], [executor.pid]
    while todo:
        pid = todo.pop()
        pids.append(pid)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        todo += map(int, children.split())
    return pids


def resident(pids: list[int]) -> float:
    """Resident MB of several processes."""
    return _sum(pids, "status", "VmRSS")


def _sum(pids: list[int], file: str, name: str) -> float:
    """A figure of /proc, in MB, over several processes."""
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/{file}").read_text(encoding="ascii", errors="replace")
        found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
        total += int(found[1]) if found else 0
    return total * _KB / _MB


def _python() -> float:
    """Resident MB of an interpreter that has loaded nothing of ours."""
    command = [str(host.interpreter()[0]), "-I", "-S", "-c", "print(flush=True); input()"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env={}, text=True) as python:
        if python.stdout is not None:
            python.stdout.readline()
        size = resident([python.pid])
        python.communicate("\n")
    return size
