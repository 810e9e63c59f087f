"""``codebutler memory``: what the team has learned, of what use it was, and how to take an item back."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence

from codebutler.cli.common import add_place, place_and_store
from codebutler.cli.me import me
from codebutler.errors import ToolFailed, UsageError
from codebutler.forges.choose import forge_for
from codebutler.repo import commits
from codebutler.repo.base import Base, base_commit
from codebutler.repo.memory import MEMORY_FILES, revert
from codebutler.repo.memory_file import memory_text
from codebutler.repo.memory_items import all_learned, called, learned_since, without_note
from codebutler.repo.objects import show_file
from codebutler.repo.words import signature
from codebutler.service.app import Place
from codebutler.store.lessons import Past
from codebutler.store.store import Store
from codebutler.surfaces.terminal import plain
from codebutler.thread import learning, render
from codebutler.thread.host import memory_path
from codebutler.thread.learning import Row, Use
from codebutler.thread.memory_now import replaced

HELP = "What the team has learned and of what use it was; take an item back."
WORDS = 80
"""Characters of a title or an item."""
LISTED = 12
"""Threads of a workflow that are listed, the newest."""


def configure(parser: argparse.ArgumentParser) -> None:
    """list, stats, revert ITEM."""
    parser.add_argument("do", choices=["list", "stats", "revert"])
    parser.add_argument("item", nargs="*", help="an item's id, as list shows it, or its words")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0; 2 for an item that there is not."""
    if args.do == "revert" and not args.item:
        raise UsageError("memory revert needs an item", fix="codebutler memory list shows them.")
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    async with place_and_store(args) as (place, store):
        local = place.config.forge == "local"
        start = await base_commit(place.repo, home=place.home, local=local)
        memory = await _memory(place, start.commit)
        if args.do == "revert":
            return await _revert(place, store, start, memory, " ".join(args.item))
        pasts = await store.pasts()
        usd = dict[str, float]()
        for call in await store.bought():
            usd[call.thread] = usd.get(call.thread, 0.0) + call.usd
    flows = learning.by_workflow(pasts, usd)
    items = learning.uses(memory, pasts, time.strftime("%Y-%m-%d", time.gmtime()))
    if args.json:
        print(json.dumps(learning.as_json(flows if args.do == "stats" else {}, items)))
        return 0
    lines = [*(_stats(flows) if args.do == "stats" else ()), *_items(items, pasts)]
    print(plain("\n".join(lines)))
    return 0


async def _memory(place: Place, commit: str) -> dict[str, str]:
    """The memory files that the base branch holds."""
    found = {name: await show_file(place.repo.gitdir, commit, memory_path(name)) for name in MEMORY_FILES}
    return {name: text for name, text in found.items() if text is not None}


def _stats(flows: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    if not flows:
        yield "No threads yet."
    for name, rows in flows.items():
        many = "1 thread" if len(rows) == 1 else f"{len(rows)} threads"
        yield f"{name}: {many}"
        yield "  day         escalations  questions  turns     cost  thread"
        for row in rows[-LISTED:]:
            yield (
                f"  {row.day}  {row.escalations:>11}  {row.questions:>9}  {row.turns:>5}  "
                f"{render.money(row.usd):>7}  {_cut(row.title)}"
            )
        if len(rows) > 1:
            yield f"  earlier → later half, a thread: {_trends(rows)}"
        yield ""


def _trends(rows: Sequence[Row]) -> str:
    figures = {
        "escalations": [r.escalations for r in rows], "questions": [r.questions for r in rows],
        "turns": [r.turns for r in rows],
    }  # fmt: skip
    parts = [f"{name} {then:.1f} → {now:.1f}" for name, (then, now) in _halves(figures)]
    [(_, (then, now))] = _halves({"cost": [r.usd for r in rows]})
    return ", ".join([*parts, f"cost {render.money(then)} → {render.money(now)}"])


def _halves(figures: Mapping[str, Sequence[float]]) -> list[tuple[str, tuple[float, float]]]:
    return [(name, learning.trend(values)) for name, values in figures.items()]


def _items(items: Sequence[Use], pasts: Sequence[Past]) -> Iterator[str]:
    if not items:
        yield f"Nothing was learned yet, in {len(pasts)} threads."
        return
    yield "Learned items: how many threads saw them, and how many made use of them"
    yield "  id      seen  used  last used   item"
    for use in items:
        kind = "workflow " if use.item.workflow else ""
        yield (
            f"  {use.item.id}  {use.shown:>4}  {use.used:>4}  {use.last or '-':<10}  "
            f"{kind}{_cut(use.item.text)} ({use.item.file}, {use.item.date}, by {use.item.by})"
        )
        if use.why:
            yield f"          could go: {use.why}"


def _cut(text: str) -> str:
    return text if len(text) <= WORDS else f"{text[: WORDS - 1]}…"


async def _revert(place: Place, store: Store, start: Base, memory: Mapping[str, str], name: str) -> int:
    """A commit without the item, in a pull request of its own: nothing lands unseen."""
    known = all_learned(memory)
    one = called(known, name)
    if one is None:
        raise UsageError(f"there is no learned item {name!r}", fix="codebutler memory list shows them.")
    file = one.file
    try:
        whole = await memory_text(place.repo.gitdir, start.commit, memory_path(file))
        old = await replaced(store, place.repo.gitdir, start.commit, one)
        text, words = revert(whole or "", file, one.id, old)
    except ToolFailed as error:
        raise UsageError(str(error)) from error
    forge = await forge_for(place.repo, place.config, home=place.home)
    back = [f"With it goes: {line}" for line in learned_since(whole or "", one)]
    back += [f"There again: {without_note(line)[0]}" for line in old]
    branch, title = f"codebutler/memory-revert-{one.id}", f"Forget what was learned: {words[:60]}"
    gitdir = place.repo.gitdir
    tree = await commits.tree_with(gitdir, start.commit, {memory_path(file): text.encode()})
    message = commits.signed(f"{title}\n\n- {words}\n", [signature(await me(place.repo))])
    commit = await commits.commit_tree(gitdir, tree, start.commit, message)
    await forge.push(branch, commit, expect=await forge.fetch(branch))
    pr = await forge.open_pr(
        branch=branch,
        base=start.branch,
        title=title,
        body="\n\n".join([words, f"`{one.id}` of {file}", *back]),
    )
    again = "".join(f"\n{line}" for line in back)
    print(
        plain(f"#{pr.number} takes it back: {pr.url}{again}\nLand it with: codebutler pr merge {pr.number}")
    )
    return 0
