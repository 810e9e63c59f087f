"""A process that is stopped and continued: nobody takes its place, or whoever did is not disturbed by it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from codebutler.testing.aftermath import landed
from codebutler.testing.scenario import parse_scenario
from codebutler.testing.scripted import ScriptedModel

if TYPE_CHECKING:
    from tests.chaos.conftest import Calm, Ran, Rig

SLOW = 'expect = ["all tests passed"]\ndelay = 1\ntimes = 1'
"""The Coder's second answer takes a second when it is asked for the first time."""


@pytest.fixture
async def slow(small: Rig) -> AsyncIterator[Rig]:
    """The small thread with a model that can be waited for."""
    text = (Path(__file__).parent / "small.toml").read_text()
    assert 'expect = ["all tests passed"]\n' in text
    text = text.replace('expect = ["all tests passed"]', SLOW).replace('name = "small"', 'name = "slow"')
    async with ScriptedModel(parse_scenario(text)) as server:
        small.server = server
        yield small


async def stopped(rig: Rig) -> tuple[asyncio.Task[Ran], int]:
    """A run that is stopped while its Coder's model answers, and its pid."""
    first = asyncio.create_task(rig.run())
    async with asyncio.timeout(30):
        while True:
            await asyncio.sleep(0.01)
            if any((a.role, a.turn) == ("coder", 1) for a in rig.server.requests):
                break
    pid = int(rig.pid.read_text())
    while not await between_steps(rig, pid):  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.01)
    return first, pid


async def between_steps(rig: Rig, pid: int) -> bool:
    """Stop the process, unless it is in the middle of a commit, whose lock all would wait for."""
    os.kill(pid, signal.SIGSTOP)
    for path in (rig.store, rig.folder / "butler" / "global.db"):
        with closing(sqlite3.connect(path, timeout=0.05, isolation_level=None)) as store:
            try:
                store.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
                return False
    return True


async def test_a_stopped_process_keeps_the_repo_and_goes_on(slow: Rig, calm: Calm) -> None:
    """A stopped process holds the kernel's lock, too: a second one waits instead of working beside it."""
    undisturbed = await calm.of(slow)
    first, pid = await stopped(slow)
    try:
        log = slow.events()
        second = asyncio.create_task(slow.run())
        await asyncio.sleep(1.5)
        assert not second.done()
        assert slow.events() == log
    finally:
        os.kill(pid, signal.SIGCONT)
    ran = await asyncio.gather(first, second)
    assert [r.code for r in ran] == [0, 0], ran
    assert slow.server.failures == []
    assert slow.server.bought_twice() == []
    assert landed(slow.sample, slow.store, ran[0].out) == undisturbed.left
    assert landed(slow.sample, slow.store, ran[1].out) == undisturbed.left, "the second shows it all, too"


@pytest.mark.parametrize("fate", ["deleted", "replaced"])
async def test_a_process_whose_place_was_taken_changes_nothing_when_it_wakes(
    slow: Rig, calm: Calm, fate: str
) -> None:
    """Should the lock ever fail, the thread's epoch still does not. How the woken one ends, and what it says
    of a thread that somebody else has finished, is its own affair."""
    undisturbed = await calm.of(slow)
    first, pid = await stopped(slow)
    try:
        lock = slow.sample.repo / ".codebutler" / "lock"
        lock.unlink()
        if fate == "replaced":  # as a copy of the folder that is put back would
            lock.write_text("1 session\n")
        second = await slow.run()
        assert second.code == 0, second.err
        before = world(slow)
    finally:
        os.kill(pid, signal.SIGCONT)
    woken = await first
    after = world(slow)
    assert after["log"][len(before["log"]) :] == [], woken.err
    assert after == before, woken.err
    assert landed(slow.sample, slow.store, second.out) == undisturbed.left
    assert "Traceback" not in woken.err
    assert slow.server.failures == []
    assert {a.role for a in slow.server.bought_twice()} <= {"coder"}, "at most the reply that nobody logged"
    await slow.no_process_is_left()


def world(rig: Rig) -> dict[str, Any]:
    """All that a process without its place must leave alone: the log, posts, branches here and there."""
    refs = ("for-each-ref", "--format=%(refname)=%(objectname)")
    return {
        "log": rig.events(),
        "posts": rig.query("SELECT key, slot, payload, state FROM outbox ORDER BY key, slot"),
        "branches": rig.git(*refs),
        "pushed": rig.git(*refs, where=rig.sample.remote),
        "pull requests": rig.query("SELECT * FROM pull_request"),
    }
