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
_OWN, _PROPOSES = "lead.md", "propose_memory"


def weigh(
    state: ThreadState, memory: Mapping[str, str], roles: Mapping[str, Role], events: Iterable[Event]
) -> MemoryWeighed:
    """What the roles at work so far saw of memory, and used. What the Lead alone reads, it alone can use;
    what it says of other items is about them, and no use.

    A workflow's step counts as used where that workflow was chosen; a lesson where most of its words, or
    something that it quotes, occur in what a role wrote or did.
    """
    readers = dict[str, set[str]]()
    for name in roles.keys() & {frame.role for frame in state.frames.values()}:
        for file in roles[name].memory:
            readers.setdefault(file, set()).add(name)
    replies = [e for e in events if isinstance(e, ModelReplied)]
    team = "\n".join(_said(e) for e in replies if _role(state, e) != _LEAD)
    lead = "\n".join(_said(e) for e in replies if _role(state, e) == _LEAD)
    chosen = state.workflow.name if state.workflow else ""
    shown = [item for file in sorted(readers) for item in learned(memory.get(file, ""), file)]
    used = [x.id for x in shown if _is_used(x, lead if readers[x.file] == {_LEAD} else team, chosen)]
    return MemoryWeighed(shown=[item.id for item in shown], used=used)


def _role(state: ThreadState, reply: ModelReplied) -> str:
    frame = state.frames.get(reply.frame)
    return frame.role if frame is not None else ""


def _said(reply: ModelReplied) -> str:
    """Its words and what it did; but what the Lead proposes for its own memory is no use of that."""
    calls = (c.arguments for c in reply.tool_calls if not (c.name == _PROPOSES and _OWN in c.arguments))
    return "\n".join((reply.content, *calls))


def _is_used(item: Learned, said: str, chosen: str) -> bool:
    if item.file == "workflows.md":
        return bool(chosen) and item.section == chosen
    quoted = {a or b for a, b in _QUOTED.findall(item.text)}
    return any(word in said for word in quoted) or any(covers(part, item.text) for part in said.split("\n"))
