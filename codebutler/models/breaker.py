"""Circuit breakers: a model that cannot be reached is left alone for a while, by all threads of the process.

closed ── FAILURES in a row ──▶ open ── its pause is over ──▶ half_open (one call, the probe) ──▶ closed, or
open again for twice the time. Only what shows that nobody answers counts (ModelUnavailable): a refusal is
an answer. A state machine over an injected clock; it neither sleeps nor talks to the network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

from msgspec import Struct

from codebutler.errors import ModelRefused, ModelUnavailable
from codebutler.text import sentence, spoken

State: TypeAlias = Literal["closed", "open", "half_open"]

FAILURES = 3
"""Failures in a row that open a circuit."""
FIRST, LONGEST = 30.0, 300.0
"""Seconds that it stays open: at first, and at most; each failed probe doubles them."""
LONG_WISH = 60.0
"""A provider that asks for a longer pause than these seconds is left alone at once."""
LONGEST_WISH = 3600.0
"""The longest pause that a provider's wish is believed."""
PROBED = 1.0
"""Seconds after which to look again while somebody else's probe is under way."""


class Entry(Struct, frozen=True):
    """Leave to make one call. ``era`` tells an answer from one that belongs to an earlier state."""

    model: str
    era: int
    probe: bool


class _Circuit(Struct):
    state: State = "closed"
    era: int = 0
    failures: int = 0
    pause: float = 0.0
    until: float = 0.0
    why: str = ""

    @property
    def row(self) -> str:
        """How many failures there were, in words."""
        return "1 failure" if self.failures == 1 else f"{self.failures} failures in a row"

    def become(self, state: State) -> None:
        self.state = state
        self.era += 1


class Breaker:
    """The circuits of one process, one for each model id: an id belongs to one server (models.routing)."""

    def __init__(
        self,
        tell: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        first: float = FIRST,
    ) -> None:
        """``tell`` hears once of each outage and of each recovery: a line for whoever runs the host.

        ``first``: seconds that a circuit stays open at first.
        """
        self._tell = tell
        self._clock = clock
        self._first = first
        self._circuits: dict[str, _Circuit] = {}

    def state(self, model: str) -> State:
        """Where the model's circuit stands."""
        return self._of(model).state

    def failures(self, model: str) -> int:
        """Failures in a row so far."""
        return self._of(model).failures

    def why(self, model: str) -> str:
        """What the last failure said; "" when there was none."""
        return self._of(model).why

    def away(self, models: Collection[str] | None = None) -> list[str]:
        """A line for each circuit that is not closed, of ``models`` or of all."""
        return [
            f"{model} is away ({circuit.state}, {circuit.row}): {sentence(circuit.why)} {self._next(model)}"
            for model, circuit in self._circuits.items()
            if circuit.state != "closed" and (models is None or model in models)
        ]

    def _next(self, model: str) -> str:
        if self._of(model).state == "half_open":
            return "One call is under way to see."
        return f"The next call to it may be made in {spoken(self.wait(model))}."

    def wait(self, model: str) -> float:
        """Seconds until the model may be called; 0.0 = now."""
        circuit = self._of(model)
        if circuit.state == "open":
            return max(0.0, circuit.until - self._clock())
        return PROBED if circuit.state == "half_open" else 0.0

    def enter(self, model: str) -> Entry | None:
        """Leave for one call, None while there is none. Every entry must end in ``passing``."""
        circuit = self._of(model)
        if circuit.state == "closed":
            return Entry(model, circuit.era, probe=False)
        if self.wait(model) > 0:
            return None
        circuit.become("half_open")
        return Entry(model, circuit.era, probe=True)

    @contextmanager
    def passing(self, entry: Entry) -> Iterator[None]:
        """Around the call: how it ends moves the circuit. A call that is broken off says nothing."""
        try:
            yield
        except ModelUnavailable as error:
            if error.answered:
                self._reached(entry)
            else:
                self._failed(entry, error)
            raise
        except ModelRefused:
            self._reached(entry)
            raise
        except BaseException:
            self._left(entry)
            raise
        self._reached(entry)

    def _of(self, model: str) -> _Circuit:
        return self._circuits.setdefault(model, _Circuit())

    def _failed(self, entry: Entry, error: ModelUnavailable) -> None:
        circuit = self._of(entry.model)
        if entry.era != circuit.era:
            return
        circuit.failures += 1
        circuit.why = str(error)
        wish = min(error.retry_after or 0.0, LONGEST_WISH)
        if not entry.probe and circuit.failures < FAILURES and wish <= LONG_WISH:
            return
        first = not entry.probe
        circuit.pause = self._first if first else min(LONGEST, 2 * circuit.pause)
        circuit.until = self._clock() + max(circuit.pause, wish)
        circuit.become("open")
        if first and self._tell is not None:
            many = circuit.row if wish <= LONG_WISH else "it asks for a long pause"
            self._tell(f"model {entry.model} is away ({many}): {circuit.why}")

    def _reached(self, entry: Entry) -> None:
        """Somebody answered. An old call that did so in the end is as good a sign as the probe."""
        circuit = self._of(entry.model)
        circuit.failures, circuit.why, circuit.pause = 0, "", 0.0
        if circuit.state == "closed":
            return
        circuit.become("closed")
        if self._tell is not None:
            self._tell(f"model {entry.model} answers again")

    def _left(self, entry: Entry) -> None:
        """The probe was broken off: the next call may be one at once."""
        circuit = self._of(entry.model)
        if entry.probe and entry.era == circuit.era:
            circuit.become("open")
            circuit.until = self._clock()
