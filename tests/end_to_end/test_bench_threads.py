"""``codebutler bench threads``: every row is measured, on few threads here; and a very long thread goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from codebutler.bench import talk
from codebutler.bench.clock import Rounds
from codebutler.bench.daemon import ground
from codebutler.bench.rows import table
from codebutler.bench.threads import Sizes, measure
from codebutler.events import parse
from codebutler.thread.fold import fold


async def test_every_row_is_measured() -> None:
    said: list[str] = []
    small = Sizes(idle=20, rest=0.2, crowd=3, calls=2, delay=0.05, folds=(40,))
    rows = await measure(Rounds(1, said.append), small)
    assert {row.title: row.unit for row in rows} == {
        "append on disk": "ms",
        "fold of 40 events": "ms",
        "one more turn of a thread with 40 events": "ms",
        "a second thread, to what its first read in a sandbox brought": "ms",
        "daemon with 20 idle threads, resident": "MB",
        "the same, CPU over 0.2 s of rest": "%",
        "kill -9 to next step": "ms",
        "3 threads at once, 2 replies each, no sandbox": "s",
        "3 threads at once, 2 replies each, a sandbox each": "s",
    }
    assert all(row.value > 0 for row in rows if row.unit != "%")
    assert [row.title for row in rows if row.floor is not None and row.floor <= 0] == []
    assert [row.value < row.floor for row in rows if row.unit == "s" and row.floor] == [False, False]
    assert len(said) == 8
    assert "| works | ok |" in table(rows)


async def test_a_thread_of_10_000_events_takes_a_turn(tmp_path: Path) -> None:
    async with ground(tmp_path) as here, here.store() as store:
        events = talk.talk(1_000)
        assert len(events) == talk.HEAD + 1_000 * talk.TURN
        doors = [(talk.SURFACE, "long")]
        await store.open_thread("long", title="", owner="", bindings=doors, events=events, ready=False)
        async with here.serving() as daemon:
            await here.ready(daemon)
            await here.ask(store, "long")

            async def ended() -> bool:
                row = await store.thread("long")
                return row is not None and not row.ready

            async with asyncio.timeout(30):
                await here.until(ended, every=0.02)
        state = fold("long", ((e.seq, e.ts, parse(e.body)) for e in await store.events("long")))
    assert (state.outcome, state.unread, state.frames["pm"].last_text) == ("answered", {}, "It says so.")
    assert state.frames["pm"].step == 2_001
    assert len(here.model.bodies) == 1
    assert sum(m["role"] == "tool" for m in here.model.bodies[0]["messages"]) == 1_000
