"""The conflict radar: which open threads get in each other's way. Both are told, once per pair and cause.

A thread looks when its plan is proposed, after each batch that changed files, and when its pull request is
ready. What it reaches into stands in its row, so that a look at all others is one query and no git; only
pairs that may conflict are merged for trial. One process runs all threads of a repo: its lock makes a look
and its words one step, and both threads get them in one transaction.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from msgspec.structs import replace

from codebutler.errors import RepoError
from codebutler.events import OverlapFound
from codebutler.repo.git import is_ancestor
from codebutler.repo.merging import merged_tree
from codebutler.repo.objects import diff
from codebutler.store.together import Told
from codebutler.thread import ahead, warning
from codebutler.thread.aside import is_aside
from codebutler.thread.names import Names, of_diff
from codebutler.thread.reach import Reach, load, may_clash, reach, shared
from codebutler.thread.warning import Neighbour, told

if TYPE_CHECKING:
    from codebutler.thread.thread import Thread

TRIALS = 20
"""Trial merges of one look at the most; pairs that share a file come first."""
PAIRS = 10
"""Threads that one look tells of; others are for the next."""
CLUSTER = 8
"""Pull requests for which a merge order is worked out."""
_KEPT = 4_096
_RANK = ("conflict", "file", "directory", "meaning")


@dataclass
class Radar:
    """What the host keeps for all threads: the lock, what was looked at, and what trial merges gave."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    seen: dict[str, tuple[object, ...]] = field(default_factory=dict)
    trials: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


async def look(thread: Thread) -> None:
    """Bring the thread's row up to date and tell what is new; with a pull request also of its diff's names
    and the merge order.

    Costs nothing when neither plan nor branch has changed since the last look of this process.
    """
    state, radar = thread.state, thread.host.radar
    plan = state.plan.hash if state.plan is not None else ""
    whole = state.phase == "lead" and state.pr_state == "open"
    mark = (plan, state.head, state.pr_state, state.rewinds, whole)
    if radar.seen.get(state.id) == mark or (not plan and not state.head) or state.phase == "closed":
        return
    async with radar.lock:
        await thread.log.sync()
        live = {row.id: row for row in await thread.host.store.live()}
        before = load(live[state.id].data) if state.id in live else Reach()
        mine = await _mine(thread, before, whole=whole)
        if mine != before:
            await thread.log.update_row(data=mine.dump())
        others = {i: Neighbour(i, row.branch, load(row.data)) for i, row in live.items() if i != state.id}
        await _tell(thread, mine, others, whole=whole)
    radar.seen[state.id] = mark


async def _mine(thread: Thread, before: Reach, *, whole: bool) -> Reach:
    mine = reach(thread.state)
    if not mine.pr and await is_aside(thread.host.store, thread.state.id):  # a pull request is seen by all
        mine = replace(mine, title="", private=True)
    if whole and mine.head:
        text, _ = await diff(thread.host.repo.gitdir, mine.base, mine.head)
        return mine.with_names(of_diff(text))
    if mine.head:  # until the next whole look what the last one found holds
        return mine.with_names(Names(before.owns, before.uses, before.lines))
    return mine


async def _tell(thread: Thread, mine: Reach, others: Mapping[str, Neighbour], *, whole: bool) -> None:
    names = whole or not mine.head
    often = _common(others.values()) if names else frozenset[str]()
    found = {i: shared(mine, n.reach, names=names, common=often) for i, n in others.items()}
    near = [i for i, causes in found.items() if any(c.startswith("file:") for c in causes)]
    tries = [i for i, n in others.items() if may_clash(mine, n.reach)]
    for other in sorted(tries, key=lambda i: i not in near)[:TRIALS]:
        found[other] |= {f"conflict:{p}" for p in await clashes(thread, mine, others[other].reach)}
    here = Neighbour(thread.state.id, thread.state.worktree.branch if thread.state.worktree else "", mine)
    news = list[tuple[Neighbour, set[str], set[str]]]()
    for other, causes in found.items():
        known = thread.state.overlaps.get(other, set())
        fresh = {c for c in causes - known if not (known and c.startswith("directory:"))}
        if fresh:
            news.append((others[other], fresh, fresh | (causes & known)))
    news.sort(key=lambda each: (min(_RANK.index(c.partition(":")[0]) for c in each[1]), each[0].id))
    clean = {i for i in tries if not any(c.startswith("conflict:") for c in found[i])}
    if news:
        await _warn(thread, here, news[:PAIRS], clean)
    if whole and mine.pr:
        await _order(thread, here, [others[i] for i in near if others[i].reach.pr])


