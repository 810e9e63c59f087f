"""What came of a run: each oracle's word and the figures, and how they add up."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from codebutler.evaluation.play import Played
from codebutler.thread.state import Spend
from codebutler.types import Json


class Verdict(Struct, frozen=True):
    """One oracle's word: ``fault`` is "" when it is content."""

    name: str
    fault: str = ""


class Result(Struct, frozen=True):
    """One run. ``choice`` is the label of its models; ``skipped`` says why it was not run at all.

    ``turns`` are replies of models, tokens the provider's count, ``unpriced``: some calls had no known price.
    """

    name: str
    choice: str
    number: int
    verdicts: Sequence[Verdict] = ()
    outcome: str = ""
    turns: int = 0
    tools: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    usd: float = 0.0
    unpriced: bool = False
    seconds: float = 0.0
    models: Sequence[str] = ()
    thread: str = ""
    folder: str = ""
    skipped: str = ""
    halted: str = ""
    """The cap at which it stands; "" when it is none."""

    @property
    def faults(self) -> list[Verdict]:
        """What was not as it must be."""
        return [verdict for verdict in self.verdicts if verdict.fault]

    @property
    def passed(self) -> bool:
        """Whether every oracle is content."""
        return not self.skipped and not self.faults

    def json(self) -> Json:
        """The run for programs."""
        return {
            "eval": self.name,
            "models": self.choice,
            "run": self.number,
            "passed": self.passed,
            "skipped": self.skipped,
            "outcome": self.outcome,
            "halted": self.halted,
            "oracles": [{"name": v.name, "passed": not v.fault, "fault": v.fault} for v in self.verdicts],
            "answered": list(self.models),
            **figures([self]),
            "thread": self.thread,
            "folder": self.folder,
        }


def result(name: str, choice: str, number: int, played: Played, verdicts: Sequence[Verdict]) -> Result:
    """A run's result with the figures of its thread."""
    state, spend = played.state, Spend()
    for each in state.spend.values():
        spend.add(each)
    hit = state.limit if state.halted.startswith("paused: ") and not played.stopped else None
    return Result(
        name, choice, number, verdicts, played.stopped or state.outcome or "", state.steps, spend.tools,
        spend.input, spend.output, spend.cached, spend.usd, not spend.priced, played.seconds,
        sorted({model for (_, model), spent in state.spend.items() if spent.calls}), state.id,
        halted=f"paused at the cap: {hit.what}" if hit is not None else "",
    )  # fmt: skip


def figures(results: Sequence[Result]) -> Json:
    """Sums over runs; dollars to the millionth."""
    return {
        "turns": sum(r.turns for r in results),
        "tools": sum(r.tools for r in results),
        "tokens": {
            "input": sum(r.input for r in results),
            "output": sum(r.output for r in results),
            "cached": sum(r.cached for r in results),
        },
        "usd": round(sum(r.usd for r in results), 6),
        "unpriced": any(r.unpriced for r in results),
        "seconds": round(sum(r.seconds for r in results), 1),
    }
