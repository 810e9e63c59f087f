"""A partial clone lacks files until its git asks for them. Ours never does; the sandbox has no network.

So what a thread starts from is made whole beforehand. Clones that have everything cost a look at file names.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.git import common_dir, plumb
from codebutler.repo.transfer import fetch_objects

_AT_ONCE = 2000
"""Objects in one fetch: what has come stays when a later one fails."""
_LISTED_BYTES = 512 * 1024 * 1024


async def complete(gitdir: Path, commit: str, url: str, *, token: str | None = None) -> None:
    """Bring every file of ``commit`` here that a partial clone lacks. RepoError where they cannot be had."""
    if not await asyncio.to_thread(_is_partial, gitdir):
        return
    missing = await _missing(gitdir, commit)
    try:
        for start in range(0, len(missing), _AT_ONCE):
            await fetch_objects(gitdir, url, missing[start : start + _AT_ONCE], token=token)
    except RepoError as error:
        raise RepoError(
            f"this clone is a partial one and lacks files of {commit[:12]}: {error.message}",
            fix="Bring all of them here: git fetch --refetch --no-filter",
        ) from error


def _is_partial(gitdir: Path) -> bool:
    packs = common_dir(gitdir) / "objects" / "pack"
    return any(packs.glob("*.promisor"))


async def _missing(gitdir: Path, commit: str) -> list[str]:
    ask = ("rev-list", "--objects", "--no-walk", "--missing=print", commit)
    out = await plumb(*ask, gitdir=gitdir, limit=_LISTED_BYTES)
    return [line[1:].decode() for line in out.splitlines() if line.startswith(b"?")]
