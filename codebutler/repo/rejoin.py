"""A clone that a person moved or copied: its worktrees and git's records of them name the old place."""

from __future__ import annotations

import os
import secrets

from codebutler.repo.discover import Repo
from codebutler.repo.worktrees import Worktree, folder


def rejoin(repo: Repo, branch: str) -> None:
    """Have the worktree of a thread's ``branch`` and git's record of it name each other where they are now.

    Nothing happens where they do, or where one of them is not there. Blocks: call it in a thread.
    """
    path = folder(repo, branch)
    tree = Worktree(path, branch, repo.gitdir / "worktrees" / path.name, "")
    record, here = tree.gitdir / "gitdir", str(path / ".git")
    if not record.is_file() or not (path / ".git").is_file():
        return
    if record.read_text(errors="replace").strip() == here:
        return
    _point(tree)
    record.write_text(f"{here}\n")


def _point(tree: Worktree) -> None:
    """Replace the folder's pointer. The folder is the Coder's: no link in it is followed."""
    held = os.open(tree.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        name = f".git.{secrets.token_hex(6)}"
        new = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=held)
        with os.fdopen(new, "w") as file:
            file.write(f"gitdir: {tree.gitdir}\n")
        os.rename(name, ".git", src_dir_fd=held, dst_dir_fd=held)
    finally:
        os.close(held)
