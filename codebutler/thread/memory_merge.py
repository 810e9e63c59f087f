"""Memory that was edited on two branches: what people wrote on either stays, and what was kept is in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codebutler import assets
from codebutler.errors import RepoError, ToolFailed
from codebutler.repo import commits
from codebutler.repo.memory import MEMORY_FILES, apply_item, without_absent
from codebutler.repo.memory_doubles import gathered, rival, undoubled
from codebutler.repo.memory_file import memory_text
from codebutler.repo.memory_items import Learned, known, learned
from codebutler.repo.memory_likeness import relative
from codebutler.repo.memory_text import SECTION_CHARS, bare, inline, key, keys, plain, shown
from codebutler.repo.objects import merge_base
from codebutler.repo.threeway import joined_text
from codebutler.thread.host import MEMORY_FOLDER
from codebutler.thread.state import ThreadState
from codebutler.types import MemoryItem

if TYPE_CHECKING:
    from codebutler.thread.desk import ThreadDesk

MEMORY = f"{MEMORY_FOLDER}/"


async def with_memory(
    desk: ThreadDesk, tree: str, theirs: str, paths: Sequence[str], *, head: str = ""
) -> tuple[str, list[str]]:
    """``tree`` with the memory files ``paths`` of our tip (or ``head``) and of ``theirs`` joined; what people
    must know."""
    if not paths and not desk.state.kept:
        return tree, []
    gitdir, head = desk.host.repo.gitdir, head or desk.state.head
    start = await merge_base(gitdir, head, theirs)
    files: dict[str, bytes | None] = {}
    told: list[str] = []
    for path in paths:
        old, ours, others = await sides(gitdir, path, start, head, theirs)
        name = path.removeprefix(MEMORY)
        if old is None:  # what is first kept in a file is written below what is shipped, on both sides
            old = _shipped(name)
        joined = await joined_text(gitdir, old, ours or "", others or "")
        text, lines = await asyncio.to_thread(
            kept_in, desk.state, name, joined, old=old, ours=ours or "", others=others or ""
        )
        files[path] = text.encode()
        told += lines
    kept = [item for decided in desk.state.kept for item in decided.kept]
    told += await newly_beside(gitdir, kept, [start, head, theirs, tree], without=paths)
    return (await commits.tree_with(gitdir, tree, files) if files else tree), told


async def newly_beside(
    gitdir: Path, kept: Sequence[MemoryItem], sides: Sequence[str | None], *, without: Sequence[str] = ()
) -> list[str]:
    """What is to be told of kept items that contradict, or repeat, what only the other side wrote.

    The ``sides`` are the commits where both began, ours, theirs, and what they make together. Files of
    ``without`` are left out.
    """
    told = list[str]()
    for name in sorted({item.file for item in kept if f"{MEMORY}{item.file}" not in without}):
        try:
            texts = [await memory_text(gitdir, x, f"{MEMORY}{name}") if x else None for x in sides]
        except ToolFailed:
            continue  # no role reads such a file, and git has joined it all the same
        old, ours, others, text = texts
        if ours and others and text and others != old:
            start = _shipped(name) if old is None else old
            items = [item for item in kept if item.file == name]
            told += await asyncio.to_thread(_beside_new, items, text, [start, ours, others])
    return told


def _beside_new(kept: Sequence[MemoryItem], text: str, sides: Sequence[str]) -> list[str]:
    """The same for the ``kept`` items of a file, of which ``text`` is what was joined."""
    old, ours, others = sides
    was, now = ({key(x.text) for x in known(side, kept[0].file)} for side in (old, others))
    said = [beside(text, item, now - was) for item in kept if stands(ours, item)]
    return [line for line in said if line]


def _shipped(name: str) -> str:
    return assets.text("memory_defaults", name) if name in MEMORY_FILES else ""


async def sides(gitdir: Path, path: str, *commits: str | None) -> list[str | None]:
    """A memory file as each commit has it, None where it is not there. RepoError where it is no text.

    git calls a file that is a folder on the other side by a name that none has: that is no memory file.
    """
    try:
        texts = [await memory_text(gitdir, commit, path) if commit else None for commit in commits]
    except ToolFailed as error:
        raise RepoError(f"memory was edited on both sides: {error.message}", fix=error.fix) from error
    if all(text is None for text in texts):
        name = path.partition("~")[0]
        raise RepoError(
            f"{name} is a file on one side and a folder on the other",
            fix=f"Make {name} a file again on the base branch, and try again",
        )
    return texts


def put(text: str, item: MemoryItem, *, thread: str, date: str, approver: str) -> tuple[str, str]:
    """(``text`` with a kept item, what to tell of it). What it was to replace may be gone by now.

    ToolFailed where it has no place.
    """
    item, gone = without_absent(text, item)
    new = apply_item(text, item, thread=thread, date=date, approver=approver)
    return (
        new,
        f"Added beside what is there now, as {gone[0][:80]!r} is gone: {item.text[:80]}" if gone else "",
    )


def kept_in(
    state: ThreadState, name: str, text: str, *, old: str, ours: str, others: str
) -> tuple[str, list[str]]:
    """``text`` with the kept items for that file, and what is to be told of those that met a change.

    It is ``ours`` and ``others`` joined, which both come from ``old``. What the others have too stands once;
    what a person took out of ``ours``, the file on the branch, by hand since stays out.
    """
    date = time.strftime("%Y-%m-%d", time.gmtime(state.ts))
    text, lines = undoubled(text, name, thread=state.id, others=others)
    for decided in state.kept:
        for item in decided.kept:
            if item.file != name or _is_gone(text, item) or not stands(ours, item):
                continue
            try:
                text, said = put(text, item, thread=state.id, date=date, approver=decided.by.label)
            except ToolFailed as error:
                is_there = any(x.thread == state.id for x in _named(text, item))
                said = "" if is_there else f"Not kept: {item.text[:80]}: {error.message}"
            lines += [said or beside(text, item) or _both(item, old, others)]
    return gathered(text, name, thread=state.id), [line for line in lines if line]


def _named(text: str, item: MemoryItem) -> list[Learned]:
    """The learned workflows of the item's name."""
    names = keys(bare(item.section, SECTION_CHARS))
    return [x for x in learned(text, item.file) if x.workflow and key(x.text) in names]


