"""Which learned items a thread's roles were shown, and which they made use of: told by what they wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from codebutler.agent.roles import Role
from codebutler.events import Event, MemoryWeighed, ModelReplied
from codebutler.repo.memory_items import Learned, learned
from codebutler.repo.memory_likeness import covers
from codebutler.thread.state import ThreadState

_QUOTED = re.compile(r"`([^`]{3,80})`|(?<![\w/])([\w.-]+/[\w./-]+)")
_LEAD = "lead"


def weigh(
    state: ThreadState, memory: Mapping[str, str], roles: Mapping[str, Role], events: Iterable[Event]
) -> MemoryWeighed:
    """What the roles at work so far saw of memory, and used.

    A workflow's step counts as used where that workflow was chosen; a lesson where most of its words, or
    something that it quotes, occur in what a role wrote or did.
    """
    worked = {frame.role for frame in state.frames.values() if frame.role != _LEAD}
    files = {file for name in worked if name in roles for file in roles[name].memory}
    said = "\n".join(
        text for e in events if isinstance(e, ModelReplied)
        for text in (e.content, *(call.arguments for call in e.tool_calls))
    )  # fmt: skip
    chosen = state.workflow.name if state.workflow else ""
    shown = [item for file in sorted(files) for item in learned(memory.get(file, ""), file)]
    used = [item.id for item in shown if _is_used(item, said, chosen)]
    return MemoryWeighed(shown=[item.id for item in shown], used=used)


def _is_used(item: Learned, said: str, chosen: str) -> bool:
    if item.file == "workflows.md":
        return bool(chosen) and item.section == chosen
    quoted = {a or b for a, b in _QUOTED.findall(item.text)}
    return any(word in said for word in quoted) or any(covers(part, item.text) for part in said.split("\n"))
