"""A workplace in memory for the loop of a role: what it logs is folded into the frame as a thread's is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from codebutler.agent import loop
from codebutler.agent.frame import Frame
from codebutler.agent.roles import Role, load_role
from codebutler.agent.standing import Standing
from codebutler.errors import StaleWorker
from codebutler.events import Event, FrameStarted, ModelRequested
from codebutler.models.breaker import Breaker
from codebutler.testing.doubles import Mind, Puppet
from codebutler.thread.fold import apply
from codebutler.thread.state import ThreadState
from codebutler.toolset.registry import Toolset
from codebutler.types import Message, ModelReply, ToolCall

ROLE = load_role("coder")


class Workplace:
    """What the loop needs of a thread (loop.Workplace); everything it logs is folded at once."""

    def __init__(
        self,
        mind: Mind,
        models: Sequence[str] = ("m",),
        *,
        tokens: int | None = 100,
        window: int | None = None,
        task: str = "do it",
    ) -> None:
        """``tokens``, ``window``: as a Puppet takes them."""
        self.client = Puppet(mind, tokens=tokens, window=window)
        self.models = models
        self.state = ThreadState("t")
        self.notices: list[str] = []
        self.now = 0.0
        self.breaker = Breaker(clock=lambda: self.now)
        self.log, self.loose, self.waits = list[Event](), list[Event](), list[str]()
        self.settled: dict[str, float] = {}
        self.batches: list[bool] = []
        self.fail_on: type[Event] | None = None
        self._log(FrameStarted(frame="coder-1", role="coder", content=task))

    @property
    def frame(self) -> Frame:
        return self.state.frames["coder-1"]

    async def append(self, *events: Event, sync: bool = True) -> None:
        await asyncio.sleep(0)
        self.loose += [] if sync else events
        for event in events:
            if self.fail_on is not None and isinstance(event, self.fail_on):
                raise StaleWorker
            self._log(event)

    def _log(self, event: Event) -> None:
        self.log.append(event)
        apply(self.state, self.state.seq + 1, 0.0, event)

    def redact(self, text: str) -> str:
        return text.replace("s3cret", "[redacted]")

    @property
    def standing(self) -> Standing:
        return self.state.standing

    async def announce(self, words: str, *events: Event, source: str = "") -> None:
        self.notices.append(words)
        await self.append(*events)

    def candidates(self, role: Role) -> Sequence[str]:
        return self.models

    def system(self, role: Role) -> str:
        return "you are the Coder"

    async def request(self, frame: Frame, _: Role, model: str, *__: object) -> tuple[str, ModelRequested]:
        asked = ModelRequested(frame=frame.id, step=frame.step + 1, model=model, usd=0.5)
        await self.append(asked)
        return f"key-{len(self.client.asked)}", asked

    async def settle(self, key: str, usd: float, *, at_once: bool = False) -> None:
        self.settled[key] = usd

    def tokens(self, model: str, messages: Sequence[Message], tools: Toolset | None = None) -> int:
        return self.client.estimate(model, messages)

    def window(self, model: str) -> int | None:
        return self.client.window(model)

    def facts(self) -> str:
        return "# The plan (approved)\n\nMend the bug."

    async def prepare(self, model: str) -> None:
        return

    async def summarise(self, role: Role, model: str, messages: Sequence[Message]) -> ModelReply:
        return await self.client.complete(
            model=model, messages=messages, tools=(), max_output=100, role=f"{role.name}-summary"
        )

    async def show_wait(self, role: Role, why: str) -> None:
        self.waits.append(why)

    async def wait(self, role: Role, why: str, seconds: float) -> bool:
        self.waits.append(why)
        self.now += seconds
        return False

    async def complete(
        self, role: Role, model: str, messages: Sequence[Message], tools: Toolset
    ) -> ModelReply:
        return await self.client.complete(
            model=model, messages=messages, tools=tools.wire, max_output=100, role=role.name
        )

    async def between_steps(self, frame: Frame) -> None:
        await asyncio.sleep(0)

    async def guides(self, frame: Frame, call: ToolCall) -> tuple[str, list[str]]:
        return "", []

    @asynccontextmanager
    async def watching(self, role: str, tool: str) -> AsyncIterator[None]:
        yield

    async def before_tools(self, *, changes: bool) -> None:
        self.batches.append(changes)

    async def run(self, tools: Toolset, role: Role = ROLE) -> str:
        place: Any = self  # a Desk as far as these tools go
        return await loop.run(self.frame, role, tools, place)

    def results(self) -> list[str]:
        return [m["content"] for m in self.frame.messages if m["role"] == "tool"]

    def replayed(self) -> ThreadState:
        """What the log alone gives."""
        again = ThreadState("t")
        for seq, event in enumerate(self.log, 1):
            apply(again, seq, 0.0, event)
        return again


def paired(messages: Sequence[Message]) -> bool:
    """Every result has its call before it, and every call its result."""
    calls = [c["id"] for m in messages for c in m.get("tool_calls") or ()]
    return calls == [m["tool_call_id"] for m in messages if m["role"] == "tool"]
