"""Putting a saved store in the place of a repo's own, so that its threads go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from codebutler.errors import StoreDamaged, UsageError
from codebutler.events import parse
from codebutler.repo.git import resolve
from codebutler.repo.layout import hide_own_files, own_folder
from codebutler.repo.remotes import pick_remote
from codebutler.service.app import Place, open_store
from codebutler.service.keeping import copies_folder, left_copies, put_away
from codebutler.service.owner import Owner
from codebutler.store import files
from codebutler.store.rows import ThreadRow
from codebutler.thread.fold import fold


class Restored(Struct, frozen=True):
    """What came of it. ``kept`` is the store that was there before, ``lost`` what only that one has."""

    source: Path
    kept: Path | None
    threads: Sequence[ThreadRow]
    lost: Sequence[ThreadRow]
    missing: Sequence[tuple[ThreadRow, str]]
    """Open threads whose branch this clone lacks, each with what brings it."""


async def restore(place: Place, source: Path | None) -> Restored:
    """Restore from ``source``, or from the newest copy of a store that is gone or damaged.

    Raises UsageError while a process runs the repo's threads, or when there is nothing to restore;
    ConfigError for a file that is no sound store.
    """
    owner = Owner.take(place.repo, place.home)
    if owner is None:
        raise UsageError(
            f"a process runs the threads of {place.repo.root}", fix="Stop it first (serve, chat or run)."
        )
    try:
        return await _restore(place, source)
    finally:
        await owner.release()


async def _restore(place: Place, source: Path | None) -> Restored:
    target = place.repo.inner / "store.db"
    broken, present = False, ""
    before: list[ThreadRow] = []
    if target.exists():
        try:
            before, present = await _present(place)
        except StoreDamaged:  # it is what this command is for: kept, and replaced
            broken = True
    chosen = source or next(iter(left_copies(place.repo, place.home, present=present)), None)
    if chosen is None:
        folder = copies_folder(place.repo, place.home)
        raise UsageError(
            f"there is no copy of an earlier store of this repo in {folder}",
            fix="Name the file of a backup: codebutler restore FILE.",
        )
    own_folder(place.repo, place.repo.inner)
    hide_own_files(place.repo)
    keep = target.with_name(f"{target.name}.kept-{time.strftime('%Y%m%d-%H%M%S')}")
    had = await asyncio.to_thread(files.restore, chosen.resolve(), target, keep, broken=broken)
    if chosen.resolve().parent == copies_folder(place.repo, place.home).resolve():
        chosen = put_away(chosen)
    after, now = await _present(place)
    replaced = copies_folder(place.repo, place.home) / f"{present}.db"
    if present not in {"", now} and replaced.exists():
        put_away(replaced)  # of a store that is not lost, but replaced: it lies beside the new one
    ids = {row.id for row in after}
    return Restored(
        chosen,
        keep if had else None,
        after,
        [row for row in before if row.id not in ids],
        [(row, await _way_back(place, row)) for row in after if await _lacks_branch(place, row)],
    )


async def _present(place: Place) -> tuple[list[ThreadRow], str]:
    store = await open_store(place)
    try:
        await store.check()
        return await store.threads(), await store.identity()
    finally:
        await store.close()


async def _lacks_branch(place: Place, row: ThreadRow) -> bool:
    if not row.branch or row.phase == "closed":
        return False
    return await resolve(place.repo.gitdir, f"refs/heads/{row.branch}") is None


async def _way_back(place: Place, row: ThreadRow) -> str:
    """What brings the branch: where its last commit is here, it is; a merge may have deleted the remote's."""
    store = await open_store(place)
    try:
        head = fold(row.id, ((e.seq, e.ts, parse(e.body)) for e in await store.events(row.id))).head
    finally:
        await store.close()
    if head and await resolve(place.repo.gitdir, head):
        return f"git branch {row.branch} {head}"
    remote = pick_remote(place.repo, place.home, local=place.config.forge == "local")
    name = remote.url if remote.made else place.repo.remote_name
    return f"git fetch {name} {row.branch}:{row.branch}"
