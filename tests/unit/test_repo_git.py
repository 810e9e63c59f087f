"""One git process: its environment, its bounds, its errors."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo.git import (
    common_dir,
    git,
    is_ancestor,
    leave,
    move_ref,
    need_oid,
    plumb,
    resolve,
    try_plumb,
)
from codebutler.repo.process import SECONDS, complaint, environment, owner_of, run, without_passwords

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox


def _fake_git(folder: Path, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)


async def test_only_the_named_environment_reaches_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "canary")
    monkeypatch.setenv("GIT_DIR", "/somewhere")
    _fake_git(tmp_path, "env; pwd")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said = (await git("anything", gitdir=Path("/x"))).decode()
    assert "canary" not in said
    assert "/somewhere" not in said
    assert "GIT_TERMINAL_PROMPT=0" in said
    assert said.splitlines()[-1] == "/"


async def test_a_slow_git_is_stopped_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_git(tmp_path, f"sleep 300 & echo $! > {tmp_path}/child; wait")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    start = time.monotonic()
    with pytest.raises(RepoError, match=r"git fetch took longer than 0\.3 s"):
        await git("fetch", gitdir=Path("/x"), timeout=0.3)
    assert time.monotonic() - start < 10
    _gone(int((tmp_path / "child").read_text()))


async def test_the_configured_time_holds_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_git(tmp_path, "sleep 300")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    token = SECONDS.set(0.2)
    try:
        with pytest.raises(RepoError, match="took longer"):
            await git("log", gitdir=Path("/x"))
    finally:
        SECONDS.reset(token)


async def test_a_cancelled_git_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_git(tmp_path, f"echo $$ > {tmp_path}/self; exec sleep 300")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    task = asyncio.create_task(git("fetch", gitdir=Path("/x")))
    await asyncio.to_thread(_wait_for, tmp_path / "self")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    _gone(int((tmp_path / "self").read_text()))


def _wait_for(path: Path) -> None:
    while not path.exists() or not path.read_text().strip():
        time.sleep(0.01)


def _gone(pid: int) -> None:
    """Fails the test unless a process ends soon (a zombie that nobody reaps has ended)."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return
        except FileNotFoundError:
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} is still there")


async def test_git_outlives_the_temporary_folder_it_was_started_with(
    git_box: GitBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "of a session that ended"))
    leave()
    assert await plumb("hash-object", "-t", "tree", "--stdin", gitdir=git_box.gitdir)


async def test_an_error_is_one_line_without_passwords(git_box: GitBox) -> None:
    with pytest.raises(RepoError) as caught:
        await plumb("ls-tree", "0" * 40, gitdir=git_box.gitdir)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("git ls-tree failed: not a tree object")


def test_passwords_leave_urls() -> None:
    assert (
        without_passwords("see https://ann:geheim@host/x and ssh://git@h/y")
        == "see https://host/x and ssh://h/y"
    )
    assert complaint("hint: x\nfatal: no https://t0ken@host/\n") == "no https://host/"
    assert complaint("") == "no reason given"


async def test_too_much_output_is_cut_and_said(git_box: GitBox) -> None:
    big = git_box.commit({"big.txt": "x" * 3_000_000})
    result = await try_plumb("cat-file", "blob", f"{big}:big.txt", gitdir=git_box.gitdir, limit=1000)
    assert (len(result.out), result.cut) == (1000, True)
    with pytest.raises(RepoError, match="more to say than is reasonable"):
        await plumb("cat-file", "blob", f"{big}:big.txt", gitdir=git_box.gitdir, limit=1000)


async def test_a_failing_source_of_input_fails_the_call(git_box: GitBox) -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b"abc"
        raise RepoError("the well is dry")

    with pytest.raises(RepoError, match="the well is dry"):
        await plumb("hash-object", "--stdin", gitdir=git_box.gitdir, stdin=source())


async def test_input_that_git_does_not_read_is_no_error(git_box: GitBox) -> None:
    data = b"x" * 5_000_000
    assert await plumb("--version", gitdir=git_box.gitdir, stdin=data)


async def test_plumbing_works_from_a_linked_worktrees_gitdir(git_box: GitBox, tmp_path: Path) -> None:
    git_box.git("worktree", "add", "--quiet", str(tmp_path / "side"))
    private = git_box.gitdir / "worktrees" / "side"
    assert common_dir(private) == git_box.gitdir
    head = git_box.git("rev-parse", "HEAD")
    assert (await plumb("cat-file", "-t", head, gitdir=private)).strip() == b"commit"


async def test_plumbing_works_in_a_shallow_clone(git_box: GitBox, tmp_path: Path) -> None:
    git_box.commit({"a.txt": "2\n"})
    git_box.git("clone", "--quiet", "--depth=1", f"file://{git_box.root}", str(tmp_path / "shallow"))
    gitdir = tmp_path / "shallow" / ".git"
    head = await resolve(gitdir, "HEAD")
    assert head
    assert (await plumb("rev-list", "--count", head, gitdir=gitdir)).strip() == b"1"


