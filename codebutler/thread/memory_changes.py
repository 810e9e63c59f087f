"""Kept items put into memory's files, one after the other; nothing is committed here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from codebutler.errors import ToolFailed
from codebutler.events import MemoryDecided
from codebutler.thread.host import memory_path
from codebutler.thread.memory_merge import put
from codebutler.types import MemoryItem

Reader = Callable[[str], Awaitable[str | None]]


class Changes(Struct):
    """Memory files with the kept items in them, by path; what could not be put in; the items that changed
    something."""

    files: dict[str, str] = {}
    refused: list[str] = []
    aside: list[MemoryItem] = []
    """Those of them that may be taken up again."""
    kept: list[MemoryItem] = []
    told: list[str] = []
    held: list[MemoryItem] = []
    """What memory said already."""


async def changes(
    decided: MemoryDecided, read: Reader, *, thread: str, ts: float, shipped: Mapping[str, str]
) -> Changes:
    """The files with what was decided put in, one item after the other; ``ts`` is the unix time of it.

    ``shipped`` stands in for a file that is not there to be read.
    """
    done = Changes()
    date = time.strftime("%Y-%m-%d", time.gmtime(ts))
    for item in _from_below(decided.kept):
        path = memory_path(item.file)
        try:
            text = done.files[path] if path in done.files else await read(path)
            text = shipped[item.file] if text is None else text
            new, said = await asyncio.to_thread(
                put, text, item, thread=thread, date=date, approver=decided.by.label
            )
        except ToolFailed as error:
            done.refused.append(f"{item.text[:80]}: {error.message}")
            done.aside += [item] if item.kind != "revert" else []
            continue
        if new == text:
            done.held.append(item)
            continue
        done.told += [said] if said else []
        done.files[path] = new
        done.kept.append(item)
    return done


def _from_below(items: Sequence[MemoryItem]) -> list[MemoryItem]:
    """The items with the last steps first: each 'after' counts the steps as they were proposed for."""
    places = [n for n, item in enumerate(items) if item.kind == "add_step" and item.after is not None]
    placed, found = sorted(places, key=lambda n: (-(items[n].after or 0), -n)), list(items)
    for place, n in zip(places, placed, strict=True):
        found[place] = items[n]
    return found
