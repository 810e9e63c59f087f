"""Memory as what is kept now would find it: on the thread's branch, or where that landed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from codebutler.errors import ToolFailed
from codebutler.events import MemoryDecided, parse
from codebutler.repo.memory import MEMORY_FILES
from codebutler.repo.memory_file import memory_text
from codebutler.repo.memory_items import Learned
from codebutler.repo.memory_past import gone_for
from codebutler.repo.memory_text import key, keys
from codebutler.store.store import Store
from codebutler.thread.host import Host, memory_path
from codebutler.thread.state import ThreadState
from codebutler.thread.workspace import Workspace

_ID = re.compile(r"[0-9a-f]{6}")


async def memory_now(
    host: Host, space: Workspace, state: ThreadState, rules: Mapping[str, str]
) -> dict[str, str]:
    """The memory files; ``rules``, those of the thread's base, stand in for what is not there to be read."""
    texts = {name: rules[name] for name in MEMORY_FILES}
    commit = await tip_of_memory(space, state)
    for name in MEMORY_FILES if commit else ():
        try:
            text = await memory_text(host.repo.gitdir, commit, memory_path(name))
        except ToolFailed:  # what is kept there is refused, with this cause, when it is put in
            continue
        texts[name] = texts[name] if text is None else text
    return texts


async def tip_of_memory(space: Workspace, state: ThreadState) -> str:
    """The commit that has it; "" before there is one."""
    if state.merged is None and state.phase != "closed" and not state.removed:
        return state.head
    return await (await space.forge()).fetch((await space.base()).branch)


async def replaced(store: Store, gitdir: Path, tip: str, one: Learned) -> list[str]:
    """What a learned item took the place of, as far as the log of its thread is in ``store``.

    With the comments on where that was learned; but for what was taken out before the item came.
    """
    words = [] if one.workflow or one.automated else await _logged(store, one)
    return await gone_for(gitdir, tip, memory_path(one.file), one, words) if words else []


async def _logged(store: Store, one: Learned) -> list[str]:
    for row in await store.events(one.thread):
        event = parse(row.body) if row.kind == MemoryDecided.model_fields["kind"].default else None
        for item in event.kept if isinstance(event, MemoryDecided) else ():
            if (
                item.kind in {"lesson", "add_step"}
                and item.file == one.file
                and key(one.text) in keys(item.text)
            ):
                return [x for x in item.replaces if not _ID.fullmatch(x)]  # an id says nothing any more
    return []
