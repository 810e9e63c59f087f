"""A pull request that only remembers, brought to terms with a base branch whose memory was changed since."""

from __future__ import annotations

import re
from pathlib import Path

from codebutler import assets
from codebutler.errors import RepoError
from codebutler.events import MemoryCommitted, MemoryDecided, Rewound, parse
from codebutler.forges.base import Forge, PullRequest
from codebutler.repo import commits
from codebutler.repo.memory import MEMORY_FILES
from codebutler.repo.memory_file import memory_text
from codebutler.repo.merging import merged_tree
from codebutler.store.store import Store
from codebutler.thread.memory_commit import changes
from codebutler.thread.memory_merge import MEMORY

_OURS = re.compile(r"codebutler/memory-(?P<thread>t[0-9a-f]+)-\d+")


async def brought_up(gitdir: Path, store: Store, forge: Forge, pr: PullRequest) -> tuple[str, list[str]]:
    """The head that can be merged, and what a person must know of it.

    Where memory conflicts, what was kept is put into the files as they are on the base branch now. A pull
    request that is not ours alone stays as it is. RepoError for an item that has no place any more.
    """
    named = _OURS.fullmatch(pr.branch)
    head, there = (await forge.fetch(pr.branch), await forge.fetch(pr.base)) if named else ("", "")
    if named is None or not there or head != pr.head:
        return pr.head, []
    _, clashes = await merged_tree(gitdir, there, head)
    found = await _kept(store, named["thread"], pr)
    if not clashes or not all(path.startswith(MEMORY) for path in clashes) or found is None:
        return pr.head, []

    async def read(path: str) -> str | None:
        return await memory_text(gitdir, there, path)

    decided, ts = found
    shipped = {name: assets.text("memory_defaults", name) for name in MEMORY_FILES}
    done = await changes(decided, read, thread=named["thread"], ts=ts, shipped=shipped)
    if done.refused:
        raise RepoError("; ".join(done.refused), fix="Mend that on the base branch, and say it again")
    tree = await commits.tree_with(gitdir, there, {path: x.encode() for path, x in done.files.items()})
    new = await commits.join_trees(gitdir, tree, [head, there], f"Meet {pr.base} at {there[:12]}\n")
    await forge.push(pr.branch, new, expect=head)
    return new, done.told


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
