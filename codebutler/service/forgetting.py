"""Forgetting a person in a repo: found, taken out of the store, and what is left elsewhere is named."""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from codebutler.config import make_home
from codebutler.errors import UsageError
from codebutler.service.app import Place, log_file, open_store
from codebutler.service.keeping import all_made, copies_folder
from codebutler.service.owner import Owner
from codebutler.store import files
from codebutler.store.rows import ThreadRow
from codebutler.store.store import Store
from codebutler.thread.forget import Eraser, Forgotten, people
from codebutler.thread.identity import unlink
from codebutler.types import Person


class Found(Struct, frozen=True):
    """A person and the threads in which they are named. ``journals`` are committed files of these threads."""

    who: Forgotten
    threads: Sequence[ThreadRow]

    @property
    def open_threads(self) -> Sequence[ThreadRow]:
        """Those that are not closed yet."""
        return [row for row in self.threads if row.phase != "closed"]


async def find(place: Place, store: Store, wish: str) -> Found:
    """The person whom ``wish`` names: ``door:id``, an id, or a name. UsageError for nobody, or several."""
    rows, by_thread = await store.threads(), dict[str, set[Person]]()
    for row in rows:
        by_thread[row.id] = people(await store.events(row.id))
    everybody = set().union(*by_thread.values()) if by_thread else set()
    ids = _matching(everybody, wish)
    names = frozenset(p.name for p in everybody if (p.surface, p.id) in ids and p.name)
    who = Forgotten(ids, names, pseudonym(place.home, ids))
    return Found(who, [r for r in rows if any((p.surface, p.id) in ids for p in by_thread[r.id])])


def _matching(everybody: set[Person], wish: str) -> frozenset[tuple[str, str]]:
    exact = {(p.surface, p.id) for p in everybody if f"{p.surface}:{p.id}" == wish}
    loose = {(p.surface, p.id) for p in everybody if wish.casefold() in (p.id.casefold(), p.name.casefold())}
    found = exact or loose
    if len(found) == 1:
        return frozenset(found)
    known = ", ".join(
        sorted(f"{surface}:{name}" for surface, name in found or {(p.surface, p.id) for p in everybody})
    )
    what = f"{wish!r} is {len(found)} people here" if found else f"nobody here is called {wish!r}"
    raise UsageError(what, fix=f"Name one as door:id. There are: {known or 'none'}.")


def pseudonym(home: Path, ids: frozenset[tuple[str, str]]) -> str:
    """The same name for the same person in all repos of this host; nobody can compute it from the id."""
    make_home(home)
    path = home / "pseudonyms.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        pass
    else:
        os.write(handle, secrets.token_bytes(32))
        os.close(handle)
    name = "\n".join(f"{surface}:{person}" for surface, person in sorted(ids))
    return "person-" + hmac.new(path.read_bytes(), name.encode(), "sha256").hexdigest()[:8]


async def forget(place: Place, wish: str) -> tuple[Found, list[str]]:
    """Take the person out of the repo's store. Returns who it was, and the files that still hold their words.

    Raises UsageError while a process runs the repo's threads.
    """
    owner = Owner.take(place.repo, place.home)
    if owner is None:
        raise UsageError(
            f"a process runs the threads of {place.repo.root}", fix="Stop it first (serve, chat or run)."
        )
    try:
        await asyncio.to_thread(files.alone, place.repo.inner / "store.db")
        store = await open_store(place)
        try:
            found = await find(place, store, wish)
            for row in found.threads:
                eraser = Eraser(found.who, await store.events(row.id))
                await store.rewrite(row.id, eraser.rewrite(row, await store.posts(row.id)))
                await store.rewrite_pulls(eraser.text)
            for surface, name in found.who.ids:
                await unlink(store, surface, name)
            path = store.path
        finally:
            await store.close()
        await asyncio.to_thread(files.shrink, path)
        await _forget_counts(place, found.who)
        return found, _left(place, found)
    finally:
        await owner.release()


async def _forget_counts(place: Place, who: Forgotten) -> None:
    """The person's counts of days and hours; and copies, which are made anew from what is left."""
    ledger = await Store.open(place.home / "global.db", place.redactor)
    try:
        for surface, name in who.ids:
            await ledger.drop_scopes(f"{surface}:{name}:")
    finally:
        await ledger.close()
    for copy in copies_folder(place.repo, place.home).rglob("*.db*"):
        copy.unlink()


def _left(place: Place, found: Found) -> list[str]:
    """Files that hold the person's words and that only a person may delete."""
    threads = {row.id for row in found.threads}
    made = [m.path for m in all_made(place.home, place.repo) if not m.thread or m.thread in threads]
    kept = [str(path) for path in place.repo.inner.glob("store.db.kept-*")]
    log = log_file(place)
    logs = [str(path) for path in sorted(log.parent.glob(f"{log.name}*"))]
    return [*made, *kept, *logs]
