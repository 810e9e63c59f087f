"""A real daemon: at rest with many threads, killed in the middle of a step, with many threads at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from codebutler.bench import talk
from codebutler.bench.clock import Rounds, median, spent
from codebutler.bench.daemon import Ground, Tool, ground
from codebutler.bench.memory import resident
from codebutler.bench.rows import Row
from codebutler.store.rows import Timer
from codebutler.store.store import Store

_SETTLE = 3.0
"""Seconds that a daemon gets for what it does once, at its start."""
_HOUR = 3600.0
_IMPORTS = "import codebutler.cli.serve, aiohttp"
_BATCH = 500


async def idle(folder: Path, rounds: Rounds, threads: int, seconds: float) -> list[Row]:
    """Resident memory with so many threads that wait for people, and CPU over ``seconds`` of nothing."""
    rounds.said(f"a daemon with {threads:,} idle threads")
    async with ground(folder) as here, here.store() as store:
        await _fill(store, threads)
        async with here.serving() as daemon:  # makes the home's own store, once: what makes it stays loaded
            await here.ready(daemon)
        async with here.serving() as daemon:
            await here.ready(daemon)
            await asyncio.sleep(_SETTLE)
            before, since = _cpu(daemon.pid), time.monotonic()
            await asyncio.sleep(seconds)
            used = 100 * (_cpu(daemon.pid) - before) / (time.monotonic() - since)
            size = resident([daemon.pid])
    return [
        Row(f"daemon with {threads:,} idle threads, resident", size, "MB", 60),
        Row(f"the same, CPU over {seconds:g} s of rest", used, "%", 1),
    ]


async def _fill(store: Store, threads: int) -> None:
    """Threads that have answered a question and will remind somebody in an hour."""
    events = talk.talk(1)

    async def one(number: int) -> None:
        name, doors = f"t{number}", [(talk.SURFACE, f"c{number}")]
        row = {"phase": "pm", "status": "answered"}
        await store.open_thread(
            name, title="bench", owner="bench", bindings=doors, events=events, row=row, ready=False
        )
        await store.append(name, [], timers=[Timer(name, "question:bench", time.time() + _HOUR)])

    for start in range(0, threads, _BATCH):
        await asyncio.gather(*map(one, range(start, min(start + _BATCH, threads))))


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def killed(folder: Path, rounds: Rounds) -> Row:
    """From ``kill -9`` while a model thinks to the next daemon's request for the same reply."""
    rounds.said("kill -9 and start again")
    taken, floors = [], []
    async with ground(folder, calls=1) as here, here.store() as store:
        async with here.serving() as daemon:
            await here.ready(daemon)
            await here.ask(store, "warm")
            await _requests(here, 2)
            here.model.handler = here.model.silence
            await here.ask(store, "cut")
            await _requests(here, 3)
        for _ in rounds.of(5):
            floors.append(await asyncio.to_thread(spent, _imports))
            seen, began = len(here.model.bodies), time.perf_counter()
            async with here.serving():
                await _requests(here, seen + 1)
                taken.append((time.perf_counter() - began) * 1000)
    beside = "python and its imports alone"
    return Row("kill -9 to next step", median(taken), "ms", 1000, floor=median(floors), beside=beside)


def _imports() -> None:
    subprocess.run([sys.executable, "-P", "-c", _IMPORTS], check=True)


async def _requests(here: Ground, count: int) -> None:
    async def seen() -> bool:
        return len(here.model.bodies) >= count

    await here.until(seen)


async def crowd(folder: Path, rounds: Rounds, tool: Tool, *, threads: int, calls: int, delay: float) -> Row:
    """So many threads that each ask a model ``calls`` times, with a call of ``tool`` in between."""
    rounds.said(f"{threads} threads at once, {tool}")
    async with (
        ground(folder, tool, calls - 1, delay) as here,
        here.store() as store,
        here.serving() as daemon,
    ):
        await here.ready(daemon)
        await here.ask(store, "warm")
        await _answered(here, store, 1)
        taken = await _together(here, store, threads)
    many = "a sandbox each" if tool == "read" else "no sandbox"
    title = f"{threads} threads at once, {calls} replies each, {many}"
    beside = f"{delay:g} s a reply alone"
    return Row(title, taken, "s", 1.3, "ratio", floor=calls * delay, beside=beside)


async def _together(here: Ground, store: Store, threads: int) -> float:
    known = len(await store.threads("answered"))
    began = time.perf_counter()
    await asyncio.gather(*(here.ask(store, f"c{n}") for n in range(threads)))
    await _answered(here, store, known + threads)
    return time.perf_counter() - began


async def _answered(here: Ground, store: Store, count: int) -> None:
    async def all_of_them() -> bool:
        return len([row for row in await store.threads("answered") if not row.ready]) >= count

    await here.until(all_of_them, every=0.02)


async def another_thread(folder: Path, rounds: Rounds) -> Row:
    """From a question that opens a thread to the request that holds what its first ``read`` brought."""
    rounds.said("a second thread in a running daemon")
    taken = []
    async with ground(folder, calls=1) as here, here.store() as store, here.serving() as daemon:
        await here.ready(daemon)
        await here.ask(store, "warm")
        await _answered(here, store, 1)
        for n in rounds.of(9):
            seen, began = len(here.model.bodies), time.perf_counter()
            await here.ask(store, f"c{n}")
            await _requests(here, seen + 2)
            taken.append((time.perf_counter() - began) * 1000)
            await _answered(here, store, 2 + n)
    return Row("a second thread, to what its first read in a sandbox brought", median(taken), "ms", 150)


async def another_turn(folder: Path, rounds: Rounds, size: int) -> Row:
    """A question in a thread that already has so many events, to its answer in the log."""
    rounds.said(f"one more turn after {size:,} events")
    async with ground(folder) as here, here.store() as store:
        await store.open_thread(
            "long", title="bench", owner="bench", bindings=[(talk.SURFACE, "long")], ready=False,
            events=talk.talk(size // talk.TURN), row={"phase": "pm", "status": "idle"},
        )  # fmt: skip
        async with here.serving() as daemon:
            await here.ready(daemon)
            await here.ask(store, "warm")
            await _answered(here, store, 1)
            began = time.perf_counter()
            await here.ask(store, "long")
            await _answered(here, store, 2)
            taken = (time.perf_counter() - began) * 1000
    return Row(f"one more turn of a thread with {size:,} events", taken, "ms", None)
