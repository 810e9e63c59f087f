"""A ``.git`` that a command may have written never takes the daemon's git out of it, nor into a wait."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.worktree import find_git, repository

Plant = Callable[[Path, Path], None]


def _link(name: str, to: str = "bashrc") -> Plant:
    """``name`` of the repository becomes a link to something of the person's."""

    def plant(git: Path, away: Path) -> None:
        at = git / name
        if at.is_dir():
            subprocess.run(["rm", "-rf", at], check=True)
        at.unlink(missing_ok=True)
        at.parent.mkdir(parents=True, exist_ok=True)
        at.symlink_to(away / to)

    return plant


def _pipe(name: str) -> Plant:
    def plant(git: Path, away: Path) -> None:
        del away
        (git / name).parent.mkdir(parents=True, exist_ok=True)
        (git / name).unlink(missing_ok=True)
        os.mkfifo(git / name)

    return plant


def _config(text: str) -> Plant:
    def plant(git: Path, away: Path) -> None:
        os.mkfifo(away / "pipe")
        (away / "more").write_text(f"[include]\n\tpath = {away}/pipe\n")
        with (git / "config").open("a") as file:
            file.write(text.replace("AWAY", str(away)))

    return plant


def _common(git: Path, away: Path) -> None:
    (git / "commondir").write_text(str(away))


PLANTS: dict[str, Plant] = {
    "log": _link("logs/refs/heads/main"),
    "logs": _link("logs", ""),
    "packs": _link("objects/pack", ""),
    "loose objects": _link("objects/ab", ""),
    "ref": _link("refs/heads/main"),
    "refs": _link("refs", ""),
    "index": _link("index"),
    "packed refs": _link("packed-refs"),
    "head": _link("HEAD"),
    "its own config": _link("config"),
    "lists of commits": _link("objects/info/commit-graph"),
    "another's records": _common,
    "ref that waits": _pipe("refs/heads/main"),
    "pack that waits": _pipe("objects/pack/pack-1.idx"),
    "boundary that waits": _pipe("shallow"),
    "include that waits": _config("[include]\n\tpath = AWAY/pipe\n"),
    "include that waits, if": _config('[includeIf "gitdir:**"]\n\tPath = AWAY/pipe\n'),
    "graft that waits": _pipe("info/grafts"),
    "object that waits": _pipe("objects/ab/cdef"),
    "include of the kernel's": _config("[include]\n\tpath = /proc/kmsg\n"),
    "include of an include that waits": _config("[Include]\n\tpath = AWAY/more\n"),
}


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    folder = tmp_path / "plain"
    git(tmp_path, "init", "-q", "-b", "main", str(folder))
    git(
        folder,
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@localhost",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "x",
    )
    git(folder, "worktree", "add", "-q", "../linked")
    (tmp_path / "away").mkdir()
    (tmp_path / "away/bashrc").write_text("# mine\n")
    assert repository(folder / ".git") is not None
    assert find_git(tmp_path / "linked") is not None
    return folder


@pytest.mark.parametrize("name", PLANTS)
def test_a_repository_that_leads_away_is_none(planted: Path, tmp_path: Path, name: str) -> None:
    PLANTS[name](planted / ".git", tmp_path / "away")
    assert repository(planted / ".git") is None
    assert find_git(planted) is None
    assert find_git(tmp_path / "linked") is None


PRIVATE: dict[str, Plant] = {
    "log": _link("logs/HEAD"),
    "logs": _link("logs", ""),
    "index": _link("index"),
    "head": _link("HEAD"),
    "own ref": _link("refs/bisect/bad"),
    "another's records": _common,
    "head that waits": _pipe("HEAD"),
    "index that waits": _pipe("index"),
}


@pytest.mark.parametrize("name", PRIVATE)
def test_a_linked_worktree_that_leads_away_is_none(planted: Path, tmp_path: Path, name: str) -> None:
    PRIVATE[name](planted / ".git/worktrees/linked", tmp_path / "away")
    assert find_git(tmp_path / "linked") is None


async def test_what_was_not_believed_is_neither_shown_nor_written(planted: Path, tmp_path: Path) -> None:
    """It may be a person's own, with odd links and a token in its configuration."""
    dot = planted / ".git"
    git(planted, "config", "remote.origin.url", "https://TOKEN@example.com/x")
    _link("logs", "")(dot, tmp_path / "away")
    for reached_by_a_link in (False, True):
        if reached_by_a_link:
            dot.rename(planted / "own")
            dot.symlink_to("own")
        assert repository(dot.resolve()) is None
        hands = await Executor.start(planted)
        try:
            said = await hands.call("bash", {"command": "cat .git/config; ls -A .git; touch .git/x"})
            assert "TOKEN" not in said.text
            assert "Read-only file system" in said.text
        finally:
            await hands.close()


def test_an_include_of_itself_is_looked_at_once(planted: Path) -> None:
    with (planted / ".git/config").open("a") as file:
        file.write("[include]\n" + "\tpath = config\n" * 20)
    assert repository(planted / ".git") is not None


def test_a_huge_pointer_is_not_read(planted: Path, tmp_path: Path) -> None:
    with (planted / ".git/worktrees/linked/commondir").open("wb") as file:
        file.truncate(1 << 40)
    assert find_git(tmp_path / "linked") is None


def test_what_people_have_is_a_repository(planted: Path, tmp_path: Path) -> None:
    dot = planted / ".git"
    subprocess.run(["rm", "-rf", dot / "hooks"], check=True)
    (dot / "hooks").symlink_to(tmp_path / "away")
    (tmp_path / "away/shared").write_text("[user]\n\tname = x\n[include]\n\tpath = missing\n")
    with (dot / "config").open("a") as file:
        file.write(
            f"[include]\n\tpath = {tmp_path}/away/shared\n\tpath = ~/.nothing\n\tpath = ~nobody-here/x\n"
        )
    with socket.socket(socket.AF_UNIX) as watcher:
        fd = os.open(dot, os.O_PATH)
        watcher.bind(f"/proc/self/fd/{fd}/fsmonitor--daemon.ipc")
        os.close(fd)
    assert repository(dot) is not None
    assert find_git(tmp_path / "linked") is not None


def test_a_repository_is_one_while_others_work_in_it(tmp_path: Path) -> None:
    """Twenty threads add and drop worktrees, and git's own folders of new objects come and go."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".git/worktrees").mkdir()
    done = threading.Event()

    def busy(name: str) -> None:
        while not done.is_set():
            for folder in (
                tmp_path / ".git/worktrees" / name,
                tmp_path / ".git/objects" / f"incoming-{name}",
            ):
                (folder / "deep").mkdir(parents=True)
                shutil.rmtree(folder)

    others = [threading.Thread(target=busy, args=(f"t{number}",)) for number in range(2)]
    for one in others:
        one.start()
    try:
        assert all(find_git(tmp_path) for _ in range(100))
    finally:
        done.set()
        for one in others:
            one.join()
