"""A ``.git`` that a command may have written cannot name another repository's objects to be shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.worktree import find_git, lent, refused_lenders

SECRET = "VICTIMSECRET"


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def victim(open_tmp: Path) -> Path:
    """Another repository of this machine, with a secret in it."""
    folder = open_tmp / "victim"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "s").write_text(SECRET)
    git(folder, "add", ".")
    git(folder, "-c", "user.name=v", "-c", "user.email=v@localhost", "commit", "-qm", "x")
    return folder


async def ran(folder: Path, command: str, **options: Any) -> str:
    hands = await Executor.start(folder, **options)
    try:
        return (await hands.call("bash", {"command": command})).text
    finally:
        await hands.close()


@pytest.mark.parametrize("below", ["", "sub"])
async def test_a_planted_list_of_lenders_shows_nothing(open_tmp: Path, victim: Path, below: str) -> None:
    plain = open_tmp / "plain"
    (plain / below).mkdir(parents=True)
    store, blob = victim / ".git/objects", git(victim, "rev-parse", "HEAD:s")
    at = f"{below or '.'}/.git"
    await ran(plain, f"git init -q {below}; echo {store} > {at}/objects/info/alternates")
    said = await ran(plain / below, f"git cat-file -p {blob}; ls {store}; cat {store}/*/*")
    assert SECRET not in said
    assert "No such file" in said


async def test_a_planted_pair_of_repository_and_worktree_shows_nothing(open_tmp: Path, victim: Path) -> None:
    """The pointer and its back link are true, and still all of it was written inside."""
    plain = open_tmp / "plain"
    plain.mkdir()
    store, blob = victim / ".git/objects", git(victim, "rev-parse", "HEAD:s")
    await ran(plain, "git init -q r && cd r && git commit -q --allow-empty -m x && git worktree add -q w")
    await ran(plain, f"echo {store} > r/.git/objects/info/alternates")
    assert SECRET not in await ran(plain / "r/w", f"git cat-file -p {blob}")


async def test_a_thread_believes_its_own_repo(open_tmp: Path, victim: Path) -> None:
    clone, place = open_tmp / "clone", open_tmp / "place"
    place.mkdir()
    git(open_tmp, "clone", "-q", "--shared", str(victim), str(clone))
    show = f"git --git-dir={clone}/.git show HEAD:s"
    assert SECRET not in await ran(place, show, gitdir=clone / ".git")
    assert SECRET in await ran(place, show, gitdir=clone / ".git", own=True)


def test_what_the_host_shows_may_lend(open_tmp: Path, victim: Path) -> None:
    clone = open_tmp / "clone"
    git(open_tmp, "clone", "-q", "--shared", str(victim), str(clone))
    parts = find_git(clone)
    assert parts is not None
    assert refused_lenders(lent(parts, clone, [])) == [victim / ".git/objects"]
    assert refused_lenders(lent(parts, clone, [victim])) == []


@pytest.mark.parametrize("action", ["status", "diff", "checkpoint"])
def test_the_host_s_own_commands_refuse_such_a_repository(open_tmp: Path, victim: Path, action: str) -> None:
    clone = open_tmp / "clone"
    git(open_tmp, "clone", "-q", "--shared", str(victim), str(clone))
    program = str(Path(sys.executable).with_name("codebutler"))
    done = subprocess.run(
        [program, "worktree", action, "--json", "--worktree", str(clone)], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "sandbox.show" in done.stderr
