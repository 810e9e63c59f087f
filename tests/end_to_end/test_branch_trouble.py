"""What people do to a thread's branch and folder behind its back: nothing is lost, and there is a way on."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from codebutler.cli.session import Session
from codebutler.repo.discover import find_repo
from codebutler.service.app import find_place, open_store
from codebutler.service.owner import Owner
from codebutler.testing.stage import PROGRAM, Stage
from codebutler.thread.state import ThreadState

WORK = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", steps = [{ text = "Write it" }], files = ["NOTE"] } }]
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add more", summary = "One more.", steps = [{ text = "Write it" }], files = ["MORE"] } }]
[[scripts]]
role = "coder"
match = "Add more"
[[scripts.steps]]
calls = [{ name = "bash", arguments = { command = "cat NOTE > MORE; ls" } }]
[[scripts.steps]]
text = "Wrote MORE."
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{ name = "write", arguments = { path = "NOTE", content = "noted\\n" } }]
[[scripts.steps]]
text = "Wrote NOTE."
[[scripts]]
role = "lead"
match = "Add more"
[[scripts.steps]]
calls = [{ name = "write_summary", arguments = { title = "Add notes", summary = "Notes.", changes = ["NOTE", "MORE"] } }]
[[scripts.steps]]
text = "Nothing to remember."
[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [{ name = "write_summary", arguments = { title = "Add a note", summary = "A note.", changes = ["NOTE"] } }]
[[scripts.steps]]
text = "Nothing to remember."
"""

pytestmark = pytest.mark.parametrize("stage", [WORK], indirect=True)


async def say(session: Session, text: str = "", *, action: str = "") -> ThreadState:
    """Say it and follow until nothing goes on."""
    if not session.thread:
        await session.begin("trouble")
    await session.say(text, action=action)
    async with asyncio.timeout(40):
        async for batch in session.batches():
            if not batch and await session.at_rest():
                return session.state
    raise AssertionError


async def posts(session: Session) -> list[str]:
    rows = await session.host.store.events(session.thread)
    return [json.loads(r.body)["post"]["text"] for r in rows if r.kind == "posted"]


async def noted(session: Session) -> tuple[str, Path]:
    """A thread with its first pull request; returns its branch and worktree."""
    await say(session, "Add a note")
    state = await say(session, "go")
    assert state.pr is not None
    assert state.worktree is not None
    return state.worktree.branch, Path(state.worktree.path)


async def more(session: Session) -> ThreadState:
    """A second plan, carried out."""
    await say(session, "Add more")
    return await say(session, "go")


SAFE = ("-c", "safe.directory=*", "-c", "user.name=Ann", "-c", "user.email=ann@example.invalid")
"""Where the sandbox has a user of its own, a worktree belongs to that one."""


def on_remote(stage: Stage, spec: str) -> str:
    return stage.git("show", spec, where=stage.sample.remote)


def push_elsewhere(stage: Stage, folder: Path, branch: str, files: dict[str, str]) -> str:
    """Somebody else pushes a commit to the thread's branch."""
    subprocess.run(["git", "clone", "-q", "-b", branch, str(stage.sample.remote), str(folder)], check=True)
    for path, text in files.items():
        (folder / path).write_text(text)
    who = ["-c", "user.name=Eve", "-c", "user.email=eve@example.invalid"]
    stage.git("add", "--all", where=folder)
    stage.git(*who, "commit", "-q", "-m", "elsewhere", where=folder)
    stage.git("push", "-q", "origin", branch, where=folder)
    return stage.git("rev-parse", "HEAD", where=folder)


@pytest.mark.parametrize("how", ["delete", "remove", "prune"])
async def test_a_deleted_worktree_comes_back_from_the_branch(
    stage: Stage, session: Session, how: str
) -> None:
    branch, folder = await noted(session)
    if how == "remove":
        stage.git("worktree", "remove", "--force", str(folder))
    else:
        shutil.rmtree(folder)
    if how == "prune":
        stage.git("worktree", "prune")
    state = await more(session)
    assert state.outcome == "pr", (await posts(session), stage.server.failures)
    assert on_remote(stage, f"{branch}:MORE") == "noted"
    assert on_remote(stage, f"{branch}:NOTE") == "noted"
    assert on_remote(stage, f"{branch}:README.md")
    assert stage.git(*SAFE, "status", "--porcelain", where=folder) == ""
    assert sum("was gone; here it is again" in post for post in await posts(session)) == 1
    assert (await say(session, "merge")).phase == "closed"


async def test_a_deleted_branch_is_said_with_what_brings_it_back(stage: Stage, session: Session) -> None:
    branch, folder = await noted(session)
    shutil.rmtree(folder)
    stage.git("worktree", "prune")
    stage.git("branch", "-D", branch)
    state = await more(session)
    assert state.outcome == "failed"
    command = f"git branch {branch} {state.head}"
    assert f"the branch {branch} is gone. {command} brings it back" in (await posts(session))[-1]
    stage.git(*command.split()[1:])
    state = await say(session, "go")
    assert state.outcome == "pr", await posts(session)
    assert on_remote(stage, f"{branch}:NOTE") == "noted"
    assert (folder / "NOTE").read_text() == "noted\n"
    assert stage.git(*SAFE, "status", "--porcelain", where=folder) == ""
    assert (await say(session, "merge")).phase == "closed"
    assert branch not in stage.git("branch")


