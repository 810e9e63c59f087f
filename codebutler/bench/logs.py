"""The log of one thread: what an append costs on disk, and a fold."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from codebutler.bench import talk
from codebutler.bench.clock import Rounds, alternate
from codebutler.bench.rows import Row
from codebutler.events import parse
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store
from codebutler.thread.fold import fold

_ROUNDS = 200


async def rows(folder: Path, rounds: Rounds, sizes: tuple[int, ...]) -> list[Row]:
    """The append, and folds of threads with about so many events."""
    return [await _append(folder, rounds), *[await _fold(size, rounds) for size in sizes]]


async def _append(folder: Path, rounds: Rounds) -> Row:
    """One event, on disk when the call returns; beside a commit of SQLite alone."""
    rounds.said("an append")
    store = await Store.open(folder / "store.db")
    body, names = talk.talk(1)[-1].body, itertools.count()
    await store.open_thread("t", title="", owner="", bindings=[], events=[])

    async def ours() -> None:
        await store.append("t", [NewEvent("turn_ended", str(next(names)), body)])

    try:
        with closing(sqlite3.connect(folder / "floor.db", isolation_level=None)) as plain:
            value, floor = await alternate(rounds.of(_ROUNDS), ours, _commits(plain, body))
    finally:
        await store.close()
    beside = "a commit of SQLite alone, synchronous=FULL"
    return Row("append on disk", value, "ms", 2, floor=floor, beside=beside)


def _commits(plain: sqlite3.Connection, body: str) -> Callable[[], object]:
    plain.execute("PRAGMA journal_mode = WAL")
    plain.execute("PRAGMA synchronous = FULL")
    plain.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT)")
    return lambda: plain.execute("INSERT INTO event (body) VALUES (?)", (body,))


async def _fold(size: int, rounds: Rounds) -> Row:
    """From the text of the events to the state of the thread, as every turn begins."""
    rounds.said(f"a thread of {size:,} events")
    log = talk.stored("t", size // talk.TURN)

    async def ours() -> None:
        fold("t", ((e.seq, e.ts, parse(e.body)) for e in log))
        await asyncio.sleep(0)

    value, floor = await alternate(rounds.of(9), ours, lambda: [json.loads(e.body) for e in log])
    target = 30 * size / 2_000
    return Row(f"fold of {size:,} events", value, "ms", target, floor=floor, beside="json.loads of them")
