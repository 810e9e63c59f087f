"""``codebutler worktree`` on folders that were prepared to hurt whoever looks at them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codebutler.repo.index import sync_index
from codebutler.sandbox.executor import Executor

SECRET = "CANARY-2d4e"
Trap = Callable[[Path, Path], None]
ACTIONS = ("status", "diff", "checkpoint")


def _script(tree: Path, pwned: Path, name: str = "x.sh") -> str:
    (tree / name).write_text(f"#!/bin/sh\ntouch {pwned}\ncat\n")
    (tree / name).chmod(0o755)
    return str(tree / name)


def _own_repository(tree: Path, pwned: Path) -> None:
    (tree / ".git").unlink()
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    (tree / ".git/config").write_text(f"[core]\nfsmonitor = {_script(tree, pwned)}\n")


def _pointer_elsewhere(tree: Path, pwned: Path) -> None:
    evil = tree / "evil"
    subprocess.run(["git", "init", "-q", "--bare", str(evil)], check=True)
    (evil / "config").write_text(f"[core]\nbare = false\nfsmonitor = {_script(tree, pwned)}\n")
    (tree / ".git").write_text("gitdir: evil\n")


def _pointer_symlink(tree: Path, pwned: Path) -> None:
    _pointer_elsewhere(tree, pwned)
    (tree / ".git").unlink()
    (tree / ".git").symlink_to("evil")


def _pointer_fifo(tree: Path, pwned: Path) -> None:
    del pwned
    (tree / ".git").unlink()
    os.mkfifo(tree / ".git")


def _nested(tree: Path, pwned: Path) -> None:
    inner = tree / "inner"
    subprocess.run(["git", "init", "-q", str(inner)], check=True)
    subprocess.run(["git", "-C", str(inner), "config", "core.fsmonitor", _script(tree, pwned)], check=True)
    (inner / "file").write_text("x\n")


def _filters(tree: Path, pwned: Path) -> None:
    _script(tree, pwned)
    (tree / ".gitattributes").write_text("* filter=own diff=own\n")
    (tree / "hello.txt").write_text("changed\n")


def _husky(tree: Path, pwned: Path) -> None:
    (tree / ".husky").mkdir()
    for name in ("pre-commit", "post-commit", "reference-transaction", "post-index-change"):
        _script(tree, pwned, f".husky/{name}")


def _modules(tree: Path, pwned: Path) -> None:
    (tree / ".gitmodules").write_text(
        f'[submodule "../../x"]\n\tpath = sub\n\turl = ext::sh -c touch% {pwned}\n\tupdate = !touch {pwned}\n'
    )


def _odd_files(tree: Path, pwned: Path) -> None:
    del pwned
    os.mkfifo(tree / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        fd = os.open(tree, os.O_PATH)
        server.bind(f"/proc/self/fd/{fd}/socket")
        os.close(fd)
    for name in ("-rf", "--output=x", "new\nline", "\x1b[2Jx", ":(top)", "ü", "*"):
        (tree / name).write_text("x\n")
    (tree / "loop").symlink_to("loop")
    (tree / "away").symlink_to(tree.parent)


def _huge(tree: Path, pwned: Path) -> None:
    del pwned
    with (tree / "huge").open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    (tree / "line").write_text("x" * 3_000_000)


TRAPS: dict[str, Trap] = {
    "a repository in place of the pointer": _own_repository,
    "a pointer to a planted repository": _pointer_elsewhere,
    "a symlink in place of the pointer": _pointer_symlink,
    "a FIFO in place of the pointer": _pointer_fifo,
    "a nested repository": _nested,
    "filters and textconv that the person's config names": _filters,
    "hooks in a folder that the person's config names": _husky,
    "hostile submodules": _modules,
    "FIFO, socket, odd names, links": _odd_files,
    "huge files": _huge,
}


@pytest.fixture
async def tree(linked: Any) -> Path:
    """A filled worktree, whose person has hooks, filters and textconv of the tree in the config."""
    for key, value in {
        "core.hooksPath": ".husky",
        "filter.own.clean": "sh ./x.sh",
        "filter.own.smudge": "sh ./x.sh",
        "diff.own.textconv": "sh ./x.sh",
        "diff.external": "./x.sh",
    }.items():
        linked.git("config", key, value)
    hands = await Executor.start(linked.tree, own=True)
    await hands.fill(linked.base)
    await hands.close()
    await sync_index(linked.repo / ".git", "refs/heads/codebutler/t", linked.base)
    path: Path = linked.tree
    return path


@pytest.mark.parametrize("trap", TRAPS)
def test_nothing_of_it_runs_outside(quick: list[str], tree: Path, tmp_path: Path, trap: str) -> None:
    """Every action ends soon, with an answer or one line of refusal; the marker is never made."""
    pwned = tmp_path / "pwned"
    TRAPS[trap](tree, pwned)
    owner = tree.stat()
    for path in [*tree.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    for action in ACTIONS:
        done = subprocess.run(
            [*quick, "worktree", action, "--worktree", str(tree), "--json"],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert b"Traceback" not in done.stderr
        assert b"\x1b" not in done.stdout + done.stderr
        assert len(done.stdout) < 2_000_000
        if done.returncode == 0:
            json.loads(done.stdout)
        else:
            assert done.stderr.count(b"\n") <= 3, done.stderr
    assert not pwned.exists()


@pytest.mark.parametrize(
    "name", ["AGENTS.md", "up/secret", "../secret", "/etc/passwd", "fifo", "folder", "huge"]
)
def test_read_follows_nothing(quick: list[str], tree: Path, name: str) -> None:
    (tree.parent / "secret").write_text(SECRET)
    (tree / "AGENTS.md").symlink_to(tree.parent / "secret")
    (tree / "up").symlink_to("..")
    (tree / "folder").mkdir()
    os.mkfifo(tree / "fifo")
    with (tree / "huge").open("wb") as file:
        file.truncate(2**31)
    command = [*quick, "worktree", "read", name, "--worktree", str(tree)]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert SECRET.encode() not in done.stdout
    assert b"root:" not in done.stdout
    assert len(done.stdout) <= 65536
    assert b"Traceback" not in done.stderr
