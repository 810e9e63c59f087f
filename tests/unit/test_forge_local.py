"""The local forge: one PR a branch, squash merges onto the present base, the same result after any crash."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import ConfigError, RepoError
from codebutler.forges.base import Forge
from codebutler.forges.choose import forge_for
from codebutler.repo.commits import commit_files
from codebutler.repo.discover import find_repo
from codebutler.repo.git import move_ref
from codebutler.settings.github import GitHub
from codebutler.store.connection import prepare
from codebutler.types import Person

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox

_BRANCH = "codebutler/fix"
_ANN = Person(surface="terminal", id="ann", name="Ann <b>")


class _Config:
    """The part of the configuration that chooses a forge."""

    def __init__(self, forge: str = "auto") -> None:
        self.forge, self.github = forge, GitHub()


async def _forge(box: GitBox, tmp_path: Path, kind: str = "auto") -> Forge:
    repo = await find_repo(box.root)
    prepare(repo.inner / "store.db").close()
    return await forge_for(repo, _Config(kind), home=tmp_path / "home")


async def _pushed(forge: Forge, box: GitBox, files: dict[str, bytes | None], branch: str = _BRANCH) -> str:
    """A commit on a branch of its own, pushed."""
    base = box.git("rev-parse", "main")
    tip = await commit_files(
        box.gitdir, parent=base, files=files, message="Work", ref=f"refs/heads/{branch}", old=""
    )
    await forge.push(branch, tip, expect="")
    return tip


def _refs(box: GitBox) -> str:
    return box.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/codebutler")


async def test_from_push_to_merge(git_box: GitBox, remote_box: GitBox, tmp_path: Path) -> None:
    forge = await _forge(git_box, tmp_path)
    start = git_box.git("rev-parse", "main")
    tip = await _pushed(forge, git_box, {"a.txt": b"fixed\n"})
    before = _refs(git_box)
    pr = await forge.open_pr(_BRANCH, "main", "Fix a", "Because.")
    assert (pr.number, pr.head, pr.state, pr.url) == (1, tip, "open", f"{remote_box.root}#1")
    assert (await forge.diff(1))[0].endswith("-one\n-two\n-three\n+fixed\n")
    result = await forge.merge(1, expected_head=tip, co_authors=[_ANN, _ANN])

    assert remote_box.git("log", "--format=%H %P", "main").splitlines() == [
        f"{result.sha} {start}",
        start,
    ]
    assert remote_box.git("show", "main:a.txt") == "fixed"
    body = remote_box.git("log", "-1", "--format=%B", "main")
    assert body == "Fix a (#1)\n\nBecause.\n\nCo-authored-by: Ann b <ann@terminal.invalid>"
    assert remote_box.git("branch", "--format=%(refname:short)") == "main"
    pr = await forge.get(1)
    assert (pr.state, pr.merged_sha, pr.head) == ("merged", result.sha, tip)
    assert (await forge.diff(1))[0].endswith("-one\n-two\n-three\n+fixed\n")
    assert (git_box.git("rev-parse", "HEAD"), git_box.status()) == (start, "")
    assert _refs(git_box) == before
    assert await forge.merge(1, expected_head=tip) == result


async def test_one_open_pr_a_branch(git_box: GitBox, remote_box: GitBox, tmp_path: Path) -> None:
    forge = await _forge(git_box, tmp_path)
    tip = await _pushed(forge, git_box, {"a.txt": b"1\n"})
    assert await forge.find_pr(_BRANCH) is None
    first = await forge.open_pr(_BRANCH, "main", "One", "x", draft=True)
    assert await forge.open_pr(_BRANCH, "main", "Two", "y") == first
    assert first.draft
    await forge.close(1)
    second = await forge.open_pr(_BRANCH, "main", "Two", "y")
    assert (second.number, await forge.find_pr(_BRANCH)) == (2, second)
    assert [pr.number for pr in await forge.list()] == [2]
    assert [pr.number for pr in await forge.list("closed")] == [1]
    assert [pr.number for pr in await forge.list("all")] == [2, 1]
    changed = await forge.update(2, title="Zwei", draft=True)
    assert (changed.title, changed.body, changed.draft, changed.head) == ("Zwei", "y", True, tip)
    with pytest.raises(RepoError, match="#1 is closed"):
        await forge.merge(1, expected_head=tip)
    with pytest.raises(RepoError, match="no pull request #7"):
        await forge.get(7)


async def test_a_pr_follows_its_branch_until_it_is_merged(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    forge = await _forge(git_box, tmp_path)
    old = await _pushed(forge, git_box, {"a.txt": b"1\n"})
    await forge.open_pr(_BRANCH, "main", "One", "")
    new = await commit_files(
        git_box.gitdir, parent=old, files={"b": b"1"}, message="m", ref=f"refs/heads/{_BRANCH}", old=old
    )
    await forge.push(_BRANCH, new, expect=old)
    assert (await forge.get(1)).head == new
    with pytest.raises(RepoError, match=f"is at {new[:12]}, and {old[:12]} was to be merged"):
        await forge.merge(1, expected_head=old)
    assert (await forge.get(1)).state == "open"


async def test_a_main_that_moved_on_is_merged_onto(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    forge = await _forge(git_box, tmp_path)
    tip = await _pushed(forge, git_box, {"a.txt": b"one!\ntwo\nthree\n"})
    await forge.open_pr(_BRANCH, "main", "One", "")
    moved = git_box.commit({"a.txt": "one\ntwo\nthree!\n"})
    git_box.git("push", "--quiet", "origin", "main")
    result = await forge.merge(1, expected_head=tip)
    assert remote_box.git("rev-parse", "main^") == moved
    assert remote_box.git("show", f"{result.sha}:a.txt") == "one!\ntwo\nthree!"


async def test_a_conflict_names_the_files_and_changes_nothing(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    forge = await _forge(git_box, tmp_path)
    tip = await _pushed(forge, git_box, {"a.txt": b"mine\n", "Grün.txt": b"mine\n", "ok.txt": b"1"})
    await forge.open_pr(_BRANCH, "main", "One", "")
    git_box.commit({"a.txt": "yours\n", "Grün.txt": "yours\n"})
    git_box.git("push", "--quiet", "origin", "main")
    before = remote_box.git("for-each-ref")
    with pytest.raises(RepoError, match=r"conflicts with its base in Grün.txt, a.txt\.") as caught:
        await forge.merge(1, expected_head=tip)
    assert "by hand in the thread's worktree" in caught.value.fix
    assert remote_box.git("for-each-ref") == before
    assert (await forge.get(1)).state == "open"


async def test_a_crash_after_the_push_is_found_out(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    forge = await _forge(git_box, tmp_path)
    tip = await _pushed(forge, git_box, {"a.txt": b"1\n"})
    await forge.open_pr(_BRANCH, "main", "One", "")
    result = await forge.merge(1, expected_head=tip)
    with sqlite3.connect(git_box.root / ".codebutler" / "store.db") as db:
        db.execute("UPDATE pull_request SET state = 'open'")
    git_box.commit({"b.txt": "later\n"})
    git_box.git("pull", "--quiet", "--no-edit", "--no-rebase", "origin", "main")
    git_box.git("push", "--quiet", "origin", "main")
    assert await forge.merge(1, expected_head=tip) == result
    assert (await forge.get(1)).state == "merged"
    assert remote_box.git("log", "--format=%s", "main").count("One (#1)") == 1


async def test_a_crash_before_the_push_costs_nothing(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    forge = await _forge(git_box, tmp_path)
    tip = await _pushed(forge, git_box, {"a.txt": b"1\n"})
    await forge.open_pr(_BRANCH, "main", "One", "")
    lost = git_box.git("commit-tree", "-p", "main", "-m", "lost", f"{tip}^{{tree}}")
    with sqlite3.connect(git_box.root / ".codebutler" / "store.db") as db:
        db.execute("UPDATE pull_request SET squash = ?", (lost,))
    result = await forge.merge(1, expected_head=tip)
    assert remote_box.git("log", "--format=%H", "-1", "main") == result.sha != lost


async def test_a_branch_that_brings_nothing_is_not_merged(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    forge = await _forge(git_box, tmp_path)
    tip = await _pushed(forge, git_box, {"a.txt": b"1\n"})
    await forge.open_pr(_BRANCH, "main", "One", "")
    git_box.commit({"a.txt": "1\n"})
    git_box.git("push", "--quiet", "origin", "main")
    with pytest.raises(RepoError, match="changes nothing"):
        await forge.merge(1, expected_head=tip)


async def test_a_refusing_remote_is_not_asked_for_ever(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    forge = await _forge(git_box, tmp_path)
    tip = await _pushed(forge, git_box, {"a.txt": b"1\n"})
    await forge.open_pr(_BRANCH, "main", "One", "")
    hook = remote_box.root / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho x >> '{tmp_path}/asked'\necho 'frozen today' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(RepoError, match="frozen today"):
        await forge.merge(1, expected_head=tip)
    assert (tmp_path / "asked").read_text() == "x\n"


async def test_a_push_that_races_with_the_merge_is_merged_onto(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    """The remote's main moves between our look at it and our push: an update hook does that once."""
    forge = await _forge(git_box, tmp_path)
    tip = await _pushed(forge, git_box, {"a.txt": b"1\n"})
    await forge.open_pr(_BRANCH, "main", "One", "")
    rival = git_box.commit({"rival.txt": "1\n"})
    await forge.push("rival", rival, expect="")
    hook = remote_box.root / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    once = f"rm '{hook}'; unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main {rival}"
    hook.write_text(f"#!/bin/sh\n{once}\n")
    hook.chmod(0o755)
    result = await forge.merge(1, expected_head=tip)
    assert remote_box.git("rev-parse", "main", "main^").split() == [result.sha, rival]