async def test_no_temporary_gitdir_is_left(
    git_box: GitBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    await plumb("cat-file", "-t", git_box.git("rev-parse", "HEAD"), gitdir=git_box.gitdir)
    assert list((tmp_path / "t").iterdir()) == []


async def test_resolve_takes_no_options(git_box: GitBox) -> None:
    assert await resolve(git_box.gitdir, "main") == git_box.git("rev-parse", "main")
    assert await resolve(git_box.gitdir, "--all") is None
    assert await resolve(git_box.gitdir, "nothing") is None


async def test_ancestry(git_box: GitBox) -> None:
    old = git_box.git("rev-parse", "HEAD")
    new = git_box.commit({"a.txt": "2\n"})
    assert await is_ancestor(git_box.gitdir, old, new)
    assert not await is_ancestor(git_box.gitdir, new, old)
    assert not await is_ancestor(git_box.gitdir, "1" * 40, old)


async def test_a_ref_moves_only_from_where_it_was_seen(git_box: GitBox) -> None:
    old = git_box.git("rev-parse", "HEAD")
    new = git_box.commit({"a.txt": "2\n"})
    await move_ref(git_box.gitdir, "refs/heads/x", old, "", why="made")
    await move_ref(git_box.gitdir, "refs/heads/x", new, old, why="moved")
    with pytest.raises(RepoError, match="moved by somebody else"):
        await move_ref(git_box.gitdir, "refs/heads/x", old, old, why="stale")
    with pytest.raises(RepoError, match="moved by somebody else"):
        await move_ref(git_box.gitdir, "refs/heads/x", old, "", why="made again")
    with pytest.raises(RepoError, match="not a full ref name"):
        await move_ref(git_box.gitdir, "--stdin", old, "", why="hostile")
    assert git_box.git("rev-parse", "x") == new


async def test_a_bad_ref_name_is_told_as_such(git_box: GitBox) -> None:
    with pytest.raises(RepoError, match="could not be moved"):
        await move_ref(git_box.gitdir, "refs/heads/a..b", git_box.git("rev-parse", "HEAD"), "", why="x")


@pytest.mark.parametrize("text", ["", "HEAD", "-x", "a" * 39, "A" * 40, "a" * 40 + "\n", "a" * 41])
def test_what_is_not_an_object_id_is_refused(text: str) -> None:
    with pytest.raises(RepoError, match="is not an object id"):
        need_oid(text, "the tree")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_root_writes_into_a_repository_as_its_owner(git_box: GitBox, open_tmp: Path) -> None:
    assert git_box.root.is_relative_to(open_tmp)
    for folder, names, files in os.walk(git_box.root):
        for name in (".", *names, *files):
            os.chown(Path(folder) / name, 65534, 65534)
    oid = (await plumb("hash-object", "-w", "--stdin", gitdir=git_box.gitdir, stdin=b"new")).decode().strip()
    await move_ref(
        git_box.gitdir, "refs/heads/x", git_box.git("rev-parse", "HEAD", env=_trust()), "", why="x"
    )
    for made in (git_box.gitdir / "objects" / oid[:2] / oid[2:], git_box.gitdir / "refs" / "heads" / "x"):
        assert made.stat().st_uid == 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_root_stays_root_where_the_owner_cannot_come(git_box: GitBox, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    os.chown(git_box.gitdir, 65534, 65534)
    assert owner_of(git_box.gitdir) is None


async def test_an_unreadable_output_of_git_does_not_hang() -> None:
    result = await run(("--version",), {"PATH": os.environ["PATH"]}, limit=3)
    assert (result.out, result.cut) == (b"git", True)


def _trust() -> dict[str, str]:
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("what", ["object", "branch"])
def test_what_git_writes_for_us_is_synced(tmp_path: Path, what: str) -> None:
    """By itself git leaves both to the kernel, and a power cut an empty file in their place."""
    env, trace = environment(), tmp_path / "trace"
    gitdir = ("git", "--git-dir", str(tmp_path / "x.git"))
    subprocess.run([*gitdir, "init", "-q", "--bare"], env=env, check=True)
    first = subprocess.run(
        [*gitdir, "hash-object", "-w", "-t", "tree", "--stdin"],
        env=env,
        input=b"",
        capture_output=True,
        check=True,
    )
    who = dict.fromkeys(
        ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "x"
    )
    commit = [*gitdir, "commit-tree", "-m", "x", first.stdout.decode().strip()]
    made = subprocess.run(
        commit, env={**env, **who}, capture_output=True, text=True, check=True
    ).stdout.strip()
    writes = ["hash-object", "-w", "--stdin"] if what == "object" else ["update-ref", "refs/heads/x", made]
    traced = ["strace", "-f", "-qq", "-e", "trace=fsync", "-o", str(trace), *gitdir, *writes]
    subprocess.run(traced, env=env, input=b"new", capture_output=True, check=True)
    assert trace.read_text().count("fsync(") == 1
