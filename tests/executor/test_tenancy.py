"""Where the host's git works in a worktree's repository, no sandbox that may write there lives beside it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codebutler.errors import NoSandbox, RepoError
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.tenancy import alone, move_in


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "above/repo"
    who = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    for words in (("init", "-q", "-b", "main", str(folder)), ("commit", "-q", "--allow-empty", "-m", "x")):
        at = folder if folder.exists() else tmp_path
        subprocess.run(["git", *who, *words], cwd=at, check=True)
    (folder / "new").write_text("x\n")
    return folder


def save(repo: Path) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("codebutler"))
    command = [program, "worktree", "checkpoint", "--worktree", str(repo)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("where", [".", ".."])
async def test_the_host_s_git_waits_for_a_sandbox_to_end(repo: Path, where: str) -> None:
    hands = await Executor.start((repo / where).resolve())
    try:
        with pytest.raises(RepoError, match="a sandbox is at work in"):
            async with alone(repo, seconds=0.1):
                pass
        waits = asyncio.create_task(asyncio.to_thread(save, repo))
        await asyncio.sleep(0.5)
        assert not waits.done()
    finally:
        await hands.close()
    assert (await waits).returncode == 0
    log = subprocess.run(
        ["git", "log", "--name-only", "-1"], cwd=repo, capture_output=True, text=True, check=True
    )
    assert "new" in log.stdout


async def test_a_sandbox_waits_for_the_host_s_git(repo: Path) -> None:
    async with alone(repo):
        with pytest.raises(NoSandbox, match="git of the host is at work"):
            await move_in(repo, seconds=0.1)
        reads = await Executor.start(repo, read_only=True)  # it can change nothing
        await reads.close()
        (repo.parent / "beside").mkdir()
        beside = await Executor.start(repo.parent / "beside")
        await beside.close()
    os.close(await move_in(repo))


async def test_sandboxes_may_be_several(repo: Path) -> None:
    first, second = await Executor.start(repo), await Executor.start(repo)
    for hands in (first, second):
        assert (await hands.call("bash", {"command": "true"})).ok
        await hands.close()
    assert save(repo).returncode == 0
