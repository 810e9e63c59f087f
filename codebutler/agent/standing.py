"""Which models a thread has found away, and which ones answer in their place. Folded from the log."""

from __future__ import annotations

from msgspec import Struct

from codebutler.events import CircuitChanged, StoodIn


class Standing(Struct):
    """``circuits`` has the models that are not closed, as this thread saw them last."""

    circuits: dict[str, CircuitChanged] = {}
    since: dict[str, int] = {}
    """By model that is away: the seq at which this thread first met it so."""
    stand_ins: dict[str, StoodIn] = {}
    """By role: who answers in whose place."""
    unreachable: str = ""
    """The role whose last call found nobody; "" once somebody has answered."""

    def circuit(self, seq: int, event: CircuitChanged) -> None:
        """A circuit changed."""
        if event.state == "closed":
            self.circuits.pop(event.model, None)
            self.since.pop(event.model, None)
            return
        self.circuits[event.model] = event
        self.since.setdefault(event.model, seq)

    def stood_in(self, event: StoodIn) -> None:
        """Another model answers for a role, or its own again."""
        if event.model == event.wanted:
            self.stand_ins.pop(event.role, None)
        else:
            self.stand_ins[event.role] = event
