"""A thread that branched off in words (a fork, a reopened one) gets a conversation beside the first."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from codebutler.store.store import Store

Begin: TypeAlias = Callable[[Sequence[str], str], Awaitable[str]]
"""Begins a conversation with a text, once, near one of those that are given; returns what it is called."""
_IN_TERMINAL = re.compile(r"`codebutler chat --thread (t\w+)`")


async def moved(store: Store, surface: str, name: str, mark: str, begin: Begin) -> str:
    """Where the conversation ``name`` (``fork-SOURCE-N``) is held; made with its first message.

    ``mark``: of that message; it begins with the thread's id. Raises as ``begin``.
    """
    key = f"{surface}:moved:{name}"
    if known := await store.noted(key):
        return known
    thread, source = mark.partition(":")[0], [*name.split("-"), ""][1]
    row = await store.thread(thread)
    beside = [there for where, there in await store.bindings(source) if where == surface]
    title = row.title if row is not None else thread
    conversation = await begin(beside, f"{title}\n(`{thread}`)")
    await store.move(thread, surface, name, conversation)
    await store.note(key, conversation)
    return conversation


async def pointed(
    store: Store, surface: str, text: str, link_to: Callable[[str, str], Awaitable[str]]
) -> str:
    """A text in which a thread that people can follow at the door is a link, not a command for a terminal.

    ``link_to``: how the door writes a link to a thread in a conversation; "" where it shows none.
    """
    for found in list(_IN_TERMINAL.finditer(text)):
        held = next((there for where, there in await store.bindings(found[1]) if where == surface), None)
        link = await link_to(found[1], held) if held is not None else ""
        text = text.replace(found[0], link) if link else text
    return text
