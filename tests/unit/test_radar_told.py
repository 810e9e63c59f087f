"""Words to several threads at once: all or none, once, to each door, and no turn of a thread's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebutler.errors import CodeButlerError
from codebutler.events import OverlapFound, TurnEnded, dump, parse
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store
from codebutler.thread.fold import fold
from codebutler.thread.reach import Reach, side_by_side
from codebutler.thread.state import ThreadState
from codebutler.thread.warning import told


async def opened(store: Store, *names: str) -> None:
    end = TurnEnded(outcome="plan")
    for name in names:
        doors = [("terminal", name), ("slack", name)]
        events = [NewEvent(end.kind, "end", dump(end))]
        await store.open_thread(name, title=name, owner="o", bindings=doors, events=events, ready=False)


async def folded(store: Store, name: str) -> ThreadState:
    return fold(name, ((r.seq, r.ts, parse(r.body)) for r in await store.events(name)))


async def test_both_are_told_once_at_each_door_and_neither_is_set_to_work(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "s.db")
    await opened(store, "a", "b")
    words = [
        told(x, f"overlap:{y}:1", OverlapFound(other=y, causes=["file:p"]), f"of {y}")
        for x, y in ("ab", "ba")
    ]
    for _ in range(2):  # the second time as after a kill
        await store.tell(words)
    for name, other in ("ab", "ba"):
        state = await folded(store, name)
        assert (state.overlaps, state.unended, state.seq) == ({other: {"file:p"}}, False, 3)
        assert [p.surface for p in await store.posts(name)] == ["terminal", "slack"]
    assert await store.ready_threads() == []
    await store.close()


async def test_if_one_cannot_be_told_none_is(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "s.db")
    await opened(store, "a")
    with pytest.raises(CodeButlerError):
        await store.tell([told("a", "x", None, "hello"), told("gone", "x", None, "hello")])
    assert ((await folded(store, "a")).seq, await store.posts("a")) == (1, [])
    await store.close()


async def test_closed_threads_are_nobodys_neighbours(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "s.db")
    await opened(store, "a", "b")
    await store.append("a", [], row={"phase": "closed"})
    assert [row.id for row in await store.live()] == ["b"]
    await store.close()


def test_a_list_shows_who_shares_a_file() -> None:
    reaches = {n: Reach(planned=frozenset(paths)) for n, paths in {"a": "xy", "b": "y", "c": "z"}.items()}
    assert side_by_side(reaches) == {"a": ["b"], "b": ["a"], "c": []}
