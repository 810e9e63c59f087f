"""Who works in a folder: sandboxes that may write hold a shared lock on it, the host's git an exclusive one.

A check of a ``.git`` says nothing while a command can still change it. So where the host's git works in a
repository that lies in a worktree, no sandbox that may write there, or in a folder above, lives beside it.
The locks are the kernel's, on the folders themselves: nothing is left when a process is killed.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from codebutler.errors import NoSandbox, RepoError, UsageError
from codebutler.sandbox.worktree import real_folder

SECONDS = 10.0
"""How long either side waits for the other."""
_POLL = 0.05
_UNKNOWN = (errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP, errno.EINVAL)
"""A file system without such locks: sandboxes of other processes cannot be known there."""


async def move_in(folder: Path, seconds: float = SECONDS) -> int:
    """A descriptor that, while open, says: a sandbox may write in ``folder``. NoSandbox if git stays busy."""
    fd = await _locked(folder, fcntl.LOCK_SH, seconds)
    if fd is None:
        raise NoSandbox(
            f"git of the host is at work in {folder}",
            fix="Wait until that command has ended, then try again.",
        )
    return fd


@asynccontextmanager
async def alone(*folders: Path, seconds: float = SECONDS) -> AsyncIterator[None]:
    """No sandbox may write in any of ``folders``, nor above them. RepoError if one does and does not end."""
    with ExitStack() as held:
        for folder in sorted({above for each in folders for above in (each, *each.parents)}, reverse=True):
            if not _may_be_opened(folder):
                continue
            fd = await _locked(folder, fcntl.LOCK_EX, seconds)
            if fd is None:
                raise RepoError(
                    f"a sandbox is at work in {folder}, and could change the repository meanwhile",
                    fix="End it (the `codebutler tool` or `executor` on that folder), then try again.",
                )
            held.callback(os.close, fd)
        yield


def _may_be_opened(folder: Path) -> bool:
    """Whether a sandbox could have been started on it, by this user or by root."""
    try:
        return real_folder(folder) == folder and os.access(folder, os.R_OK)
    except UsageError:
        return False


async def _locked(folder: Path, kind: int, seconds: float) -> int | None:
    """An open descriptor of the locked folder; None if somebody else's lock outlasts ``seconds``."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    until = asyncio.get_running_loop().time() + seconds
    try:
        while True:
            try:
                fcntl.flock(fd, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if asyncio.get_running_loop().time() > until:
                    os.close(fd)
                    return None
                await asyncio.sleep(_POLL)
            except OSError as error:
                if error.errno not in _UNKNOWN:
                    raise
                return fd
            else:
                return fd
    except BaseException:
        os.close(fd)
        raise