def _both(item: MemoryItem, old: str, others: str) -> str:
    """What people are told where the base branch has put other words in the place of what it replaced."""
    if item.kind not in {"lesson", "add_step"} or not (other := rival(item, old, others)):
        return ""
    return _told_beside(item.text, other)


def beside(text: str, item: MemoryItem, among: Collection[str] | None = None) -> str:
    """What people are told of a kept item that now contradicts or repeats another; "" if it does not.

    With ``among``, only items with these keys count.
    """
    if item.kind not in {"lesson", "add_step"}:
        return ""
    mine = keys(item.text)
    others = [x for x in known(text, item.file) if key(x.text) not in mine]
    others = [x for x in others if among is None or key(x.text) in among]
    words = plain(inline(item.text), "`")
    what, old = relative(words, [x for x in others if item.kind == "lesson" or x.section == item.section])
    return _told_beside(item.text, old.text) if what and old is not None else ""


def _told_beside(one: str, other: str) -> str:
    return f"“{shown(one)}” now stands beside “{shown(other)}”: edit the file if only one is right."


def stands(text: str, item: MemoryItem) -> bool:
    """Whether ``text`` is as a kept item has made it: if not, it never got in, or people changed it after."""
    try:
        return _is_gone(text, item) or put(text, item, thread="", date="", approver="")[0] == text
    except ToolFailed:
        return False


def _is_gone(text: str, item: MemoryItem) -> bool:
    """Whether it was to be taken back, and is not there any more."""
    return item.kind == "revert" and not any(x.id == item.replaces[0] for x in learned(text, item.file))
