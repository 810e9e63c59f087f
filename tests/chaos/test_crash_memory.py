"""Killed while the branch meets memory that was edited on main: nobody is blamed, and it is told."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing

import pytest

from codebutler.testing import note
from codebutler.testing.stage import Stage

EVE = ("-c", "user.name=Eve", "-c", "user.email=eve@example.invalid")
PM = ".codebutler/memory/pm.md"

pytestmark = pytest.mark.parametrize("stage", [note.WHOLE], ids=[""], indirect=True)


def rows(stage: Stage) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(stage.sample.repo / ".codebutler/store.db")) as store:
        return store.execute("SELECT thread, body FROM event ORDER BY rowid").fetchall()


def posts(stage: Stage) -> list[str]:
    bodies = [json.loads(body) for _, body in rows(stage)]
    return [body["post"]["text"] for body in bodies if body["kind"] == "posted"]


async def test_a_join_with_the_memory_on_main_is_ours_after_a_kill_and_is_told(stage: Stage) -> None:
    [thread] = {thread for thread, _ in rows(stage)}
    assert (await stage.cli("run", "keep all", "--thread", thread)).code == 0
    git, (branch,) = (
        stage.git,
        stage.git("branch", "--list", "codebutler/*", "--format=%(refname:short)").split(),
    )
    kept = git("show", f"{branch}:{PM}")
    (stage.sample.repo / PM).parent.mkdir(parents=True, exist_ok=True)
    ending = "## Learned\n\n- Notes never live in NOTE\n"
    (stage.sample.repo / PM).write_text(f"{kept[: kept.index('## Learned')]}{ending}")
    git("add", "--all")
    git(*EVE, "commit", "-q", "-m", "Eve's memory")
    git("push", "-q", "origin", "main")
    before = len(posts(stage))
    killed = await stage.cli(
        "run", "merge", "--thread", thread, CODEBUTLER_CRASH_AT="before:checkpoint_made:1"
    )
    assert killed.code == -signal.SIGKILL
    assert "Eve" in git("log", "--format=%an", f"{branch}^2", "-1"), "the kill came behind the join"
    await stage.cli("run", "merge", "--thread", thread)
    said = posts(stage)[before:]
    assert not any("by hand" in text for text in said), said
    [told] = [text for text in said if "The memory on `main` was edited meanwhile (`pm.md`)" in text]
    assert "“Notes live in NOTE” now stands beside “Notes never live in NOTE”" in told
    assert any(text.startswith("Merged #1") for text in said), said
