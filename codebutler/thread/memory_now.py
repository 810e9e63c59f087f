"""Memory as what is kept now would find it: on the thread's branch, or where that landed."""

from __future__ import annotations

from collections.abc import Mapping

from codebutler.errors import ToolFailed
from codebutler.repo.memory import MEMORY_FILES
from codebutler.repo.memory_file import memory_text
from codebutler.thread.host import Host, memory_path
from codebutler.thread.state import ThreadState
from codebutler.thread.workspace import Workspace


async def memory_now(
    host: Host, space: Workspace, state: ThreadState, rules: Mapping[str, str]
) -> dict[str, str]:
    """The memory files; ``rules``, those of the thread's base, stand in for what is not there to be read."""
    texts = {name: rules[name] for name in MEMORY_FILES}
    commit = await _commit(space, state)
    for name in MEMORY_FILES if commit else ():
        try:
            text = await memory_text(host.repo.gitdir, commit, memory_path(name))
        except ToolFailed:  # what is kept there is refused, with this cause, when it is put in
            continue
        texts[name] = texts[name] if text is None else text
    return texts


async def _commit(space: Workspace, state: ThreadState) -> str:
    if state.merged is None and state.phase != "closed" and not state.removed:
        return state.head
    return await (await space.forge()).fetch((await space.base()).branch)
