"""Killed while it warns a neighbour, or goes onto its base branch: it is told, and done, once."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

import pytest

from codebutler.testing import note
from codebutler.testing.stage import Stage
from codebutler.thread.radar import PAIRS

EVE = ("-c", "user.name=Eve", "-c", "user.email=eve@example.invalid")

pytestmark = pytest.mark.parametrize("stage", [note.PLAIN], ids=[""], indirect=True)


def rows(stage: Stage, after: int = 0) -> list[tuple[int, str, dict[str, Any]]]:
    """Place, thread and body of the events past that place, of all threads, in the order they came."""
    with closing(sqlite3.connect(stage.sample.repo / ".codebutler/store.db")) as store:
        told = store.execute("SELECT rowid, thread, body FROM event WHERE rowid > ? ORDER BY rowid", [after])
        return [(place, thread, json.loads(body)) for place, thread, body in told]


def kinds(stage: Stage, after: int) -> list[str]:
    return [body["kind"] for _, _, body in rows(stage, after)]


async def test_a_warning_that_was_killed_is_in_both_threads_once_or_comes(stage: Stage, full: bool) -> None:
    start = rows(stage)[-1][0]
    assert (await stage.cli("run", "More", "--key", "calm")).code == 3
    calm = kinds(stage, start)
    first = calm.index("overlap_found") + 1
    sides = [f"{side}:{n}" for n in range(1, len(calm) + 1) for side in ("before", "after")]
    for at in sides if full else (f"before:{first + 3}", f"after:{first}"):
        start = rows(stage)[-1][0]
        assert (
            await stage.cli("run", "More", "--key", at, CODEBUTLER_CRASH_AT=at)
        ).code == -signal.SIGKILL, at
        assert kinds(stage, start).count("overlap_found") % 2 == 0, "a pair is told in one commit"
        assert (await stage.cli("run", "More", "--key", at)).code == 3, at
        mine, told = mine_of(stage, start), rows(stage, start)
        found = Counter((t, b["other"], *b["causes"]) for _, t, b in told if b["kind"] == "overlap_found")
        pairs = min(PAIRS, len(others(stage, start)))
        assert len(found) >= 2 * pairs, at  # a look that follows a kill tells as many again
        assert set(found.values()) == {1}, at
        assert all((b, a, cause) in found for a, b, cause in found if mine in {a, b}), at
        texts = [(t, b["post"]["text"]) for _, t, b in told if b["kind"] == "posted"]
        said = Counter[str]()
        for thread, text in texts:  # who looked has one message about all others
            said[thread] += text.count("in the way of this one")
        assert +said == Counter(a for a, _, _ in found), at


def mine_of(stage: Stage, after: int) -> str:
    return next(thread for _, thread, body in rows(stage, after) if body["kind"] == "thread_opened")


def others(stage: Stage, after: int) -> set[str]:
    """The threads from before that place."""
    return {thread for place, thread, _ in rows(stage) if place <= after}


async def test_a_rebase_that_was_killed_is_made_once(stage: Stage, full: bool) -> None:
    thread = rows(stage)[0][1]
    calm = await rebased(stage, thread, "")
    begun, ready = calm.index("rebase_begun") + 1, calm.index("worktree_ready") + 1
    sides = [f"{side}:{n}" for n in range(1, len(calm) + 1) for side in ("before", "after")]
    for at in sides if full else (f"after:{begun}", f"before:{ready}"):
        await rebased(stage, thread, at)


async def rebased(stage: Stage, thread: str, at: str) -> list[str]:
    """Main moves, and the thread's branch goes onto it, with a kill at that row; the kinds of its events."""
    git, start = stage.git, rows(stage)[-1][0]
    branch, number = git("branch", "--list", "codebutler/*", "--format=%(refname:short)"), len(rows(stage))
    (stage.sample.repo / f"OTHER{number}").write_text("x\n")
    git("add", f"OTHER{number}")
    git(*EVE, "commit", "-q", "-m", "elsewhere")
    git("push", "-q", "origin", "main")
    main, tip = git("rev-parse", "main"), git("rev-parse", branch)
    words: tuple[str, ...] = ("rebase",)
    if at:
        killed = await stage.cli("run", *words, "--thread", thread, CODEBUTLER_CRASH_AT=at)
        assert killed.code == -signal.SIGKILL, at
        words = ("rebase",) if at == "before:1" else ()
    assert (await stage.cli("run", *words, "--thread", thread)).code == 0, at
    found = kinds(stage, start)
    once = ("rebase_requested", "rebase_begun", "worktree_ready", "message_received", "turn_ended")
    assert {kind: found.count(kind) for kind in once} == dict.fromkeys(once, 1), at
    [ready] = [b for _, _, b in rows(stage, start) if b["kind"] == "worktree_ready"]
    assert ready["base"] == main, at
    joins = git("log", "--merges", "--format=%P", f"{main}..{branch}", f"^{tip}").splitlines()
    assert joins == [f"{tip} {main}"], at
    assert git("rev-parse", branch, where=stage.sample.remote) == git("rev-parse", branch), at
    return found
