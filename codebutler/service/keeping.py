"""What is kept of a repo's store outside the repo: the copy that follows it, and what people have saved.

``<home>/copies/<repo>/<store id>.db`` follows the store of that id; ``git clean -fdx`` takes the store and
leaves the copy. ``<home>/backups`` holds what ``codebutler backup`` wrote, ``<home>/made.jsonl`` the places
of all files with people's words in them that commands wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

from msgspec import Struct

from codebutler.config import make_home
from codebutler.repo.discover import Repo
from codebutler.store.copies import Copy
from codebutler.store.standing import Rescue
from codebutler.store.store import Store

DONE = "restored"
"""Where a copy goes once it was restored from."""


def name_of(repo: Repo) -> str:
    """The repo's own folder name in the home: two clones of one repo have two."""
    return f"{repo.root.name}-{hashlib.sha256(str(repo.root).encode()).hexdigest()[:8]}"


def copies_folder(repo: Repo, home: Path) -> Path:
    """Where the copies of the repo's stores are."""
    return home / "copies" / name_of(repo)


async def copy_of(repo: Repo, home: Path, store: Store) -> Copy:
    """The copy that follows ``store``. Nothing is written yet."""
    return Copy(store.path, copies_folder(repo, home) / f"{await store.identity()}.db")


def left_copies(repo: Repo, home: Path, *, present: str) -> list[Path]:
    """Copies of stores that are no more, the newest first. ``present``: the id of the one there is, or ""."""
    found = [p for p in copies_folder(repo, home).glob("*.db") if p.stem != present]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def lost_notice(repo: Repo, home: Path, *, present: str) -> str:
    """What to tell a person whose store is gone while its copy is there; "" when nothing is lost."""
    left = left_copies(repo, home, present=present)
    if not left:
        return ""
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(left[0].stat().st_mtime))
    return (
        f"An earlier store of {repo.root} is gone, but its copy of {at} is here. Get its threads back with:"
        f" codebutler restore (or delete {left[0]})"
    )


def rescue_of(repo: Repo, home: Path) -> Rescue:
    """How the threads of a store that is damaged or gone come back, as far as a copy of them exists."""

    def rescue() -> str:
        if not left_copies(repo, home, present=""):
            return ""
        return f"Its threads are kept in {copies_folder(repo, home)}: get them back with: codebutler restore"

    return rescue


def put_away(copy: Path) -> Path:
    """Move a copy that was restored from out of the way; returns where it is."""
    done = copy.parent / DONE
    done.mkdir(exist_ok=True)
    for side in ("-wal", "-shm"):
        beside = copy.with_name(copy.name + side)
        if beside.exists():
            beside.replace(done / beside.name)
    return copy.replace(done / copy.name)


# ------------------------------------------------------------------- files that commands wrote


class Made(Struct, frozen=True):
    """A file with people's words in it. ``thread`` is "" when it holds all threads of ``repo``."""

    path: str
    repo: str
    thread: str = ""
    at: float = 0.0


def note_made(home: Path, made: Made) -> None:
    """Remember where a file is, so that it can be found when somebody wants to be forgotten."""
    make_home(home)
    line = json.dumps({"path": made.path, "repo": made.repo, "thread": made.thread, "at": time.time()}) + "\n"
    handle = os.open(home / "made.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def all_made(home: Path, repo: Repo) -> list[Made]:
    """The files that were made of this repo's threads and still exist."""
    path = home / "made.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = {}
    for line in lines:
        try:
            made = Made(**json.loads(line))
        except (ValueError, TypeError):  # half a line, from a disk that was full
            continue
        if made.repo == str(repo.root) and Path(made.path).exists():
            found[made.path, made.thread] = made
    return list(found.values())