async def test_without_a_remote_one_is_made_outside_the_checkout(git_box: GitBox, tmp_path: Path) -> None:
    forge = await _forge(git_box, tmp_path)
    assert not (tmp_path / "home").exists()
    tip = await _pushed(forge, git_box, {"a.txt": b"1\n"})
    await forge.open_pr(_BRANCH, "main", "One", "")
    result = await forge.merge(1, expected_head=tip)
    hint = await forge.pull_hint()
    assert hint.startswith(f"git pull {tmp_path}/home/remotes/app-")
    git_box.git(*hint.split(" ")[1:])
    assert git_box.git("rev-parse", "HEAD") == result.sha
    assert git_box.git("remote") == ""
    assert git_box.status() == ""


async def test_missing_branches_are_named_with_the_fix(
    git_box: GitBox, tmp_path: Path, new_box: Callable[[str], GitBox]
) -> None:
    git_box.git("init", "--quiet", "--bare", str(tmp_path / "empty.git"))
    git_box.git("remote", "add", "origin", str(tmp_path / "empty.git"))
    forge = await _forge(git_box, tmp_path)
    with pytest.raises(RepoError, match="has no branch codebutler/fix"):
        await forge.open_pr(_BRANCH, "main", "One", "")
    await _pushed(forge, git_box, {"a.txt": b"1\n"})
    with pytest.raises(RepoError, match="no branch main to merge into") as caught:
        await forge.open_pr(_BRANCH, "main", "One", "")
    assert caught.value.fix == "Push it: git push origin main"
    with pytest.raises(RepoError, match="into itself"):
        await forge.open_pr("main", "main", "One", "")