async def test_a_commit_that_others_pushed_is_merged_along(
    stage: Stage, session: Session, tmp_path: Path
) -> None:
    branch, folder = await noted(session)
    push_elsewhere(stage, tmp_path / "other", branch, {"THEIRS": "theirs\n", "README.md": "new\n"})
    state = await say(session, "merge")
    assert state.phase == "closed", await posts(session)
    assert on_remote(stage, "main:THEIRS") == "theirs"
    assert on_remote(stage, "main:README.md") == "new"
    assert any("Somebody pushed" in p and "`THEIRS`" in p for p in await posts(session))
    assert not folder.exists()
    rows = await session.host.store.events(session.thread)
    made = [json.loads(r.body) for r in rows if r.kind == "checkpoint_made"]
    assert [e["files"] for e in made if e["message"] == "found on the remote"] == [["README.md", "THEIRS"]]


async def test_work_on_both_sides_is_joined_in_branch_and_folder(
    stage: Stage, session: Session, tmp_path: Path
) -> None:
    branch, folder = await noted(session)
    with (folder / ".gitignore").open("a") as ignored:
        ignored.write("\nkept\n")
    (folder / "kept").write_text("ignored")
    theirs = push_elsewhere(stage, tmp_path / "other", branch, {"THEIRS": "theirs\n"})
    state = await more(session)
    assert state.outcome == "pr", await posts(session)
    assert on_remote(stage, f"{branch}:MORE") == "noted"
    assert on_remote(stage, f"{branch}:THEIRS") == "theirs"
    stage.git("merge-base", "--is-ancestor", theirs, branch)
    assert (folder / "THEIRS").read_text() == "theirs\n"
    assert (folder / "kept").read_text() == "ignored"
    assert stage.git(*SAFE, "status", "--porcelain", where=folder) == ""
    assert (await say(session, "merge")).phase == "closed"
    assert on_remote(stage, "main:THEIRS") == "theirs"


async def test_a_branch_that_was_rewritten_is_never_overwritten(
    stage: Stage, session: Session, tmp_path: Path
) -> None:
    branch, _ = await noted(session)
    first = stage.git("rev-parse", "main")
    stage.git("push", "-q", "--force", "origin", f"{first}:refs/heads/other")
    push_elsewhere(stage, tmp_path / "other", "other", {"X": "x\n"})
    stage.git("push", "-q", "--force", "origin", f"other:{branch}", where=tmp_path / "other")
    state = await more(session)
    assert state.outcome == "failed"
    said = (await posts(session))[-1]
    assert "was rewritten on the remote" in said
    assert on_remote(stage, f"{branch}:X") == "x"
    back = said.partition("put it back (git ")[2].partition(")")[0].split()
    stage.git(*back)
    assert (await say(session, "go")).outcome == "pr"


@pytest.mark.parametrize("word", ["work", "merge"])
async def test_a_branch_deleted_on_the_remote_is_pushed_anew(
    stage: Stage, session: Session, word: str
) -> None:
    branch, _ = await noted(session)
    stage.git("branch", "-D", branch, where=stage.sample.remote)
    if word == "work":
        state = await more(session)
        assert state.outcome == "pr", await posts(session)
        assert on_remote(stage, f"{branch}:MORE") == "noted"
    state = await say(session, "merge")
    assert state.phase == "closed", await posts(session)
    assert on_remote(stage, "main:NOTE") == "noted"
    assert branch not in stage.git("branch", where=stage.sample.remote)


async def test_merging_again_says_what_it_became(stage: Stage, session: Session) -> None:
    await noted(session)
    state = await say(session, "merge")
    assert state.merged is not None
    await say(session, action="merge")
    assert (await posts(session))[-1] == f"#1 is merged as `{state.merged.commit[:12]}`."


def program(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=stage.sample.repo,
        env=stage.env(),
        capture_output=True,
        text=True,
        check=False,
    )


async def test_a_number_of_many_digits_is_no_pull_request(stage: Stage) -> None:
    done = await asyncio.to_thread(program, stage, "pr", "show", "9" * 30)
    assert done.returncode != 0
    assert f"there is no pull request #{'9' * 30}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
async def test_what_root_makes_in_a_repo_belongs_to_its_owner(stage: Stage, tmp_path: Path) -> None:
    owner = 12345
    for folder, folders, files in os.walk(stage.sample.repo):
        for name in (".", *folders, *files):
            os.chown(Path(folder) / name, owner, owner)
    place = await find_place(stage.sample.repo, home=tmp_path / "butler", env=stage.env())
    store = await open_store(place)
    lock = Owner.take(await find_repo(stage.sample.repo), tmp_path / "butler")
    try:
        await store.threads()
        made = {path.name: path.lstat() for path in (stage.sample.repo / ".codebutler").iterdir()}
        assert {"store.db", "store.db-wal", "store.db-shm", "lock"} <= set(made)
        assert {name: info.st_uid for name, info in made.items()} == dict.fromkeys(made, owner)
        assert stat.S_IMODE(made["store.db"].st_mode) == 0o600
    finally:
        assert lock is not None
        await lock.release()
        await store.close()
