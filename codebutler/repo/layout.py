"""CodeButler's own folders in a person's checkout, and keeping them out of `git status`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.discover import Repo

_IGNORED = ("branches/", "images/", "store.db*", "lock", "*.sock")
_MARK = "# codebutler: what it keeps in this checkout and never commits"


def branches_folder(repo: Repo) -> Path:
    """The folder of worktrees and snapshots, made if need be. RepoError if a symlink leads elsewhere."""
    for folder in (repo.inner, repo.inner / "branches"):
        own_folder(repo, folder)
    hide_own_files(repo)
    return repo.inner / "branches"


def own_folder(repo: Repo, folder: Path) -> None:
    """Make ``folder`` in the checkout, belonging to whom the checkout belongs; it must be a real folder."""
    try:
        folder.mkdir()
    except FileExistsError:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise RepoError(f"{folder} is not a folder", fix="Move it away: CodeButler works there") from None
    except OSError as error:
        raise RepoError(
            f"{folder} cannot be made: {error.strerror}", fix="Check owner, mode and space"
        ) from error
    else:
        give_like(folder, repo.root)


def own_file(repo: Repo, path: Path) -> None:
    """Make an empty private file for the checkout's owner, unless something of that name is there.

    SQLite gives what it puts beside a file (its WAL) to the same owner.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise RepoError(
            f"{path} cannot be made: {error.strerror}", fix="Check owner, mode and space"
        ) from error
    try:
        if os.geteuid() == 0:
            info = repo.root.stat()
            os.fchown(fd, info.st_uid, info.st_gid)
    finally:
        os.close(fd)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # without it a power cut may take the file's name, and all that was written to it
    finally:
        os.close(folder)


def hide_own_files(repo: Repo) -> None:
    """List what is never committed in the repository's private exclude file, once."""
    path = repo.gitdir / "info" / "exclude"
    text = path.read_text(errors="surrogateescape") if path.exists() else ""
    wanted = [f"/.codebutler/{name}" for name in _IGNORED]
    missing = [line for line in wanted if line not in text.splitlines()]
    if not missing:
        return
    if not path.parent.exists():
        path.parent.mkdir()
        give_like(path.parent, repo.gitdir)
    gap = "" if not text or text.endswith("\n") else "\n"
    new = not path.exists()
    with path.open("a", encoding="utf-8") as file:
        file.write(gap + "\n".join([_MARK, *missing]) + "\n")
    if new:
        give_like(path, repo.gitdir)


def give_like(path: Path, like: Path) -> None:
    """As root, leave to a repository's owner what was made in it."""
    if os.geteuid() == 0:
        info = like.stat()
        os.chown(path, info.st_uid, info.st_gid, follow_symlinks=False)
