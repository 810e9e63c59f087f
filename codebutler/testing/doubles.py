"""A model and a door in memory: real small classes behind the same protocols as the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from codebutler.types import Capabilities, Json, Message, ModelReply, Outbound, ToolCall, Usage


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as the model got it."""

    model: str
    role: str
    messages: tuple[Message, ...]
    tools: tuple[str, ...]

    @property
    def heard(self) -> str:
        """The last message's text."""
        return str(self.messages[-1]["content"])


Mind = Callable[[Asked], Awaitable[ModelReply]]


def says(text: str = "", *calls: ToolCall, usd: float | None = 0.001) -> ModelReply:
    """A reply; ``usd`` None: no price is known."""
    return ModelReply(
        content=text, tool_calls=calls, usage=Usage(input=10, output=5), usd=usd, model="twin/m"
    )


class Puppet:
    """A model client (types.ModelClient) whose replies come from ``mind``; it may raise whatever it likes."""

    def __init__(self, mind: Mind, *, tokens: int | None = 100, window: int | None = None) -> None:
        """``tokens`` is what every call is estimated at; None: one for four characters of its messages."""
        self.mind = mind
        self.tokens = tokens
        self.size = window
        self.asked: list[Asked] = []

    def estimate(self, model: str, messages: Sequence[Message], tools: Sequence[Json] = ()) -> int:
        """``tokens``, or by length."""
        return self.tokens if self.tokens is not None else sum(len(str(m)) for m in messages) // 4

    def window(self, model: str) -> int | None:
        """The same for every model."""
        return self.size

    async def prepare(self, model: str) -> None:
        """Nothing is to be learnt of a puppet."""

    async def complete(
        self,
        *,
        model: str,
        messages: Sequence[Message],
        tools: Sequence[Json],
        max_output: int,
        role: str,
        on_text: Callable[[str], Awaitable[None]] | None = None,
    ) -> ModelReply:
        """What ``mind`` says."""
        names = tuple(t["function"]["name"] for t in tools)
        asked = Asked(model, role, tuple(messages), names)
        self.asked.append(asked)
        return await self.mind(asked)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One delivery as the door got it."""

    conversation: str
    message: Outbound
    mark: str
    replaces: str


class Door:
    """A door (types.Surface) that keeps what it shows. Those in ``broken`` fail, those in ``stuck`` hang."""

    capabilities = Capabilities(edits=True)

    def __init__(self, name: str = "terminal") -> None:
        """``name`` as in bindings."""
        self.name = name
        self.shown: list[Shown] = []
        self.tried: list[Shown] = []
        self.broken: set[str] = set()
        self.stuck: set[str] = set()

    async def deliver(self, external_id: str, message: Outbound, *, mark: str, replaces: str) -> str:
        """Keep the message; its id counts from ``1``."""
        given = Shown(external_id, message, mark, replaces)
        self.tried.append(given)
        if external_id in self.stuck:
            await asyncio.Event().wait()
        if external_id in self.broken:
            raise ConnectionError("the platform is away")
        self.shown.append(given)
        return str(len(self.shown))

    async def stream(self, external_id: str, role: str, delta: str) -> None:
        """Nothing to see."""

    def texts(self, conversation: str) -> list[str]:
        """What stands in a conversation, without status cards."""
        return [s.message.text for s in self.shown if s.conversation == conversation and not s.message.slot]