async def _warn(
    thread: Thread,
    here: Neighbour,
    news: Sequence[tuple[Neighbour, set[str], set[str]]],
    clean: Collection[str],
) -> None:
    """All threads in one transaction: a kill neither loses a warning nor repeats it.

    Who looked gets one message about all the others, each of them one about who looked. Of each pair that is
    what is new; what stands in a pull request is all that holds now.
    """
    words, mine, texts = list[Told](), list[Told](), list[str]()
    for other, causes, every in news:
        names = sorted(causes)
        for reader, about in ((other, here), (here, other)):
            event = OverlapFound(other=about.id, causes=names)
            text = thread.redact(warning.overlap(about, reader, causes, clean=other.id in clean))
            whole = thread.redact(warning.overlap(about, reader, every, clean=other.id in clean))
            stands = {f"overlap:{about.id}": whole}
            one = told(reader.id, f"overlap:{about.id}:{_mark(names)}", event, text, standing=stands)
            (words if reader is other else mine).append(one)
        texts.append(text)
    if len(mine) > 1:
        together = told(here.id, f"overlaps:{_mark(each.key for each in mine)}", None, "\n\n".join(texts))
        found = [each.events[0] for each in mine]
        stand = [post for each in mine for post in each.standing]
        mine = [replace(together, events=[*found, *together.events], standing=stand)]
    await thread.log.tell([*words, *mine])


def _mark(names: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(names).encode(errors="surrogatepass")).hexdigest()[:12]


async def _order(thread: Thread, here: Neighbour, others: Sequence[Neighbour]) -> None:
    """In which order to merge what is open: said once to all of them, and in each of their channels."""
    group = [here, *sorted(others, key=lambda n: n.reach.pr)][:CLUSTER]
    if len(group) < 2:
        return
    pairs = [
        frozenset({a.id, b.id}) for a, b in combinations(group, 2) if await clashes(thread, a.reach, b.reach)
    ]
    line = ahead.order(group, pairs)
    mark = ahead.group_mark(line)
    text = thread.redact(warning.merge_order(line))
    first = await _speakers(thread, line)
    words = [
        told(n.id, f"order:{mark}", None, text, aloud=n.id in first, standing={"order": text}) for n in line
    ]
    await thread.log.tell(words)


async def _speakers(thread: Thread, line: Sequence[Neighbour]) -> set[str]:
    """A thread for each channel in which they are held: a conversation is called by its channel first."""
    found = dict[tuple[str, str], str]()
    for neighbour in line:
        for surface, conversation in await thread.host.store.bindings(neighbour.id):
            found.setdefault((surface, conversation.partition(":")[0]), neighbour.id)
    return set(found.values())


async def clashes(thread: Thread, one: Reach, other: Reach) -> tuple[str, ...]:
    """The files in which a trial merge of two branches conflicts; each pair of tips is tried once."""
    trials, gitdir = thread.host.radar.trials, thread.host.repo.gitdir
    key = (one.head, other.head) if one.head < other.head else (other.head, one.head)
    if key in trials or not may_clash(one, other):
        return trials.get(key, ())
    try:
        if await is_ancestor(gitdir, *key) or await is_ancestor(gitdir, *reversed(key)):
            return ()
        _, paths = await merged_tree(gitdir, *key)
    except RepoError:  # a branch that a person has taken away meanwhile has nothing to conflict with
        return ()
    while len(trials) >= _KEPT:
        del trials[next(iter(trials))]
    trials[key] = tuple(p for p in paths if not p.startswith(".codebutler/"))
    return trials[key]


def _common(others: Iterable[Neighbour]) -> frozenset[str]:
    """Names that many threads have: they tell nothing of two."""
    reaches = [n.reach.owns for n in others]
    counts = Counter(name for owns in reaches for name in owns)
    return frozenset(name for name, count in counts.items() if count > max(3, len(reaches) // 5))
