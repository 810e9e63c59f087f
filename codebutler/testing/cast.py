"""A whole team in memory, step by step: what each role says, and where a test holds it up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from codebutler.testing.doubles import Asked, Mind, says
from codebutler.types import ModelReply, ToolCall

Step: TypeAlias = ModelReply | Callable[[Asked], Awaitable[ModelReply]]
"""A reply, or what makes one."""
PLAN = {"title": "Add a note", "summary": "One line.", "steps": [{"text": "Write it"}], "files": ["NOTE"]}


def call(name: str, /, **arguments: object) -> ToolCall:
    """A tool call whose id follows from its name."""
    return ToolCall(id=f"call_{name}", name=name, arguments=json.dumps(arguments))


def does(name: str, /, **arguments: object) -> ModelReply:
    """A reply that is one tool call."""
    return says("", call(name, **arguments))


PROPOSES = does("propose_plan", **PLAN)
WRITES = does("write", path="NOTE", content="noted\n")
SUMS_UP = (
    does("write_summary", title="Add a note", summary="A note.", changes=["NOTE"]),
    says("That is all."),
)


class Held:
    """A step that waits until it is let go; it counts how often it was reached and broken off."""

    def __init__(self, reply: ModelReply) -> None:
        """``reply`` is what it says in the end."""
        self.reply = reply
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()
        self.asked: list[Asked] = []
        self.broken_off = 0

    async def __call__(self, asked: Asked) -> ModelReply:
        """Wait, then say it."""
        self.asked.append(asked)
        self.reached.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        return self.reply


def team(
    *, pm: Sequence[Step] = (PROPOSES,), coder: Sequence[Step] = (), lead: Sequence[Step] = SUMS_UP
) -> Mind:
    """Each role goes through its steps, whatever it is asked. A step that was broken off comes again."""
    steps = {"pm": list(pm), "coder": list(coder), "lead": list(lead)}

    async def mind(asked: Asked) -> ModelReply:
        left = steps[asked.role]
        if not left:
            raise AssertionError(f"nobody wrote what the {asked.role} says to: {asked.heard}")
        reply = left[0] if isinstance(left[0], ModelReply) else await left[0](asked)
        del left[0]
        return reply

    return mind
