"""What a checkpoint cannot hold is said by name, and never keeps the rest from being saved."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.errors import ToolFailed
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import TreeReply


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "protocol.file.allow=always")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
async def work(open_tmp: Path) -> AsyncIterator[Executor]:
    """A linked worktree of a repository with the submodule ``sub``, which is not checked out there."""
    other, repo = open_tmp / "other", open_tmp / "repo"
    for folder in (other, repo):
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")
        git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    git(repo, "submodule", "--quiet", "add", str(other), "sub")
    git(repo, "commit", "-qm", "with a submodule")
    git(repo, "worktree", "add", "-q", "-b", "w", str(open_tmp / "w"))
    hands = await Executor.start(open_tmp / "w", own=True)
    yield hands
    await hands.close()


async def saved(work: Executor, command: str) -> TreeReply:
    """The checkpoint after ``command``, which also makes ``important.py``."""
    assert (await work.call("bash", {"command": f"{command}; echo work > important.py"})).ok
    base = git(work.worktree.parent / "repo", "rev-parse", "w")
    built = await work.tree(base)
    assert "important.py" in {change.path for change in await work.status(base)}
    assert built.tree != git(work.worktree.parent / "repo", "rev-parse", f"{base}^{{tree}}")
    return built


@pytest.mark.parametrize("plant", ["echo evil > sub/.git", "mkdir n; echo evil > n/.git; echo x > n/f"])
async def test_a_broken_git_file_in_a_folder_stops_nothing(work: Executor, plant: str) -> None:
    await saved(work, plant)


async def test_git_waits_for_no_pipe_of_a_nested_repository(work: Executor) -> None:
    plant = (
        "mkdir -p n/.git/objects n/.git/refs; echo ref: refs/heads/main > n/.git/HEAD; mkfifo n/.git/config"
    )
    said = "nested repository left out, pipes or devices lie in its records: 'n'"
    assert (await saved(work, plant)).skipped == (said,)


async def test_a_pipe_that_git_would_open_everywhere_is_named(work: Executor) -> None:
    await work.call("bash", {"command": "mkdir d; mkfifo d/.gitignore"})
    with pytest.raises(ToolFailed, match=r"for ever for d/\.gitignore, a pipe or a device: remove it"):
        await work.tree(git(work.worktree.parent / "repo", "rev-parse", "w"))


async def test_files_in_a_submodule_are_named(work: Executor) -> None:
    assert (await saved(work, "echo x > sub/file.py")).skipped == (
        "not saved, it lies in a submodule: 'sub'",
    )


async def test_a_nested_repository_without_a_commit_is_named(work: Executor) -> None:
    assert "'nested" in "".join((await saved(work, "git init -q nested; echo x > nested/f")).skipped)


@pytest.mark.skipif(
    os.geteuid() == 0, reason="as root the sandbox's files are read by their owner all the same"
)
async def test_a_file_that_cannot_be_read_is_named(work: Executor) -> None:
    assert (await saved(work, "echo x > closed; chmod 0 closed")).skipped == (
        "not saved, it cannot be read: 'closed'",
    )


async def test_folders_deeper_than_a_path_can_be_are_named(work: Executor) -> None:
    name = "d" * 165
    deep = f"for n in $(seq 30); do mkdir {name} && cd {name} || exit 1; done; echo x > deepfile"
    assert any("too long" in each for each in (await saved(work, f"({deep})")).skipped)


async def test_nothing_is_said_of_a_worktree_that_is_saved_whole(work: Executor) -> None:
    assert (await saved(work, "true")).skipped == ()
