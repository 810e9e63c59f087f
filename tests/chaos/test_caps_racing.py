"""Fifty threads in several processes race for one cap: they never spend more, and a crash keeps nothing."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from codebutler.events import LimitHit, parse
from codebutler.store.store import Store
from codebutler.testing.sample import make_sample

CHILD = Path(__file__).with_name("caps_child.py")
WORST = 0.0999
"""What the child's call reserves, and costs."""
FIT = 7


@pytest.fixture
def home(open_tmp: Path) -> Path:
    folder = open_tmp / "butler"
    folder.mkdir()
    return folder


def configure(home: Path, **limits: object) -> None:
    path = home / "config.json"
    path.write_text(json.dumps({"limits": limits}))
    path.chmod(0o600)


def command(mode: str, repo: Path, home: Path, count: int) -> list[str]:
    return [sys.executable, str(CHILD), mode, str(repo), str(home), str(count)]


async def ran(mode: str, repo: Path, home: Path, count: int) -> tuple[int, list[str]]:
    """Run a child to its end: exit code, and how its threads ended."""
    child = await asyncio.create_subprocess_exec(
        *command(mode, repo, home, count), stdout=asyncio.subprocess.PIPE
    )
    try:
        out, _ = await asyncio.wait_for(child.communicate(), 90)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode or 0, out.decode().split()


async def budgets(path: Path, day: str) -> tuple[float, list[str]]:
    """What the scope that starts with ``day`` has spent, and all keys that still hold something."""
    store = await Store.open(path)
    try:
        scopes = await store.scopes(day)
        return sum([await store.spent(scope) for scope in scopes]), await store.unsettled()
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("key", "scope", "processes"),
    [("usdPerDay", "day:", (17, 17, 16)), ("usdPerPersonPerDay", "person:terminal:robin:", (8, 8))],
)
async def test_racing_threads_of_several_processes_keep_a_cap_that_they_share(
    open_tmp: Path, home: Path, key: str, scope: str, processes: tuple[int, ...]
) -> None:
    cap = round(FIT * WORST + 0.05, 4)
    configure(home, **{key: cap})
    repos = [make_sample(open_tmp / f"sample{n}").repo for n in range(len(processes))]
    children = [ran("race", repo, home, n) for repo, n in zip(repos, processes, strict=True)]
    outcomes = Counter(word for _, words in await asyncio.gather(*children) for word in words)
    spent, left = await budgets(home / "global.db", scope)
    assert outcomes == {"answered": FIT, "paused": sum(processes) - FIT}
    assert spent == pytest.approx(FIT * WORST)
    assert left == []


async def test_a_call_that_a_kill_cut_off_counts_as_spent_and_holds_nothing(
    open_tmp: Path, home: Path
) -> None:
    configure(home, usdPerDay=1.0)
    repo = make_sample(open_tmp / "sample").repo
    other = make_sample(open_tmp / "other").repo
    assert await ran("die", repo, home, 1) == (-signal.SIGKILL, [])
    _, held = await budgets(home / "global.db", "day:")
    assert len(held) == 1
    assert await ran("race", other, home, 1) == (0, ["answered"])
    spent, still = await budgets(home / "global.db", "day:")
    assert still == held, "a thread of the same id in another repo must not settle it"
    assert await ran("race", repo, home, 1) == (0, ["answered"])
    total, left = await budgets(home / "global.db", "day:")
    assert left == []
    assert total == pytest.approx(spent + 2 * WORST), "the call that was cut off, and the one that was not"
    _, own = await budgets(repo / ".codebutler" / "store.db", "thread:")
    assert own == []


@pytest.mark.parametrize(("key", "cap"), [("usdPerThread", 0.15), ("usdPerDay", 0.15)])
async def test_a_pause_at_a_cap_names_what_counts_for_a_call_that_a_kill_cut_off(
    open_tmp: Path, home: Path, key: str, cap: float
) -> None:
    configure(home, **{key: cap})
    repo = make_sample(open_tmp / "sample").repo
    assert await ran("die", repo, home, 1) == (-signal.SIGKILL, [])
    assert await ran("race", repo, home, 1) == (0, ["paused"])
    store = await Store.open(repo / ".codebutler" / "store.db")
    try:
        [row] = await store.threads()
        events = [parse(each.body) for each in await store.events(row.id)]
    finally:
        await store.close()
    [hit] = [event for event in events if isinstance(event, LimitHit)]
    assert hit.what.endswith("; $0.0999 of it count for calls that were cut off, at their worst case"), (
        hit.what
    )
