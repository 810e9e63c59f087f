"""A measured figure, its floor and its target; a table of them for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from codebutler.types import Json


@dataclass(frozen=True, slots=True)
class Row:
    """One figure in ``unit``. ``target`` bounds the value, or its ratio to ``floor``; None: none is set.

    ``floor`` is what ``beside`` (the least that could do the same) took in the same run, in the same unit.
    """

    title: str
    value: float
    unit: Literal["ms", "s", "MB", "%"]
    target: float | None
    bounds: Literal["value", "ratio"] = "value"
    floor: float | None = None
    beside: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the floor."""
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool:
        """Whether the target holds."""
        measured = self.value if self.bounds == "value" else self.ratio
        return self.target is None or (measured is not None and measured <= self.target)

    def json(self) -> Json:
        """The row for programs."""
        return {
            "row": self.title,
            "value": round(self.value, 3),
            "unit": self.unit,
            "floor": None if self.floor is None else round(self.floor, 3),
            "beside": self.beside,
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "target": self.target,
            "targetIsFor": self.bounds,
            "met": self.met,
        }


def table(rows: Sequence[Row]) -> str:
    """The rows in markdown."""
    lines = ["| | median | floor | ratio | target | |", "|---|--:|--:|--:|--:|---|"]
    for row in rows:
        floor = "" if row.floor is None else f"{_figure(row.floor)} {row.unit} ({row.beside})"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
        value = f"{_figure(row.value)} {row.unit}"
        lines.append(f"| {row.title} | {value} | {floor} | {ratio} | {_target(row)} | {_verdict(row)} |")
    return "\n".join(lines)


def _target(row: Row) -> str:
    if row.target is None:
        return "works"
    return f"≤ {row.target:g} {row.unit}" if row.bounds == "value" else f"≤ {row.target:g}x"


def _verdict(row: Row) -> str:
    return "ok" if row.met else "missed"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
