"""A process that works on a store until it is done or dies; prints what was answered.

Run by test_store_crash.py.

Usage: store_child.py MODE PATH NAME COUNT
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from codebutler.errors import CodeButlerError, LimitReached, StaleWorker
from codebutler.store.rows import NewEvent, NewPost, Timer
from codebutler.store.store import Store


def say(text: object) -> None:
    """One line to the test, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def step(store: Store, thread: str, key: str, epoch: int | None = None, *, sync: bool = True) -> int:
    """One event with a post and a timer of the same key, all or nothing."""
    stored = await store.append(
        thread,
        [NewEvent("step", key, f'"{key}"')],
        epoch=epoch,
        posts=[NewPost(key, "twin", "c", "{}")],
        timers=[Timer(thread, key, 1.0)],
        sync=sync,
    )
    return stored[0].seq


async def steps(store: Store, name: str, count: int) -> None:
    """One after the other, over two threads in turn."""
    for i in range(count):
        key = f"{name}{i}"
        await step(store, "AB"[i % 2], key)
        say(key)


async def loose(store: Store, name: str, count: int) -> None:
    """The same without syncs."""
    for i in range(count):
        key = f"{name}{i}"
        await step(store, "AB"[i % 2], key, sync=False)
        say(key)


async def mixed(store: Store, name: str, count: int) -> None:
    """The same with a sync at every fourth step."""
    for i in range(count):
        key = f"{name}{i}"
        await step(store, "AB"[i % 2], key, sync=i % 4 == 3)
        say(key)


async def claims(store: Store, name: str, count: int) -> None:
    """Take a thread over, again and again."""
    for _ in range(count):
        say(await store.claim("A"))


async def burst(store: Store, name: str, count: int) -> None:
    """All at once: they share commits."""

    async def one(key: str) -> None:
        await step(store, "A", key)
        say(key)

    await asyncio.gather(*(one(f"{name}{i}") for i in range(count)))


async def same(store: Store, name: str, count: int) -> None:
    """Keys that every process uses; says which seq each has."""
    for i in range(count):
        say(f"{i}:{await step(store, 'A', f'same{i}')}")


async def worker(store: Store, name: str, count: int) -> None:
    """Hold a claim until it is taken away."""
    epoch = await store.claim("A")
    for i in range(count):
        try:
            await step(store, "A", f"{name}{i}", epoch)
        except StaleWorker:
            say("stale")
            return
        say(f"{name}{i}")
        await asyncio.sleep(0.005)


async def spend(store: Store, name: str, count: int) -> None:
    """Reserve a dime as often as allowed, settling each for a nickel."""
    won = 0
    for i in range(count):
        try:
            await store.reserve(key=f"{name}{i}", usd=0.1, caps={"day:x": 2.0})
        except LimitReached:
            continue
        won += 1
        if i % 2:
            await store.settle(key=f"{name}{i}", usd=0.1)
    say(won)


async def heirs(store: Store, name: str, count: int) -> None:
    """What a child of this process sees of the crash variable."""
    seen = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    say(int("CODEBUTLER_CRASH_AT" in seen or "CODEBUTLER_CRASH_AT" in os.environ))


async def refused(store: Store, name: str, count: int) -> None:
    """Writes that are rolled back or not new: none may count for the crash hook."""
    for i in range(count):
        try:
            await store.append("A", [NewEvent("step", f"{name}{i}", "{}"), NewEvent("step", "\ud800", "{}")])
        except CodeButlerError:
            await step(store, "A", "the same")
    say("alive")


MODES = {f.__name__: f for f in (steps, loose, mixed, claims, burst, same, worker, spend, heirs, refused)}


async def main() -> None:
    """Open, work, close."""
    mode, path, name, count = sys.argv[1:]
    store = await Store.open(Path(path))
    say("open")
    await MODES[mode](store, name, int(count))
    await store.close()


asyncio.run(main())
