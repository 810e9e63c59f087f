"""A merge that was refused is tried again by the same word, at every door; a repeated command does it once."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from codebutler.testing import note
from codebutler.testing.stage import Stage

EVE = ("-c", "user.name=Eve", "-c", "user.email=eve@example.invalid")
pytestmark = pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)


def merges(stage: Stage) -> int:
    """Merges that were asked for and logged."""
    with closing(sqlite3.connect(stage.sample.repo / ".codebutler/store.db")) as store:
        asked = "SELECT count(*) FROM event WHERE kind = 'merge_requested'"
        return int(store.execute(asked).fetchone()[0])


async def refused(stage: Stage, eve: Path) -> None:
    """A pull request that conflicts with main."""
    done = await stage.cli("run", "Add a note", "--yes", "--json", "--key", "k")
    assert done.summary["outcome"] == "pr", done.stderr
    stage.git("clone", "-q", str(stage.sample.remote), str(eve))
    (eve / "NOTE").write_text("eve's\n")
    stage.git("add", "NOTE", where=eve)
    stage.git(*EVE, "commit", "-q", "-m", "conflict", where=eve)
    stage.git("push", "-q", "origin", "HEAD:main", where=eve)


def give_way(stage: Stage, eve: Path) -> None:
    stage.git(*EVE, "revert", "--no-edit", "HEAD", where=eve)
    stage.git("push", "-q", "origin", "HEAD:main", where=eve)


async def test_pr_merge_tries_again_after_a_refusal(stage: Stage, tmp_path: Path) -> None:
    await refused(stage, tmp_path / "eve")
    assert (await stage.cli("pr", "merge", "1")).code == 1
    first = stage.git("for-each-ref", "refs/heads/codebutler", where=stage.sample.remote)
    assert (await stage.cli("pr", "merge", "1")).code == 1
    assert merges(stage) == 2
    again = stage.git("for-each-ref", "refs/heads/codebutler", where=stage.sample.remote)
    assert again == first != ""  # the checks that a protected branch wants are those of this head
    give_way(stage, tmp_path / "eve")
    done = await stage.cli("pr", "merge", "1")
    assert (done.code, merges(stage)) == (0, 3), done.stderr
    assert stage.git("show", "main:NOTE", where=stage.sample.remote) == "noted"
    assert (await stage.cli("pr", "merge", "1")).code == 0  # it says what it became


async def test_a_headless_run_and_a_plain_word_try_again_too(stage: Stage, tmp_path: Path) -> None:
    await refused(stage, tmp_path / "eve")
    [row] = (await stage.cli("threads", "--json")).lines
    first = await stage.cli("run", "--thread", row["id"], "--merge", "--json")
    assert (first.code, merges(stage)) == (1, 1), first.stderr
    second = await stage.cli("run", "try again", "--thread", row["id"], "--json")
    assert (second.code, merges(stage)) == (1, 2), second.stderr
    third = await stage.cli("run", "/retry", "--thread", row["id"], "--json")
    assert (third.code, merges(stage)) == (1, 3), third.stderr
    await stage.cli("run", "/approve", "--thread", row["id"], "--json")
    assert merges(stage) == 3
    give_way(stage, tmp_path / "eve")
    done = await stage.cli("run", "--thread", row["id"], "--merge", "--json")
    assert (done.code, merges(stage)) == (0, 4), done.stderr
    assert done.summary["phase"] == "closed"


async def test_what_was_cancelled_after_a_refusal_is_not_merged_by_go(stage: Stage, tmp_path: Path) -> None:
    await refused(stage, tmp_path / "eve")
    [row] = (await stage.cli("threads", "--json")).lines
    assert (await stage.cli("run", "merge", "--thread", row["id"], "--json")).code == 1
    give_way(stage, tmp_path / "eve")
    await stage.cli("run", "cancel", "--thread", row["id"], "--json")
    done = await stage.cli("run", "go", "--thread", row["id"], "--json")
    assert merges(stage) == 1, done.of("posted")
    assert "What to remember waits again." in done.of("posted")[-1]["post"]["text"]
    done = await stage.cli("run", "merge", "--thread", row["id"], "--json")
    assert (done.code, done.summary["phase"], merges(stage)) == (0, "closed", 2)


async def test_a_pull_request_closed_from_the_shell_is_noticed(stage: Stage) -> None:
    await stage.cli("run", "Add a note", "--yes", "--json", "--key", "k")
    assert (await stage.cli("pr", "close", "1")).code == 0
    [row] = (await stage.cli("threads", "--json")).lines
    done = await stage.cli("run", "merge", "--thread", row["id"], "--json")
    assert (done.code, done.summary["pr"]["state"]) == (1, "closed")
    assert sum("closed outside" in e["post"]["text"] for e in done.of("posted")) == 1


async def test_a_merge_that_a_backup_does_not_know_can_be_made_again(stage: Stage, tmp_path: Path) -> None:
    """The thread's journal is on main already; whoever restored on purpose is not told that a store is gone."""
    first = await stage.cli("run", "Add a note", "--yes", "--json", "--key", "k")
    thread, branch = first.summary["thread"], first.summary["branch"]
    assert (await stage.cli("backup", str(tmp_path / "safe"))).code == 0
    [saved] = (tmp_path / "safe").glob("*.db")
    assert (await stage.cli("pr", "merge", "1")).code == 0
    assert (await stage.cli("restore", str(saved))).code == 0
    gone = await stage.cli("run", "merge", "--thread", thread, "--json")
    assert gone.code == 1
    way = json.dumps(gone.lines).split(f"git branch {branch} ")[1]  # as the refusal says
    stage.git("branch", branch, way.split()[0])
    done = await stage.cli("run", "merge", "--thread", thread, "--json")
    assert (done.code, done.summary["phase"]) == (0, "closed")
    assert sum("it was merged before" in e["post"]["text"] for e in done.of("posted")) == 1
    assert "is gone" not in done.stderr


@pytest.mark.parametrize("how", ["moved", "copied"])
async def test_a_clone_at_another_place_goes_on_there(stage: Stage, how: str) -> None:
    first = await stage.cli("run", "Add a note", "--yes", "--json", "--key", "k")
    old, new = stage.sample.repo, stage.sample.repo.with_name("new place")
    if how == "moved":
        old.rename(new)
    else:
        shutil.copytree(old, new, symlinks=True)
    stage.sample = type(stage.sample)(new, stage.sample.remote)
    done = await stage.cli("run", "merge", "--thread", first.summary["thread"], "--json")
    assert (done.code, done.summary["phase"]) == (0, "closed"), done.of("posted")
    if how == "copied":
        assert stage.git("-c", "safe.directory=*", "status", "--porcelain", where=old) == ""
        assert [path.name for path in (old / ".codebutler/branches").iterdir()] != []
