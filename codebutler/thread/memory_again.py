"""A pull request that only remembers, brought to terms with a base branch whose memory was changed since."""

from __future__ import annotations

import re
from pathlib import Path

from codebutler import assets
from codebutler.errors import RepoError, ToolFailed
from codebutler.events import MemoryCommitted, MemoryDecided, Rewound, parse
from codebutler.forges.base import Forge, PullRequest
from codebutler.repo import commits
from codebutler.repo.git import plumb
from codebutler.repo.memory import MEMORY_FILES, revert
from codebutler.repo.memory_file import memory_text
from codebutler.repo.memory_items import learned
from codebutler.repo.merging import merged_tree
from codebutler.repo.objects import merge_base
from codebutler.store.store import Store
from codebutler.thread.incoming import MEET
from codebutler.thread.memory_changes import changes
from codebutler.thread.memory_merge import MEMORY, newly_beside
from codebutler.thread.memory_now import replaced

_OURS = re.compile(r"codebutler/memory-(?P<thread>t[0-9a-f]+)-\d+")
_UNDOES = re.compile(r"codebutler/memory-revert-(?P<item>[0-9a-f]{6})")


async def brought_up(gitdir: Path, store: Store, forge: Forge, pr: PullRequest) -> tuple[str, list[str]]:
    """The head that can be merged, and what a person must know of it.

    Where memory conflicts, what was kept is put into the files as they are on the base branch now. A pull
    request that is not ours alone stays as it is. RepoError for an item that has no place any more.
    """
    kept, undone = _OURS.fullmatch(pr.branch), _UNDOES.fullmatch(pr.branch)
    is_ours = kept is not None or undone is not None
    head, there = (await forge.fetch(pr.branch), await forge.fetch(pr.base)) if is_ours else ("", "")
    if not there or head != pr.head:
        return pr.head, []
    found = await _kept(store, kept["thread"], pr) if kept is not None else None
    sides, items = [await merge_base(gitdir, head, there), head, there], found[0].kept if found else []
    tree, clashes = await merged_tree(gitdir, there, head)
    if not clashes:
        return pr.head, await newly_beside(gitdir, items, [*sides, tree])
    if not all(path.startswith(MEMORY) for path in clashes):
        return pr.head, []
    anew = None
    if undone is not None:
        anew = await _undone(gitdir, store, there, head, undone["item"])
    elif kept is not None and found is not None:
        anew = await _put_in(gitdir, found, there, kept["thread"])
    if anew is None:
        return pr.head, []
    files, told = anew
    tree = await commits.tree_with(gitdir, there, {path: x.encode() for path, x in files.items()})
    told += await newly_beside(gitdir, items, [*sides, tree])
    new = await commits.join_trees(gitdir, tree, [head, there], f"{MEET} {pr.base} at {there[:12]}\n")
    await forge.push(pr.branch, new, expect=head)
    return new, told


async def _put_in(
    gitdir: Path, found: tuple[MemoryDecided, float], there: str, thread: str
) -> tuple[dict[str, str], list[str]]:
    """The memory files with what was kept in them, and what to say of it."""

    async def read(path: str) -> str | None:
        return await memory_text(gitdir, there, path)

    decided, ts = found
    shipped = {name: assets.text("memory_defaults", name) for name in MEMORY_FILES}
    done = await changes(decided, read, thread=thread, ts=ts, shipped=shipped)
    if done.refused:
        raise RepoError("; ".join(done.refused), fix="Mend that on the base branch, and say it again")
    return done.files, done.told


async def _undone(
    gitdir: Path, store: Store, there: str, head: str, item: str
) -> tuple[dict[str, str], list[str]] | None:
    """The same without a learned item that ``codebutler memory revert`` takes back."""
    own = await plumb("rev-list", "--count", "--no-merges", f"{there}..{head}", gitdir=gitdir)
    if own.decode().strip() != "1":
        return None  # somebody pushed more
    for name in MEMORY_FILES:
        text = await memory_text(gitdir, there, f"{MEMORY}{name}") or ""
        one = next((x for x in learned(text, name) if x.id == item), None)
        if one is None:
            continue
        try:
            left, _ = revert(text, name, item, await replaced(store, gitdir, there, one))
        except ToolFailed as error:
            raise RepoError(str(error), fix="Mend that on the base branch, and say it again") from error
        return {f"{MEMORY}{name}": left}, []
    raise RepoError(f"the base branch has no learned item {item} any more", fix="Close the pull request")


async def _kept(store: Store, thread: str, pr: PullRequest) -> tuple[MemoryDecided, float] | None:
    """The decision that the pull request is about, and when (unix time); None if it holds anything else."""
    waiting = list[MemoryDecided]()
    for row in await store.events(thread):
        event = parse(row.body)
        if isinstance(event, MemoryDecided) and event.kept:
            waiting.append(event)
        elif isinstance(event, Rewound):
            waiting = []
        elif isinstance(event, MemoryCommitted) and waiting:
            decided = waiting.pop(0)
            if (event.branch, event.commit) == (pr.branch, pr.head):
                return decided, row.ts
    return None
