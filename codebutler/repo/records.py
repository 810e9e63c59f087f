"""git's record of one linked worktree: the folder below ``worktrees`` that says where its files are."""

from __future__ import annotations

import shlex
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.discover import Repo
from codebutler.repo.git import git, text_of
from codebutler.repo.process import complaint
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


async def not_added(repo: Repo, branch: str, folder: Path, err: str) -> RepoError:
    """Why git made no worktree of ``branch``: most often a person took it into a checkout, to try it."""
    there = await _checked_out(repo.gitdir, branch)
    if there is None or there == folder:
        return RepoError(f"git worktree failed: {complaint(err)}")
    free = repo.default_branch if there == repo.root else "--detach"
    return RepoError(
        f"{branch} is checked out in {there}, and git lets a branch be in one folder only",
        fix=f"Free it there, then say it again: git -C {shlex.quote(str(there))} switch {free}",
    )


async def _checked_out(gitdir: Path, branch: str) -> Path | None:
    """The checkout in which ``branch`` is, or None."""
    listed = await git("worktree", "list", "--porcelain", "-z", gitdir=gitdir)
    for entry in listed.decode(errors="surrogateescape").split("\0\0"):
        facts = entry.split("\0")
        if f"branch refs/heads/{branch}" in facts:
            return Path(facts[0].removeprefix("worktree "))
    return None
