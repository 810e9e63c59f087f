"""What several commands share: finding the repo and reading its store."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from codebutler.errors import UsageError
from codebutler.events import parse
from codebutler.service.app import Place, find_place, is_frozen, open_copy, open_store
from codebutler.service.keeping import lost_notice
from codebutler.store.store import Store
from codebutler.thread.fold import fold
from codebutler.thread.state import ThreadState


def add_place(parser: argparse.ArgumentParser) -> None:
    """--repo and --home."""
    parser.add_argument("--repo", type=Path, default=Path(), metavar="DIR", help="the repo (default: here)")
    parser.add_argument("--home", type=Path, metavar="DIR", help="CODEBUTLER_HOME")


@asynccontextmanager
async def place_and_store(
    args: argparse.Namespace, *, reads: bool = False
) -> AsyncIterator[tuple[Place, Store]]:
    """The repo that the arguments name, and its store. ``reads``: one on a read-only disk is copied first."""
    place = await find_place(args.repo.resolve(), home=args.home)
    frozen = reads and is_frozen(place)
    with tempfile.TemporaryDirectory(prefix="codebutler-") if frozen else nullcontext("") as room:
        if frozen:
            print(f"{place.repo.inner} is on a read-only disk: a copy is read here.", file=sys.stderr)
        store = await (open_copy(place, Path(room)) if frozen else open_store(place))
        try:
            await tell_of_lost(place, store)
            yield place, store
        finally:
            await store.close()


async def tell_of_lost(place: Place, store: Store) -> None:
    """Say on standard error that an earlier store is gone, and how its threads come back."""
    notice = lost_notice(place.repo, place.home, present=await store.identity())
    if notice:
        print(place.redactor.text(notice), file=sys.stderr)


async def find_thread(store: Store, start: str) -> str:
    """The id of the one thread whose id begins with ``start``. UsageError if there is none, or more."""
    if not start:
        raise UsageError("the thread's id is empty", fix="codebutler threads lists them.")
    found = [r.id for r in await store.threads() if r.id.startswith(start)]
    if len(found) != 1:
        problem = f"no thread {start!r} in this repo" if not found else f"{start!r} fits {len(found)} threads"
        raise UsageError(problem, fix="codebutler threads lists them.")
    return found[0]


async def load(store: Store, thread: str) -> ThreadState:
    """The state of a thread given by its id or the unambiguous start of it."""
    name = await find_thread(store, thread)
    return fold(name, ((r.seq, r.ts, parse(r.body)) for r in await store.events(name)))


def when(ts: float) -> str:
    """A time as people read it, local."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(ts))