async def test_base_branches_are_never_deleted(git_box: GitBox, remote_box: GitBox, tmp_path: Path) -> None:
    forge = await _forge(git_box, tmp_path)
    await _pushed(forge, git_box, {"a.txt": b"1\n"})
    with pytest.raises(RepoError, match="stays"):
        await forge.delete_branch("main")
    await forge.delete_branch(_BRANCH)
    await forge.delete_branch(_BRANCH)
    assert remote_box.git("branch", "--format=%(refname:short)") == "main"


async def test_a_server_without_a_forge_is_offered_a_local_one(git_box: GitBox, tmp_path: Path) -> None:
    git_box.git("remote", "add", "origin", "https://ann:secret@git.example.org/a/b.git")
    repo = await find_repo(git_box.root)
    with pytest.raises(ConfigError, match=r"https://git\.example\.org/a/b\.git") as caught:
        await forge_for(repo, _Config(), home=tmp_path / "home")
    assert f'"forge": "local" into {tmp_path / "home" / "config.json"}' in caught.value.fix
    assert "secret" not in str(caught.value)
    forge = await _forge(git_box, tmp_path, "local")
    await move_ref(repo.gitdir, "refs/remotes/origin/main", repo.head, "", why="as fetched")
    await _pushed(forge, git_box, {"a.txt": b"1\n"})
    assert (await forge.open_pr(_BRANCH, "main", "One", "")).number == 1


async def test_a_store_that_cannot_be_opened_is_one_clear_line(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    forge = await _forge(git_box, tmp_path)
    (git_box.root / ".codebutler" / "store.db").unlink()
    (git_box.root / ".codebutler" / "store.db").mkdir()
    with pytest.raises(RepoError, match=r"store\.db cannot be opened"):
        await forge.list()
    (git_box.root / ".codebutler" / "store.db").rmdir()
    (git_box.root / ".codebutler" / "store.db").write_text("no database " * 100)
    with pytest.raises(RepoError, match="cannot be opened: file is not a database"):
        await forge.list()


async def test_many_merges_at_once_land_in_line(git_box: GitBox, remote_box: GitBox, tmp_path: Path) -> None:
    forge = await _forge(git_box, tmp_path)
    tips = {}
    for n in range(8):
        tip = await _pushed(forge, git_box, {f"new-{n}": b"x\n"}, branch=f"codebutler/b{n}")
        pr = await forge.open_pr(f"codebutler/b{n}", "main", f"Add {n}", "")
        tips[pr.number] = tip
    await asyncio.gather(*(forge.merge(number, expected_head=tip) for number, tip in tips.items()))
    assert len(remote_box.git("log", "--format=%s", "main").splitlines()) == 9
