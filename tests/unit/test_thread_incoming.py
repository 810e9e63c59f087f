"""Whose a branch on the remote is when a thread pushes for the first time."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codebutler.errors import BranchLost
from codebutler.events import WorktreeReady
from codebutler.repo.discover import find_repo
from codebutler.thread.incoming import need_ours


@pytest.mark.parametrize(
    ("there", "pushed", "fine"),
    [("theirs", False, False), ("base", False, False), ("mine", False, True), ("onward", False, True),
     ("before", False, True), ("theirs", True, True), ("alien", False, False)],
)  # fmt: skip
async def test_a_first_push_meets_only_what_began_here(
    git_box: Any, tmp_path: Path, there: str, *, pushed: bool, fine: bool
) -> None:
    """A push that a kill kept from the log is known by its commits, also with a person's on top."""
    tips = {"base": git_box.commit({"a": "1"})}
    git_box.git("switch", "-q", "-c", "x")
    tips["before"] = git_box.commit({"b": "1"})
    tips["mine"] = git_box.commit({"b": "2"})
    tips["onward"] = git_box.commit({"c": "1"})
    git_box.git("switch", "-q", "-c", "y", tips["base"])
    tips["theirs"] = git_box.commit({"d": "1"})
    git_box.git("switch", "-q", "--orphan", "z")
    tips["alien"] = git_box.commit({"e": "1"})
    host: Any = SimpleNamespace(repo=await find_repo(git_box.root))
    ready = WorktreeReady(branch="codebutler/x", path="/x", base=tips["base"])
    state: Any = SimpleNamespace(pushed=tips["base"] if pushed else "", head=tips["mine"], worktree=ready)
    if fine:
        await need_ours(host, state, tips[there])
        return
    with pytest.raises(BranchLost, match=r"somebody else's work.*nothing was pushed.*fork"):
        await need_ours(host, state, tips[there])
