"""What the team has cost, by day, person, role and so on: the same figures as in threads' reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from codebutler.store.costs import Bought
from codebutler.types import Json

_NAME = 24
"""Characters of a name: a long one must not push the id out of the table."""
BY = ("day", "month", "person", "role", "model", "thread")


class Sum(Struct):
    """Calls added up. Tokens are the providers' counts, ``usd`` dollars, ``seconds`` of waiting."""

    calls: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    usd: float = 0.0
    unpriced: int = 0
    """Calls of models without a known price: they count 0 dollars."""
    seconds: float = 0.0
    broken: int = 0
    """Answers that were paid for and broke off, or were of no use: no calls, but in tokens and ``usd``."""
    broken_usd: float = 0.0

    def add(self, call: Bought) -> None:
        """Count one more call."""
        self.calls += not call.broken
        self.broken += call.broken
        self.broken_usd += call.usd if call.broken else 0.0
        self.input += call.input
        self.cached += call.cached
        self.output += call.output
        self.usd += call.usd
        self.unpriced += not call.priced
        self.seconds += call.seconds

    def json(self) -> Json:
        """The figures for programs; dollars to the millionth, as in a run's summary."""
        tokens = {"input": self.input, "output": self.output, "cached": self.cached}
        return {
            "calls": self.calls,
            "tokens": tokens,
            "usd": round(self.usd, 6),
            "broken_off": {"calls": self.broken, "usd": round(self.broken_usd, 6)},
            "unpriced": self.unpriced,
            "seconds": round(self.seconds, 1),
        }


def bill(calls: Iterable[Bought], by: str) -> tuple[dict[str, Sum], Sum]:
    """(the sums by one of ``BY``, all together). Days and months come in order, else the dearest first."""
    calls = list(calls)
    name = _people(calls) if by == "person" else _NAMES[by]
    sums, together = dict[str, Sum](), Sum()
    for call in calls:
        sums.setdefault(name(call), Sum()).add(call)
        together.add(call)
    first = (lambda x: x[0]) if by in {"day", "month"} else (lambda x: (-x[1].usd, -x[1].input, x[0]))
    return dict(sorted(sums.items(), key=first)), together


def _day(call: Bought) -> str:
    """UTC, like the caps of a day."""
    return time.strftime("%Y-%m-%d", time.gmtime(call.ts))


def _people(calls: Sequence[Bought]) -> Callable[[Bought], str]:
    """Whose thread it was: caps count there as well. Ids tell people apart; the latest name is shown."""
    names = {call.owner[:2]: call.owner[2] for call in sorted(calls, key=lambda call: call.ts)}

    def person(call: Bought) -> str:
        surface, identity, _ = call.owner
        name = " ".join(names[surface, identity].split())[:_NAME]
        if not identity:
            return "unknown"
        return f"{name} ({surface}:{identity})" if name not in {"", identity} else f"{surface}:{identity}"

    return person


_NAMES: dict[str, Callable[[Bought], str]] = {
    "day": _day,
    "month": lambda call: _day(call)[:7],
    "role": lambda call: call.role,
    "model": lambda call: call.model,
    "thread": lambda call: call.thread,
}
