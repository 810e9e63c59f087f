"""What goes wrong on demand: with calls of the API, with git, and with deliveries."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "secondary",
    "429",
    "primary",
    "500",
    "502",
    "close",
    "done_500",
    "done_close",
    "slow",
    "done_act",
    "gone",
    "forbidden",
]
"""``done_…``: the call has its effect, and the caller does not learn of it; ``done_act``
does what the fault says before it is answered. ``slow`` waits first, ``gone`` is a 404, ``forbidden``
the 403 of a right that a token lacks."""
OnDelivery: TypeAlias = Literal["", "drop", "duplicate", "delay"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. ``seconds``: Retry-After or reset of a limit, or how slow."""

    kind: Kind
    seconds: float = 0.0
    act: Callable[[], None] | None = None


class Faults:
    """Faults that were asked for, and those that happen by chance."""

    def __init__(self, seed: int = 1) -> None:
        """Nothing goes wrong yet."""
        self._chance = random.Random(seed)  # noqa: S311 - the same faults in every run
        self._asked: list[tuple[str, deque[Fault]]] = []
        self._deliveries: deque[OnDelivery] = deque()
        self.rate = 0.0
        """Share of calls that go wrong by chance."""
        self.happened: dict[str, int] = {}

    def next(self, call: str, *faults: Fault) -> None:
        """The next calls like ``call`` go wrong so: METHOD and path with ``*``, as ``"POST */pulls"``."""
        self._asked.append((call, deque(faults)))

    def forget(self) -> None:
        """Nothing that was asked for goes wrong any more."""
        self._asked.clear()

    def next_delivery(self, *faults: OnDelivery) -> None:
        """The next webhook deliveries go wrong so."""
        self._deliveries.extend(faults)

    def of_call(self, method: str, path: str) -> Fault | None:
        """What goes wrong with this call."""
        for pattern, faults in self._asked:
            if faults and fnmatchcase(f"{method} {path}", pattern):
                return self._count(faults.popleft())
        if not self.rate or self._chance.random() >= self.rate:
            return None
        kinds: tuple[Kind, ...] = ("secondary", "500", "close", "done_500", "done_close")
        return self._count(Fault(self._chance.choice(kinds)))

    def of_delivery(self) -> OnDelivery:
        """What goes wrong with this delivery."""
        return self._deliveries.popleft() if self._deliveries else ""

    def _count(self, fault: Fault) -> Fault:
        self.happened[fault.kind] = self.happened.get(fault.kind, 0) + 1
        return fault
