"""Killed around any append and started again, the demo ends as if nothing had happened."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.testing.sample import make_sample
from codebutler.testing.scripted import ScriptedModel
from codebutler.testing.stage import Run, Stage

EVENTS = 140
"""About as many rows as the demo's thread logs."""
AFTER = (1, 2, 14, 31, 40, 70, 83, 106, 118, 124, 133, 135, 137)
BEFORE = (9, 55, 99, 130)
"""Where a quick run kills: near approvals, checkpoints, pushes, the PR, memory, journal and merge."""


@pytest.fixture
async def demo(open_tmp: Path) -> AsyncIterator[Stage]:
    sample = make_sample(open_tmp / "sample")
    async with ScriptedModel("demo") as server:
        yield Stage(sample, open_tmp / "home", server)


async def run(stage: Stage, *, crash_at: str = "") -> Run:
    words = ("run", stage.sample.task, "--yes", "--merge", "--json", "--key", "demo")
    stage.extra = {"CODEBUTLER_CRASH_AT": crash_at} if crash_at else {}
    return await stage.cli(*words)


def landed(stage: Stage) -> dict[str, str]:
    """What the remote's main holds, without the journal (which tells of the interruption)."""
    listing = stage.git("ls-tree", "-r", "main", where=stage.sample.remote)
    rows = [line.split(None, 2)[2].split("\t") for line in listing.splitlines()]
    files = {path: blob for blob, path in rows}
    return {path: blob for path, blob in files.items() if "journals/" not in path}


def points(full: bool) -> list[str]:
    if full:
        return [f"{side}:{n}" for n in range(1, EVENTS + 1) for side in ("before", "after")]
    return [f"after:{n}" for n in AFTER] + [f"before:{n}" for n in BEFORE]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "point" in metafunc.fixturenames:
        metafunc.parametrize("point", points(bool(metafunc.config.getoption("--full"))))


@pytest.fixture(scope="session")
def undisturbed() -> dict[str, dict[str, str]]:
    """The result of an uninterrupted run, made once per worker."""
    return {}


async def test_killed_at_this_point_the_thread_still_lands_once(
    demo: Stage, point: str, undisturbed: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    if not undisturbed:
        calm = make_sample(tmp_path / "calm")
        async with ScriptedModel("demo") as server:
            other = Stage(calm, tmp_path / "calm-home", server)
            assert (await run(other)).code == 0
            undisturbed["files"] = landed(other)
    killed = await run(demo, crash_at=point)
    assert killed.code == -signal.SIGKILL, f"not killed: {killed.stderr}"
    done = await run(demo)
    assert (done.code, done.summary["phase"]) == (0, "closed"), (done.stderr, demo.server.failures)
    assert demo.server.failures == []
    assert {k: v for k, v in landed(demo).items() if ".codebutler" not in k} == {
        k: v for k, v in undisturbed["files"].items() if ".codebutler" not in k
    }
    assert set(landed(demo)) == set(undisturbed["files"])
    subjects = demo.git("log", "--format=%s", "main", where=demo.sample.remote).splitlines()
    assert sum("(#1)" in s for s in subjects) == 1
    assert len(done.of("pr_opened")) == len(done.of("pr_merged")) == len(done.of("plan_approved")) == 1
    assert len(done.of("message_received")) == 4  # task, approval, memory, merge: each once
    sources = [e["source"] for e in done.of("posted")]
    assert len(sources) == len(set(sources))
    replies = [(e["frame"], e["step"]) for e in done.of("model_replied")]
    assert len(replies) == len(set(replies))
    assert demo.git("worktree", "list").count("\n") == 0
    memory = demo.git("show", "main:.codebutler/memory/pm.md", where=demo.sample.remote)
    assert memory.count("learned: thread=") == 1
