"""The repo's parts with the real executor: snapshot, worktree, checkpoints, push, merge, removal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from codebutler.errors import RepoError
from codebutler.forges.local import LocalForge
from codebutler.repo import snapshots, worktrees
from codebutler.repo.base import base_commit
from codebutler.repo.checkpoints import import_checkpoint
from codebutler.repo.discover import Repo, find_repo
from codebutler.repo.objects import diff_stat, show_file
from codebutler.repo.remotes import pick_remote
from codebutler.sandbox.executor import Executor
from codebutler.store.connection import prepare


def _git(folder: Path, *args: str) -> str:
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null"}
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "Ann", f"GIT_{who}_EMAIL": "ann@example.org"}
    done = subprocess.run(
        ["git", "-C", str(folder), *args], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
async def repo(open_tmp: Path) -> Repo:
    """A repository with an executable, a symlink and a filter that must run inside only."""
    root = open_tmp / "Größe app"
    (root / "src").mkdir(parents=True)
    (root / "src" / "run").write_text("#!/bin/sh\n")
    (root / "src" / "run").chmod(0o755)
    (root / "link").symlink_to("src")
    (root / "a.txt").write_text("one\ntwo\nthree\n")
    _git(root, "init", "--quiet", "--initial-branch=main")
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "-m", "Start")
    return await find_repo(root)


async def _checkpoint(repo: Repo, hands: Executor, tree: worktrees.Worktree, old: str) -> str:
    built = await hands.tree(old)
    return await import_checkpoint(
        repo.gitdir, tree=built.tree, pack=hands.pack(built), message="Work", ref=tree.ref, old=old
    )


async def _write(hands: Executor, path: str, text: str) -> None:
    result = await hands.call("write", {"path": path, "content": text})
    assert result.ok, result.text


async def test_a_threads_whole_life(repo: Repo, tmp_path: Path) -> None:
    base = await base_commit(repo, home=tmp_path / "home")
    tree = await worktrees.create(repo, "Do it", base.commit, thread="t1")
    hands = await Executor.start(tree.path, own=True)
    try:
        await hands.fill(base.commit)
        assert await hands.status(base.commit) == []
        await _write(hands, "a.txt", "1\ntwo\nthree\n")
        await _write(hands, "neu/Größe.txt", "x\n")
        one = await _checkpoint(repo, hands, tree, base.commit)
        assert [item.path for item in await diff_stat(repo.gitdir, base.commit, one)] == [
            "a.txt",
            "neu/Größe.txt",
        ]
        assert await _checkpoint(repo, hands, tree, one) == one
        assert (await hands.call("bash", {"command": "rm a.txt; git status --short"})).ok
        two = await _checkpoint(repo, hands, tree, one)
        assert await show_file(repo.gitdir, two, "a.txt") is None
        assert _git(repo.root, "rev-parse", tree.branch, f"{tree.branch}^").split() == [two, one]

        prepare(tmp_path / "prs.db").close()
        forge = LocalForge(repo, pick_remote(repo, tmp_path / "home"), tmp_path / "prs.db")
        await forge.push(tree.branch, two, expect="")
        pr = await forge.open_pr(tree.branch, base.branch, "Do it", "")
        await forge.merge(pr.number, expected_head=two)
        await _write(hands, "late.txt", "unsaved\n")
        dirt = [change.path for change in await hands.status(two)]
    finally:
        await hands.close()
    with pytest.raises(RepoError, match=r"uncommitted work \(late\.txt\)"):
        await worktrees.remove(repo, tree, dirty=dirt, landed=[two])
    await worktrees.remove(repo, tree, dirty=[], landed=[two])
    assert not tree.path.exists()
    assert _git(repo.root, "status", "--porcelain") == ""
    assert _git(repo.root, "worktree", "list").count("\n") == 0
    assert (await base_commit(repo, home=tmp_path / "home")).commit != base.commit


async def test_a_freed_worktree_is_filled_again_from_its_last_checkpoint(repo: Repo) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    hands = await Executor.start(tree.path, own=True)
    try:
        await hands.fill(repo.head)
        await _write(hands, "a.txt", "kept\n")
        tip = await _checkpoint(repo, hands, tree, repo.head)
    finally:
        await hands.close()
    await worktrees.remove(repo, tree, dirty=[], keep_branch=True)
    again = await worktrees.create(repo, "x", repo.head, thread="t1")
    hands = await Executor.start(again.path, own=True)
    try:
        await hands.fill(tip)
        assert await hands.read_file("a.txt") == b"kept\n"
        assert await hands.status(tip) == []
    finally:
        await hands.close()


async def test_a_snapshot_is_shared_whole_and_invisible(repo: Repo) -> None:
    folder = await snapshots.ensure(repo, repo.head)
    assert folder == repo.root / ".codebutler" / "branches" / f"base-{repo.head[:12]}"
    assert await snapshots.ensure(repo, repo.head) == folder
    assert (folder / "a.txt").read_text() == "one\ntwo\nthree\n"
    assert os.access(folder / "src" / "run", os.X_OK)
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]
    assert _git(repo.root, "status", "--porcelain") == ""
    hands = await Executor.start(folder, read_only=True, own=True, gitdir=repo.gitdir)
    try:
        assert await hands.read_file("a.txt") == b"one\ntwo\nthree\n"
        assert not (await hands.call("write", {"path": "a.txt", "content": "x"})).ok
    finally:
        await hands.close()


async def test_a_snapshot_that_cannot_be_filled_is_not_there(repo: Repo) -> None:
    with pytest.raises(RepoError, match="could not be laid out"):
        await snapshots.ensure(repo, "1" * 40)
    assert list((repo.root / ".codebutler" / "branches").iterdir()) == []


async def test_old_snapshots_go_but_none_that_is_in_use(repo: Repo) -> None:
    commits = [repo.head]
    for number in range(3):
        _git(repo.root, "commit", "--quiet", "--allow-empty", "-m", str(number))
        commits.append(_git(repo.root, "rev-parse", "HEAD"))
    folders = [await snapshots.ensure(repo, commit) for commit in commits]
    (folders[0].parent / ".new-left-by-a-crash").mkdir()
    await snapshots.ensure(repo, commits[1])
    await snapshots.prune(repo, [commits[0]], keep=2)
    await snapshots.sweep(repo)
    kept = {folders[0].name, folders[1].name, folders[3].name}
    assert {entry.name for entry in folders[0].parent.iterdir()} == kept
