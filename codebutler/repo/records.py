"""git's record of one linked worktree: the folder below ``worktrees`` that says where its files are."""

from __future__ import annotations

import shlex
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.git import text_of
from codebutler.repo.removal import delete_tree


def forget(record: Path, folder: Path, branch: str) -> None:
    """Drop the record of the worktree of ``branch``, whose ``folder`` is gone. Blocks.

    As ``git worktree prune``, but for nobody else's worktree on an unplugged disk. RepoError if a person
    has moved the folder, or has one of that name.
    """
    place = Path(text_of(record / "gitdir").strip()).parent
    if place.name and place != folder:
        if text_of(record / "HEAD").strip() != f"ref: refs/heads/{branch}":
            raise RepoError(f"{record} belongs to another worktree", fix="Rename that one: git worktree move")
        there, here = (shlex.quote(str(path)) for path in (place, folder))
        raise RepoError(
            f"the folder of {branch} is at {place} now", fix=f"Move it back: git worktree move {there} {here}"
        )
    delete_tree(record)
