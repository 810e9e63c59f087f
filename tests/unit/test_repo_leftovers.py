"""What kills leave half made in a repository is cleared away, and nothing else."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.repo import leftovers, worktrees
from codebutler.repo.discover import Repo, find_repo
from codebutler.repo.git import common_dir, git

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox


@pytest.fixture
async def repo(git_box: GitBox) -> Repo:
    return await find_repo(git_box.root)


def left(path: Path, text: str = "", *, ago: float = 60.0) -> Path:
    """A file that somebody made some time ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - ago,) * 2)
    return path


async def test_a_dead_processs_locks_go_and_other_peoples_stay(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    git_box.git("worktree", "add", "-q", "-b", "theirs", str(git_box.root.parent / "theirs"))
    ours = [
        left(repo.gitdir / "refs/heads/codebutler/x.lock"),
        left(repo.gitdir / "refs/codebutler/threads/t1/x.lock"),
        left(repo.gitdir / "codebutler-index-0123456789ab"),
        left(repo.gitdir / "codebutler-index-0123456789ab.lock"),
        left(tree.gitdir / "index.lock"),
    ]
    others = [
        left(repo.gitdir / "refs/heads/main.lock"),
        left(repo.gitdir / "index.lock"),
        left(repo.gitdir / "worktrees/theirs/index.lock"),
    ]
    await leftovers.clear(repo)
    assert [p for p in ours if p.exists()] == []
    assert [p for p in others if not p.exists()] == []
    assert worktrees.stands(repo, "codebutler/x")


@pytest.mark.parametrize("whole", [(), ("gitdir",)])
async def test_half_a_worktree_no_longer_stops_the_others(repo: Repo, whole: tuple[str, ...]) -> None:
    """git was killed while it added one: it would fail on that record whatever it is asked to add."""
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    left(tree.gitdir / "locked", "initializing")
    for name in {"gitdir", "commondir"} - set(whole):
        left(tree.gitdir / name)
    os.utime(tree.gitdir, (time.time() - 60,) * 2)
    await leftovers.clear(repo)
    assert (await worktrees.create(repo, "y", repo.head, thread="t2")).path.is_dir()
    again = await worktrees.create(repo, "x", repo.head, thread="t1")
    assert (again.branch, worktrees.stands(repo, again.branch)) == (tree.branch, True)


async def test_what_was_made_just_now_may_still_be_in_use(repo: Repo) -> None:
    lock = left(repo.gitdir / "refs/heads/codebutler/x.lock", ago=leftovers.AGE - 0.4)
    start = time.monotonic()
    await leftovers.clear(repo)
    assert not lock.exists()
    assert time.monotonic() - start > 0.2


async def test_nothing_left_costs_no_time(repo: Repo) -> None:
    await worktrees.create(repo, "x", repo.head, thread="t1")
    await leftovers.clear(repo)
    assert b"codebutler/x" in await git("worktree", "list", gitdir=repo.gitdir)


async def test_records_that_come_and_go_meanwhile_are_no_trouble(repo: Repo) -> None:
    """Git processes of a killed service live on, and a person's `git worktree prune` may run at any time."""
    refs, record = repo.gitdir / "refs/heads/codebutler/a", repo.gitdir / "worktrees/x"
    over = threading.Event()

    def churn() -> None:
        while not over.is_set():
            (refs / "b").mkdir(parents=True)
            (refs / "b").rmdir()
            refs.rmdir()
            record.mkdir(parents=True)
            for name in ("gitdir", "commondir"):
                (record / name).write_text("/nowhere/.git")
                (record / name).unlink()
            record.rmdir()

    git_at_work = threading.Thread(target=churn)
    git_at_work.start()
    try:
        for _ in range(800):
            common_dir(record)
            await leftovers.clear(repo)
    finally:
        over.set()
        git_at_work.join()
