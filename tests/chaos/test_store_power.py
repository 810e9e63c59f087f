"""The store as a power cut or a careless copy may leave its files: never corrupt, whole commits in order."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from codebutler.store.rows import NewEvent
from codebutler.store.store import Store

CHILD = Path(__file__).with_name("store_child.py")
MOMENTS = 6
CUTS = 12


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    """The store, closed in the end."""
    store = await Store.open(path)
    try:
        yield store
    finally:
        await store.close()


async def steps(path: Path) -> int:
    """How many of the child's steps a store holds: the first so many, whole; and it still works."""
    async with opened(path) as store:
        events = [e for thread in "AB" for e in await store.events(thread)]
        assert {e.key for e in events} == {f"k{i}" for i in range(len(events))}, (
            "a step is missing in between"
        )
        posts = await store.pending_posts(limit=1_000_000)
        timers = await store.due_timers(2.0)
        assert len(events) == len(posts) == len(timers), "half of a step"
        await store.append("A", [NewEvent("step", "after", "{}")])
        assert [e.key for e in await store.events("A")][-1] == "after"
    return len(events)


def checkpoint(folder: Path) -> tuple[int, int]:
    """Frames of the WAL that checkpoints have brought into the store, and that they had begun to bring."""
    shm = (folder / "store.db-shm").read_bytes()
    return struct.unpack("=I", shm[96:100])[0], struct.unpack("=I", shm[128:132])[0]


@pytest.fixture(params=["steps", "mixed"])
async def moments(tmp_path: Path, request: pytest.FixtureRequest) -> list[tuple[Path, int]]:
    """Copies of the files of a process at work, at random moments; and how much it had answered by then."""
    path = tmp_path / "store.db"
    async with opened(path) as store:
        for thread in "AB":
            await store.open_thread(thread, title="", owner="", bindings=[("twin", thread)], events=[])
    dice, taken = random.Random(6), list[tuple[Path, int]]()
    said = tmp_path / "said"
    with said.open("w") as out:
        child = subprocess.Popen(
            [sys.executable, str(CHILD), request.param, str(path), "k", "1000000"], stdout=out
        )
    try:
        for number in range(MOMENTS):
            goal = said.read_text().count("\n") + dice.randint(1, 150)
            while said.read_text().count("\n") <= goal:
                assert child.poll() is None
            child.send_signal(signal.SIGSTOP)  # a power cut hits all files at one moment
            await asyncio.to_thread(os.waitid, os.P_PID, child.pid, os.WSTOPPED)
            folder = tmp_path / f"moment-{number}"
            folder.mkdir()
            answered = said.read_text().count("\n") - 1  # without "open"
            for file in tmp_path.glob("store.db*"):
                shutil.copy(file, folder)
            taken.append((folder, answered))
            child.send_signal(signal.SIGCONT)
    finally:
        child.kill()
        child.wait()
    return taken


def again(folder: Path, name: str) -> Path:
    """A copy of the copy, to be spoilt."""
    return Path(shutil.copytree(folder, folder.with_name(f"{folder.name}-{name}"))) / "store.db"


async def test_a_power_cut_at_any_moment_and_byte_leaves_whole_steps(moments: list[tuple[Path, int]]) -> None:
    dice = random.Random(66)
    for folder, answered in moments:
        wal = (folder / "store.db-wal").read_bytes()
        frame = 24 + struct.unpack(">I", wal[8:12])[0]
        least = 32 + frame * checkpoint(folder)[1]  # SQLite syncs these before it touches the store
        borders = [32 + frame * dice.randrange(len(wal) // frame + 1) for _ in range(CUTS // 2)]
        anywhere = [dice.randrange(len(wal) + 1) for _ in range(CUTS // 2)]
        found = []
        for cut in sorted({max(least, c) for c in (*borders, *anywhere, len(wal))}):
            path = again(folder, f"cut-{cut}")
            path.with_name("store.db-wal").write_bytes(wal[:cut])
            path.with_name("store.db-shm").unlink()  # memory of the processes: gone with the power
            found.append(await steps(path))
        assert found == sorted(found)
        assert found[-1] >= answered, "what was answered was on disk"


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize(("mode", "syncs"), [("steps", 20), ("mixed", 5), ("loose", 0), ("claims", 0)])
async def test_a_commit_is_synced_before_it_is_answered_or_not_at_all(
    tmp_path: Path, mode: str, syncs: int
) -> None:
    """Only the first commit of a WAL has one sync more, of its header."""
    path, trace = tmp_path / "store.db", tmp_path / "trace"
    async with opened(path) as store:
        for thread in "AB":
            await store.open_thread(thread, title="", owner="", bindings=[], events=[])
        command = ["strace", "-f", "-qq", "-y", "-e", "trace=fsync,fdatasync,write", "-o", str(trace)]
        child = [sys.executable, str(CHILD), mode, str(path), "k", "20"]
        done = await asyncio.to_thread(subprocess.run, [*command, *child], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = trace.read_text().splitlines()
    work = lines[next(n for n, line in enumerate(lines) if '"open' in line) :]
    assert len([line for line in work if "sync(" in line and "store.db-wal>" in line]) == syncs


SPOIL = {"missing": None, "empty": b"", "garbage": random.Random(7).randbytes(32768), "zeros": bytes(65536)}


@pytest.mark.parametrize("how", SPOIL)
async def test_the_shared_memory_file_may_be_anything(moments: list[tuple[Path, int]], how: str) -> None:
    """SQLite makes it anew from the WAL when nobody else has the store open."""
    folder, answered = moments[-1]
    path = again(folder, how)
    shm, content = path.with_name("store.db-shm"), SPOIL[how]
    if content is None:
        shm.unlink()
    else:
        shm.write_bytes(content)
    assert await steps(path) >= answered


async def test_without_its_wal_a_store_is_older_but_whole(moments: list[tuple[Path, int]]) -> None:
    """Who copies only store.db gets what was there at the last checkpoint (``backup`` copies it all)."""
    for folder, answered in moments:
        done, begun = checkpoint(folder)
        if done < begun:  # half of a checkpoint: only the WAL can mend that
            continue
        path = again(folder, "alone")
        path.with_name("store.db-wal").unlink()
        path.with_name("store.db-shm").unlink()
        assert await steps(path) <= answered + 1
