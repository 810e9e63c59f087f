"""Threads that are held where not everybody sees them: what others are told of them names no title."""

from __future__ import annotations

from codebutler.store.store import Store


def _key(surface: str, conversation: str) -> str:
    return f"{surface}:aside:{conversation}"


async def set_aside(store: Store, surface: str, conversation: str) -> None:
    """Only a few see the conversation: direct messages, a private thread, a channel of others."""
    if not await store.noted(_key(surface, conversation)):
        await store.note(_key(surface, conversation), "1")


async def is_aside(store: Store, thread: str) -> bool:
    """Whether the thread is shown in such conversations only."""
    held = await store.bindings(thread)
    return bool(held) and all([await store.noted(_key(*each)) for each in held])
