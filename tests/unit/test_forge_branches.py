"""The local forge's view of branches and numbers that are not as its records have them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.forges.local import LocalForge
from codebutler.repo.commits import commit_files
from codebutler.repo.discover import find_repo
from codebutler.repo.layout import own_folder
from codebutler.repo.remotes import pick_remote
from codebutler.store.connection import prepare

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox

_BRANCH = "codebutler/fix"


async def _forge(box: GitBox, tmp_path: Path) -> LocalForge:
    repo = await find_repo(box.root)
    own_folder(repo, repo.inner)
    prepare(repo.inner / "store.db").close()
    return LocalForge(repo, pick_remote(repo, tmp_path / "home"), repo.inner / "store.db")


async def _pushed(
    forge: LocalForge, box: GitBox, files: dict[str, bytes | None], branch: str = _BRANCH
) -> str:
    """A commit on a branch of its own, pushed."""
    base = box.git("rev-parse", "main")
    tip = await commit_files(
        box.gitdir, parent=base, files=files, message="Work", ref=f"refs/heads/{branch}", old=""
    )
    await forge.push(branch, tip, expect="")
    return tip


@pytest.mark.parametrize("number", [0, -1, 7, 10**23, -(10**23)])
async def test_a_number_that_no_pull_request_has(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path, number: int
) -> None:
    forge = await _forge(git_box, tmp_path)
    with pytest.raises(RepoError, match=f"there is no pull request #{number}"):
        await forge.get(number)


async def test_a_remotes_branch_is_fetched_without_a_ref(
    git_box: GitBox, remote_box: GitBox, new_box: Callable[[str], GitBox], tmp_path: Path
) -> None:
    forge = await _forge(git_box, tmp_path)
    assert await forge.fetch(_BRANCH) == ""
    other = new_box("other")
    other.git("pull", "--quiet", str(remote_box.root), "main")
    theirs = other.commit({"theirs.txt": "1\n"})
    other.git("push", "--quiet", str(remote_box.root), f"HEAD:{_BRANCH}")
    before = git_box.git("for-each-ref")
    assert await forge.fetch(_BRANCH) == theirs
    assert git_box.git("cat-file", "-t", theirs) == "commit"
    assert git_box.git("for-each-ref") == before


async def test_a_merge_that_a_crash_kept_from_being_noted_is_merged(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    forge = await _forge(git_box, tmp_path)
    tip = await _pushed(forge, git_box, {"a.txt": b"1\n"})
    await forge.open_pr(_BRANCH, "main", "One", "")
    result = await forge.merge(1, expected_head=tip)
    with sqlite3.connect(git_box.root / ".codebutler" / "store.db") as db:
        db.execute("UPDATE pull_request SET state = 'open'")
    found = await forge.get(1)
    assert (found.state, found.merged_sha) == ("merged", result.sha)
