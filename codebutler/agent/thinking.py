"""What a model step needs of a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from codebutler.agent.frame import Frame
from codebutler.agent.roles import Role
from codebutler.agent.standing import Standing
from codebutler.events import Event, ModelRequested
from codebutler.models.breaker import Breaker
from codebutler.toolset.registry import Toolset
from codebutler.types import Message, ModelReply


class AskCheaper(Exception):
    """A call would pass a cap, and one of the role's cheaper models is to be asked in its place."""


class Thinking(Protocol):
    """A thread, as far as a model step goes."""

    async def append(self, *events: Event, sync: bool = True) -> None:
        """Log events; they are on disk when this returns. Without ``sync`` no kill takes them, but a power
        cut may, until the next events that have it."""
        ...

    def redact(self, text: str) -> str:
        """``text`` without secrets."""
        ...

    @property
    def breaker(self) -> Breaker:
        """The circuits of the models, shared by all threads."""
        ...

    @property
    def standing(self) -> Standing:
        """Which models this thread has found away."""
        ...

    async def announce(self, words: str, *events: Event, source: str = "") -> None:
        """Say in the thread what its people should know, in one commit with ``events``.

        ``source``: said only once under this name.
        """
        ...

    def candidates(self, role: Role) -> Sequence[str]:
        """Model ids to try, first choice first."""
        ...

    def system(self, role: Role) -> str:
        """The role's system prompt; byte-stable for the life of the thread's base commit."""
        ...

    async def prepare(self, model: str) -> None:
        """Learn a model's price and window before its first call."""
        ...

    async def request(
        self, frame: Frame, role: Role, model: str, messages: Sequence[Message]
    ) -> tuple[str, ModelRequested]:
        """Hold the worst case of a call against every cap, and log in the same commit that it is made.

        Returns (key, what was logged). On a hit the turn ends, EndTurn; or the role's ``candidates`` are
        others, AskCheaper.
        """
        ...

    async def settle(self, key: str, usd: float, *, at_once: bool = False) -> None:
        """Replace what is held by what was spent: in the commit of the next events, or ``at_once``."""
        ...

    async def show_wait(self, role: Role, why: str) -> None:
        """Let people see that ``role`` waits, and for what."""
        ...

    async def wait(self, role: Role, why: str, seconds: float) -> bool:
        """Show it, and wait so many seconds; True as soon as somebody speaks whom the role would hear."""
        ...

    def tokens(self, model: str, messages: Sequence[Message], tools: Toolset | None = None) -> int:
        """Input tokens of a call, about."""
        ...

    def window(self, model: str) -> int | None:
        """The model's context in tokens; None if nobody knows."""
        ...

    def facts(self) -> str:
        """The plan, open questions and files touched, as markdown: what a summary must not lose."""
        ...

    async def summarise(self, role: Role, model: str, messages: Sequence[Message]) -> ModelReply:
        """A call without tools that nobody watches."""
        ...

    async def complete(
        self, role: Role, model: str, messages: Sequence[Message], tools: Toolset
    ) -> ModelReply:
        """The one call to the model client."""
        ...
