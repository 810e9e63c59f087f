"""Killed around any append of a rewind or a fork, and started again: it is done, and done once."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from codebutler.testing import note
from codebutler.testing.stage import Run, Stage
from codebutler.types import Json

CODER = """
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{ name = "write", arguments = { path = "A", content = "a\\n" } }]
[[scripts.steps]]
calls = [{ name = "bash", arguments = { command = "rm CHANGES.md; mkdir d; mv README.md d; echo b > B" } }]
[[scripts.steps]]
text = "Wrote."
"""
SAMPLE = ("after:1", "after:2", "before:3", "after:4")

pytestmark = pytest.mark.parametrize("stage", [f"{note.PM}{CODER}{note.LEAD}"], ids=[""], indirect=True)


def query(stage: Stage, sql: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(stage.sample.repo / ".codebutler/store.db")) as store:
        return store.execute(sql, values).fetchall()


def events(stage: Stage, thread: str) -> list[Json]:
    rows = query(stage, "SELECT body FROM event WHERE thread = ? ORDER BY seq", thread)
    return [json.loads(body) for (body,) in rows]


def threads(stage: Stage) -> dict[str, str]:
    """Branches by thread."""
    return dict(query(stage, "SELECT id, branch FROM thread"))


async def killed(stage: Stage, at: str, *words: str) -> bool:
    """Run the command with a kill at that append; False when it came to its end before it."""
    done: Run = await stage.cli(*words, CODEBUTLER_CRASH_AT=at)
    assert done.code in {0, -signal.SIGKILL}, done.stderr
    return done.code != 0


def points(full: bool, rows: int) -> list[str]:
    every = [f"{side}:{n}" for n in range(1, rows + 1) for side in ("before", "after")]
    return every if full else [point for point in SAMPLE if point in every]


async def test_a_rewind_that_was_killed_is_done_once(stage: Stage, full: bool) -> None:
    [(thread, branch)] = threads(stage).items()
    point = next(p for p in (await stage.cli("rewind", thread, "--json")).lines if "write A" in p["text"])
    wanted = stage.git("rev-parse", f"{point['commit']}^{{tree}}")
    folder = stage.sample.repo / ".codebutler/branches" / branch.removeprefix("codebutler/")

    before = events(stage, thread)
    (folder / "HAND").write_text("0\n")
    calm = await stage.cli("rewind", thread, str(point["number"]), "--json")
    assert (calm.code, calm.summary["outcome"]) == (0, "rewound"), calm.stderr
    rows = len(events(stage, thread)) - len(before)
    assert rows >= 5  # message, checkpoint, rewound, post, end
    for number, at in enumerate(points(full, rows), 1):
        before = events(stage, thread)
        (folder / "HAND").write_text(f"{number}\n")
        assert await killed(stage, at, "rewind", thread, str(point["number"])), at
        await stage.cli("run", "--thread", thread, "--json")
        after = (events(stage, thread))[len(before) :]
        if not any(e["kind"] == "message_received" for e in after):
            assert at == "before:1"
            await stage.cli("rewind", thread, str(point["number"]))
            after = (events(stage, thread))[len(before) :]
        kinds = [e["kind"] for e in after]
        assert (kinds.count("rewound"), kinds.count("message_received")) == (1, 1), (at, kinds)
        assert sum("Back at point" in e["post"]["text"] for e in after if e["kind"] == "posted") == 1, at
        assert stage.git("rev-parse", f"{branch}^{{tree}}") == wanted, at
        assert stage.git("-c", "safe.directory=*", "status", "--porcelain", where=folder) == "", at
        undone = next(e["undone"] for e in after if e["kind"] == "rewound")
        history = stage.git("log", "--format=%H", branch).splitlines()
        assert undone in history
        with_hand = [c for c in history if "HAND" in stage.git("ls-tree", "--name-only", c)]
        assert str(number) in [stage.git("show", f"{c}:HAND") for c in with_hand], at


async def test_a_fork_that_was_killed_is_made_once(stage: Stage, full: bool) -> None:
    [thread] = threads(stage)
    before = events(stage, thread)
    calm = await stage.cli("fork", thread, "2", "--json")
    assert calm.code == 0, calm.stderr
    rows = len(events(stage, thread)) - len(before) + len(events(stage, calm.summary["forked"]))
    branch = threads(stage)[calm.summary["forked"]]
    tree = stage.git("rev-parse", f"{branch}^{{tree}}")
    sample = ["after:1", "before:9", f"after:{rows - 4}", f"after:{rows - 3}", f"before:{rows - 1}"]
    for at in points(True, rows) if full else sample:
        known = threads(stage)
        assert await killed(stage, at, "fork", thread, "2"), at
        await stage.cli("run", "--thread", thread, "--json")
        made = {id_: branch for id_, branch in threads(stage).items() if id_ not in known}
        if at == "before:1":
            assert made == {}
            continue
        assert len(made) == 1, at
        [(new, branch)] = made.items()
        log = events(stage, new)
        assert [e["source"] for e in log if e["kind"] == "posted"].count("forked") == 1, at
        assert stage.git("rev-parse", f"{branch}^{{tree}}") == tree, at
        folder = stage.sample.repo / ".codebutler/branches" / branch.removeprefix("codebutler/")
        assert stage.git("-c", "safe.directory=*", "status", "--porcelain", where=folder) == "", at
        said = [e["post"]["text"] for e in events(stage, thread) if e["kind"] == "posted"]
        assert sum(new in text for text in said) == 1, at
