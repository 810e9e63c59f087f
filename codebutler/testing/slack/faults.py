"""What goes wrong on demand: with calls of the Web API, and with what comes over the socket."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["429", "500", "close", "done_500", "done_close", "slow", "error", "404"]
"""``done_…``: the call has its effect, and the caller does not learn of it. ``slow`` waits first.
``404``: a server that does not have the method."""
OnSocket: TypeAlias = Literal["", "drop", "duplicate", "delay", "swap", "close"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. ``seconds``: Retry-After of a 429, or how slow; ``error``: Slack's word."""

    kind: Kind
    seconds: float = 0.0
    error: str = ""


class Faults:
    """Faults that were asked for by method, and those that happen by chance."""

    def __init__(self, seed: int = 1) -> None:
        """Nothing goes wrong yet."""
        self._chance = random.Random(seed)  # noqa: S311 - the same faults in every run
        self._asked: dict[str, deque[Fault]] = {}
        self._always: dict[str, Fault] = {}
        self._socket: deque[OnSocket] = deque()
        self.rate = 0.0
        """Share of calls and envelopes that go wrong by chance."""
        self.happened: dict[str, int] = {}

    def next(self, method: str, *faults: Fault) -> None:
        """The next calls of ``method`` ("*": any) go wrong so, one after the other."""
        self._asked.setdefault(method, deque()).extend(faults)

    def always(self, method: str, fault: Fault | None) -> None:
        """Every call of ``method`` ("*": any) goes wrong so; None mends it."""
        if fault is None:
            self._always.pop(method, None)
        else:
            self._always[method] = fault

    def next_envelope(self, *faults: OnSocket) -> None:
        """The next envelopes go wrong so."""
        self._socket.extend(faults)

    def of_call(self, method: str) -> Fault | None:
        """What goes wrong with this call."""
        for name in (method, "*"):
            if self._asked.get(name):
                return self._count(self._asked[name].popleft())
            if name in self._always:
                return self._always[name]
        if not self.rate or method == "apps.connections.open" or self._chance.random() >= self.rate:
            return None
        kinds: tuple[Kind, ...] = ("429", "500", "close", "done_500", "done_close")
        return self._count(Fault(self._chance.choice(kinds)))

    def of_envelope(self) -> OnSocket:
        """What goes wrong with this envelope."""
        kind: OnSocket = ""
        if self._socket:
            kind = self._socket.popleft()
        elif self.rate and self._chance.random() < self.rate:
            kind = self._chance.choice(("drop", "duplicate", "delay", "swap", "close"))
        if kind:
            self.happened[f"socket {kind}"] = self.happened.get(f"socket {kind}", 0) + 1
        return kind

    def _count(self, fault: Fault) -> Fault:
        self.happened[fault.kind] = self.happened.get(fault.kind, 0) + 1
        return fault
