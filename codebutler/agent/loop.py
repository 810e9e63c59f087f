"""The loop of every role: context → model → tool calls → results → again, until it answers without tools.

It has no stop flags: whatever ends a turn is an ``EndTurn`` raised with its events already in the log.
It can be entered at any point: the frame says what is open, so a restart simply goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from codebutler.agent.frame import Frame, OpenCall
from codebutler.agent.roles import Role
from codebutler.agent.think import think
from codebutler.agent.thinking import Thinking
from codebutler.errors import CodeButlerError
from codebutler.events import Event, ToolFinished, ToolStarted
from codebutler.toolset.desk import Desk, EndTurn, Site
from codebutler.toolset.registry import Toolset
from codebutler.types import Attachment, ToolCall, ToolResult

INTERRUPTED = (
    "This call was interrupted. Its effect is unknown: look at the present state before you go on, "
    "and repeat it only if it did not happen."
)

TORN = (
    "Your reply was cut off within this call, at the most tokens that a reply may have, so it was not made. "
    "The same call again would be cut again: make a smaller one, such as a file in several parts."
)
BROKEN = (
    "{name} broke inside CodeButler ({error}), and would break again on the same arguments. Its effect is "
    "unknown: look at the present state before you go on, and find another way."
)
log = logging.getLogger("codebutler.agent")


class Workplace(Desk, Thinking, Protocol):
    """What the loop needs of a thread."""

    async def between_steps(self, frame: Frame) -> None:
        """Hand over what people said meanwhile; raise EndTurn on cancel."""
        ...

    async def keep(self, data: bytes) -> str:
        """Put bytes aside, out of the log; returns their SHA-256."""
        ...

    async def guides(self, frame: Frame, call: ToolCall) -> tuple[str, list[str]]:
        """The repo's instructions for the file that ``call`` is about, which ``frame`` was not given yet:
        (text to put under the result, their paths)."""
        ...

    def watching(self, role: str, tool: str) -> AbstractAsyncContextManager[None]:
        """While it is open, a tool that does not come back for long is shown to people."""
        ...

    async def before_tools(self, *, changes: bool) -> None:
        """Called before a batch of calls; ``changes`` says whether any may write to the worktree."""
        ...


async def run(frame: Frame, role: Role, tools: Toolset, place: Workplace) -> str:
    """Go on with ``frame`` until the role is done; returns its last word."""
    while True:
        await place.between_steps(frame)
        if frame.calls:
            await act(frame, tools, place)
        elif frame.due:
            await think(frame, role, tools, place)
        else:
            return frame.last_text


async def act(frame: Frame, tools: Toolset, place: Workplace) -> None:
    """Give every open call its result: runs of read-only calls side by side, the others one by one."""
    calls = list(frame.calls.values())
    specs = [tools.spec(c.call.name) for c in calls]
    await place.before_tools(changes=any(s is not None and s.writes for s in specs))
    group: list[OpenCall] = []
    for call, spec in zip(calls, specs, strict=True):
        if spec is not None and not spec.read_only:
            await _together(group, frame, tools, place)
            group = []
            await _one(call, frame, tools, place)
        else:
            group.append(call)
    await _together(group, frame, tools, place)


async def _together(calls: Sequence[OpenCall], frame: Frame, tools: Toolset, place: Workplace) -> None:
    if len(calls) == 1:
        await _one(calls[0], frame, tools, place)
        return
    try:
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(_one(call, frame, tools, place))
    except BaseExceptionGroup as many:  # what ends a turn is known by its type, so it must arrive as itself
        raise many.exceptions[0] from many


async def _one(open_call: OpenCall, frame: Frame, tools: Toolset, place: Workplace) -> None:
    call = open_call.call
    if call.id == frame.torn:
        await place.append(_finished(frame, open_call, TORN, ok=False))
        return
    if open_call.started and not tools.safe_to_repeat(call.name):
        await place.append(_finished(frame, open_call, INTERRUPTED, ok=False))
        return
    sync = not tools.only_reads(call.name)
    if not open_call.started:
        await place.append(ToolStarted(frame=frame.id, call_id=call.id, name=call.name), sync=sync)
    started = time.monotonic()
    result = await _run(call, tools, place, Site(frame.id, frame.role, frame.step, call.id))
    guidance, guides = await place.guides(frame, call) if result.ok else ("", [])
    pictures = [
        Attachment(name=call.name, sha256=await place.keep(each.data), media_type=each.media_type)
        for each in result.pictures
    ]
    await place.append(
        ToolFinished(
            frame=frame.id,
            call_id=call.id,
            name=call.name,
            text=place.redact(result.text + guidance),
            ok=result.ok,
            details=result.details,
            pictures=pictures,
            guides=guides,
            seconds=round(time.monotonic() - started - result.waited, 4),
        ),
        sync=sync,
    )


async def _run(call: ToolCall, tools: Toolset, place: Workplace, site: Site) -> ToolResult:
    """A tool that breaks is a failed call: run again, it would break again, and the thread with it."""
    try:
        async with place.watching(site.role, call.name):
            return await tools.run(call, place, site)
    except (EndTurn, CodeButlerError):
        raise
    except Exception as error:  # a fault of ours in one tool must neither end the thread nor stay silent
        log.exception("%s: the tool %s broke", site.key, call.name)
        return ToolResult(BROKEN.format(name=call.name, error=type(error).__name__), ok=False)


def _finished(frame: Frame, open_call: OpenCall, text: str, *, ok: bool) -> Event:
    call = open_call.call
    return ToolFinished(frame=frame.id, call_id=call.id, name=call.name, text=text, ok=ok)
