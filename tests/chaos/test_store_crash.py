"""The store's promises while processes are killed, stopped, race, or lose the end of their WAL."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from codebutler.store.rows import NewEvent
from codebutler.store.store import Store

CHILD = Path(__file__).with_name("store_child.py")
STEPS = 6


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A store that holds the threads A and B, closed."""
    path = tmp_path / "store.db"
    async with opened(path) as store:
        for thread in "AB":
            await store.open_thread(thread, title="", owner="", bindings=[("twin", thread)], events=[])
    return path


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    """The store, closed in the end."""
    store = await Store.open(path)
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def started(mode: str, path: Path, name: str = "k", count: int = STEPS) -> Iterator[subprocess.Popen[str]]:
    """A child at work, dead in the end."""
    command = [sys.executable, str(CHILD), mode, str(path), name, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def ran(
    mode: str, path: Path, *, crash: str = "", name: str = "k", count: int = STEPS
) -> tuple[int, list[str]]:
    """Run a child to its end: exit code and what it said after opening."""
    env = {**os.environ, **({"CODEBUTLER_CRASH_AT": crash} if crash else {})}
    command = [sys.executable, str(CHILD), mode, str(path), name, str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=env, timeout=60, check=False)
    return done.returncode, done.stdout.split()[1:]


async def keys(store: Store) -> list[str]:
    """All events' keys in the order of their threads, after checking what must hold at any time."""
    found = []
    for thread in "AB":
        events = await store.events(thread)
        assert [e.seq for e in events] == list(range(1, len(events) + 1))
        found += [e.key for e in events]
    posts = [p.key for p in await store.pending_posts(limit=10_000)]
    timers = [t.key for t in await store.due_timers(2.0)]
    assert sorted(posts) == sorted(timers) == sorted(found), "an append was not all or nothing"
    return found


@pytest.mark.parametrize("row", range(1, STEPS + 1))
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("mode", ["steps", "loose", "mixed"])
async def test_kill_around_every_event_row(path: Path, mode: str, when: str, row: int) -> None:
    """A commit that was not synced outlives the process as every other does."""
    code, answered = await asyncio.to_thread(ran, mode, path, crash=f"{when}:{row}")
    assert code == -signal.SIGKILL
    assert answered == [f"k{i}" for i in range(row - 1)], "row N itself is never answered"
    committed = row - 1 if when == "before" else row
    async with opened(path) as store:
        assert sorted(await keys(store)) == [f"k{i}" for i in range(committed)]
    code, answered = await asyncio.to_thread(ran, "steps", path)
    assert (code, len(answered)) == (0, STEPS)
    async with opened(path) as store:
        assert sorted(await keys(store)) == [f"k{i}" for i in range(STEPS)], "the second run finishes, once"


@pytest.mark.parametrize("crash", ["before:7", "after:7", "before:60", "after:60"])
async def test_kill_within_a_group_commit_loses_nothing_that_was_answered(path: Path, crash: str) -> None:
    code, answered = await asyncio.to_thread(ran, "burst", path, crash=crash, count=60)
    assert code == -signal.SIGKILL
    when, row = crash.split(":")
    async with opened(path) as store:
        found = await keys(store)
    assert set(answered) <= set(found)
    assert len(found) >= int(row) if when == "after" else len(found) < int(row)


async def test_only_rows_that_are_committed_anew_count(path: Path) -> None:
    """The first append of an existing key is row 1; refusals and repetitions are none."""
    code, said = await asyncio.to_thread(ran, "refused", path, crash="after:2", count=5)
    assert (code, said) == (0, ["alive"])


async def test_children_do_not_inherit_the_crash(path: Path) -> None:
    assert await asyncio.to_thread(ran, "heirs", path, crash="before:1") == (0, ["0"])


async def test_random_kills_under_load(path: Path) -> None:
    """What was answered stays, whenever the process dies."""
    answered: set[str] = set()
    dice = random.Random(4)
    for round_ in range(6):
        with started("steps", path, f"r{round_}-", 100_000) as child:
            assert child.stdout is not None
            assert await asyncio.to_thread(child.stdout.readline) == "open\n"
            await asyncio.sleep(dice.uniform(0.0, 0.1))
            child.kill()
            lines = await asyncio.to_thread(child.stdout.read)
        answered |= set(lines.split("\n")[:-1])  # the last line may be cut off
        async with opened(path) as store:
            assert answered <= set(await keys(store))
    assert answered


async def test_a_stopped_worker_is_refused_when_it_wakes(path: Path) -> None:
    with started("worker", path, "old", 2_000) as child:
        assert child.stdout is not None
        for _ in range(3):
            await asyncio.to_thread(child.stdout.readline)
        child.send_signal(signal.SIGSTOP)
        async with opened(path) as store:
            epoch = await store.claim("A")
            await store.append("A", [NewEvent("step", "new", "{}")], epoch=epoch)
            before = await store.events("A")
            child.send_signal(signal.SIGCONT)
            rest = await asyncio.to_thread(child.stdout.read)
            assert rest.split()[-1] == "stale"
            assert await store.events("A") == before, "nothing of the old worker's came in after the claim"
    assert epoch == 2


async def test_two_processes_write_one_thread(path: Path) -> None:
    """Each one's order is kept, nothing is lost, seqs have no gap."""
    runs = [asyncio.to_thread(ran, "burst", path, name=name, count=150) for name in ("x", "y")]
    runs.append(asyncio.to_thread(ran, "steps", path, name="z", count=100))
    assert [code for code, _ in await asyncio.gather(*runs)] == [0, 0, 0]
    async with opened(path) as store:
        found = await keys(store)
    assert len(found) == 400
    for name in ("x", "y"):
        assert [k for k in found if k[0] == name] == [f"{name}{i}" for i in range(150)]


async def test_two_processes_with_the_same_keys_write_each_once(path: Path) -> None:
    runs = await asyncio.gather(*(asyncio.to_thread(ran, "same", path, count=40) for _ in range(2)))
    assert runs[0] == runs[1], "both were answered the same seqs"
    async with opened(path) as store:
        assert await keys(store) == [f"same{i}" for i in range(40)]


async def test_two_processes_cannot_overspend(path: Path) -> None:
    runs = await asyncio.gather(*(asyncio.to_thread(ran, "spend", path, name=n, count=50) for n in "pq"))
    assert sum(int(said[0]) for _, said in runs) == 20
    async with opened(path) as store:
        held = 0.1 * len(await store.unsettled())
        assert await store.spent("day:x") + held == pytest.approx(2.0)


async def test_processes_that_open_a_new_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "store.db"
    runs = await asyncio.gather(*(asyncio.to_thread(ran, "heirs", path) for _ in range(4)))
    assert runs == [(0, ["0"])] * 4


@pytest.fixture
async def torn(path: Path) -> tuple[Path, Path, list[str]]:
    """The files of a process that was killed with all its commits in the WAL, and what it had answered."""
    with started("steps", path, count=300) as child:  # many more than are waited for: it must not end
        assert child.stdout is not None
        lines = [(await asyncio.to_thread(child.stdout.readline)).strip() for _ in range(26)]
        child.kill()
    wal = path.with_name("store.db-wal")
    assert wal.stat().st_size > 10_000
    return path, wal, lines[1:]


def copied(store: Path, folder: Path, wal: bytes) -> Path:
    """A copy of a store's file beside another WAL."""
    folder.mkdir()
    path = folder / store.name
    shutil.copy(store, path)
    path.with_name(f"{store.name}-wal").write_bytes(wal)
    return path


async def reopened(torn: tuple[Path, Path, list[str]], folder: Path, wal: bytes) -> set[str]:
    """The keys found in a copy of the files with another WAL; the copy must still be a working store."""
    path = copied(torn[0], folder, wal)
    async with opened(path) as store:
        found = await keys(store)
        await store.append("A", [NewEvent("step", "after", "{}")])
        assert [e.key for e in await store.events("A")][-1] == "after"
    return set(found)


async def test_a_wal_cut_anywhere_leaves_a_prefix(torn: tuple[Path, Path, list[str]], tmp_path: Path) -> None:
    """As after a power loss: whole commits up to some point, never half of one, never an error."""
    data = torn[1].read_bytes()
    frame = 24 + struct.unpack(">I", data[8:12])[0]
    cuts = {0, 1, 31, 32, len(data)} | {
        32 + n * frame + d for n in range(0, len(data) // frame, 9) for d in (-1, 0, 40)
    }
    counts = []
    for cut in sorted(c for c in cuts if 0 <= c <= len(data)):
        found = await reopened(torn, tmp_path / f"cut{cut}", data[:cut])
        assert found == {f"k{i}" for i in range(len(found))}
        counts.append(len(found))
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] >= len(torn[2]), "the whole WAL holds all that was answered"


async def test_garbage_at_the_end_of_the_wal_is_left_out(
    torn: tuple[Path, Path, list[str]], tmp_path: Path
) -> None:
    data = torn[1].read_bytes()
    whole = await reopened(torn, tmp_path / "whole", data)
    assert await reopened(torn, tmp_path / "more", data + os.urandom(10_000)) == whole
    torn_page = await reopened(torn, tmp_path / "torn", data[:-200] + bytes(200))
    assert len(whole) - 1 <= len(torn_page) <= len(whole)


async def test_a_killed_process_is_followed_at_once(path: Path) -> None:
    """Nothing of it has to be waited for. How long that takes is a row of ``cmd/bench threads``."""
    with started("steps", path, count=100_000) as child:
        assert child.stdout is not None
        for _ in range(50):
            await asyncio.to_thread(child.stdout.readline)
        child.kill()
    async with opened(path) as store:
        await store.append("A", [NewEvent("step", "next", "{}")])
