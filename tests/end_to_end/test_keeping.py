"""Threads outlive their store: backups beside a running service, copies in the home, a fresh clone."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.repo.discover import find_repo
from codebutler.service.keeping import copies_folder
from codebutler.testing.doubles import Asked, says
from codebutler.types import ModelReply, ToolCall

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


async def echo(asked: Asked) -> ModelReply:
    """The Coder writes a file, everybody else repeats what was said."""
    if asked.role == "coder" and asked.messages[-1]["role"] == "user":
        words = json.dumps({"path": f"{asked.heard.split()[-1]}.txt", "content": "work\n"})
        return says("", ToolCall(id="c1", name="write", arguments=words))
    return says(f"re {asked.heard}" if asked.role == "pm" else "done")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


async def cli(room: Room, *words: str, repo: Path | None = None) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command in the room's repo, or in ``repo``."""
    env = {**room.env, "HOME": str(room.home), "CODEBUTLER_HOME": str(room.home)}
    code, out, err = await room.starter(words, repo or room.sample.repo, env)
    return code, out.decode(), err.decode()


async def test_git_clean_takes_the_store_and_restore_brings_its_threads_back(room: Room) -> None:
    async with room.engine(echo) as scene:
        thread = (await scene.talk("a", "one")).id
    git(room.sample.repo, "clean", "-fdxq")
    assert not (room.sample.repo / ".codebutler").exists()
    code, out, err = await cli(room, "threads")
    assert (code, "No threads yet" in out) == (0, True)
    assert "codebutler restore" in err
    async with room.engine(echo) as scene:
        other = (await scene.talk("b", "two")).id
    code, out, err = await cli(room, "restore")
    assert code == 0, err
    assert "1 thread is back, 1 open" in out
    assert f"Only that one has thread {other}" in out
    assert len(list((room.sample.repo / ".codebutler").glob("store.db.kept-*"))) == 1
    assert git(room.sample.repo, "status", "--porcelain") == "", "what is kept stays out of git"
    async with room.engine(echo) as scene:
        state = await scene.rest(await scene.say("a", "three", key="later"))
        assert state.id == thread
        assert [m["content"] for m in scene.asked[-1].messages[1:]] == [
            "robin: one",
            "re robin: one",
            "robin: three",
        ]
    code, _, err = await cli(room, "threads")
    assert err == "", "the store that was replaced on purpose is not lost"


async def test_a_message_that_no_turn_has_read_is_in_the_copy(room: Room) -> None:
    """A store that is deleted in the middle of a turn costs what that turn did, and nothing else."""
    reached = asyncio.Event()

    async def stuck(_asked: Asked) -> ModelReply:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with room.engine(stuck) as scene:
        thread = await scene.say("a", "remember me")
        await scene.until(reached)
    for path in (room.sample.repo / ".codebutler").glob("store.db*"):
        path.unlink()
    assert (await cli(room, "restore"))[0] == 0
    async with room.engine(echo) as scene:
        state = await scene.rest(thread)
        assert (await scene.posts(state.id))[-1] == "re robin: remember me"


async def test_a_backup_beside_a_running_service_and_no_restore_while_it_runs(
    room: Room, tmp_path: Path
) -> None:
    async with room.engine(echo) as scene:
        state = await scene.talk("a", "one")
        from codebutler.service.owner import Owner

        owner = Owner.take(await find_repo(room.sample.repo), room.home)
        assert owner is not None
        code, out, err = await cli(room, "backup", str(tmp_path / "safe"))
        assert (code, err) == (0, "")
        saved = Path(out.splitlines()[0])
        assert "1 threads" in out
        code, _, err = await cli(room, "restore", str(saved))
        assert (code, "a process runs the threads" in err) == (2, True)
        await owner.release()
        assert (await scene.talk("a", "two")).id == state.id
    made = json.loads((room.home / "made.jsonl").read_text())
    assert made["path"] == str(saved)
    code, out, err = await cli(room, "restore", str(saved))
    assert code == 0, err
    async with room.engine(echo) as scene:
        assert len(await scene.posts(state.id)) == 1, "the backup is older than the second message"


async def test_in_a_fresh_clone_threads_go_on_and_missing_branches_are_named(
    room: Room, tmp_path: Path
) -> None:
    async with room.engine(echo) as scene:
        thread = await scene.say("a", "please write first", mode="coder")
        state = await scene.rest(thread)
        assert state.worktree is not None
        branch = state.worktree.branch
    git(room.sample.repo, "push", "-q", "origin", branch)
    saved = (await cli(room, "backup"))[1].splitlines()[0]
    clone = tmp_path / "elsewhere" / "clone"
    clone.parent.mkdir()
    few = ("--no-local", "--single-branch")  # what is only on the branch does not come along
    subprocess.run(["git", "clone", "-q", *few, str(room.sample.remote), str(clone)], check=True)
    code, out, err = await cli(room, "restore", saved, repo=clone)
    assert code == 0, err
    git(room.sample.repo, "worktree", "remove", "--force", state.worktree.path)
    git(room.sample.repo, "branch", "-D", branch)  # as after a merge that the backup does not know of
    bring, here = f"git branch {branch} {state.head}", (await cli(room, "restore", saved))[1]
    assert f"Thread {thread} needs its branch {branch}, which is not in this clone: {bring}" in here
    fetch = f"git fetch origin {branch}:{branch}"
    assert f"Thread {thread} needs its branch {branch}, which is not in this clone: {fetch}" in out
    git(clone, *fetch.split()[1:])
    room.sample = type(room.sample)(clone, room.sample.remote)
    async with room.engine(echo) as scene:
        state = await scene.rest(await scene.say("a", "please write second", key="later"))
        assert state.outcome == "done", await scene.posts(thread)
        assert set(git(clone, "ls-tree", "--name-only", branch).split()) >= {"first.txt", "second.txt"}
        tree = clone / ".codebutler" / "branches" / branch.removeprefix("codebutler/")
        assert (tree / "second.txt").exists(), "the worktree is this clone's, not the one that the log names"


@pytest.mark.parametrize("words", [("restore",), ("restore", "nowhere.db"), ("restore", "README.md")])
async def test_nothing_to_restore_is_one_clear_line(room: Room, words: tuple[str, ...]) -> None:
    code, out, err = await cli(room, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("codebutler restore: ")


async def test_a_home_that_cannot_be_written_stops_no_thread(room: Room) -> None:
    repo = await find_repo(room.sample.repo)
    copies_folder(repo, room.home).parent.write_text("in the way")
    async with room.engine(echo) as scene:
        assert (await scene.talk("a", "one")).outcome == "answered"
