"""The report of an eval: a table for people, an object for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codebutler.evaluation.results import Result, figures
from codebutler.surfaces.terminal import plain
from codebutler.thread.render import money
from codebutler.types import Json

_HEAD = ("eval", "models", "passed", "turns", "tools", "in", "cached", "out", "cost", "seconds")
_WIDEST = 40


def table(results: Sequence[Result]) -> Iterator[str]:
    """A line for each eval and choice of models, what failed below it, then the sums of each choice.

    Figures of several runs are means; those of the last lines are sums.
    """
    groups = _by_name_and_choice(results)
    choices = list(dict.fromkeys(r.choice for r in results))
    rows = [_row(name, choice, runs, share=len(runs)) for (name, choice), runs in groups.items()]
    sums = [_row("all", c, [r for r in results if r.choice == c]) for c in choices]
    sizes = [max(len(row[k]) for row in (_HEAD, *rows, *sums)) for k in range(len(_HEAD))]
    yield _line(_HEAD, sizes)
    for row, runs in zip(rows, groups.values(), strict=True):
        yield _line(row, sizes)
        yield from _faults(runs)
    for row in sums:
        yield _line(row, sizes)
    if any(r.unpriced for r in results):
        yield "* with calls of models that have no known price: they count as $0"


def summary(results: Sequence[Result], planned: int) -> Json:
    """All runs, the sums by choice of models, and the sum of all. ``planned`` runs were wanted."""
    choices = list(dict.fromkeys(r.choice for r in results))
    return {
        "runs": [r.json() for r in results],
        "models": {c: _sums([r for r in results if r.choice == c]) for c in choices},
        "total": {"planned": planned, **_sums(results)},
    }


def one_line(result: Result) -> str:
    """A run that has just ended."""
    if result.skipped:
        return plain(f"{result.name} ({result.choice}): {result.skipped}")
    word = "passed" if result.passed else f"failed ({', '.join(v.name for v in result.faults)})"
    word += f", {result.halted}" if result.halted else ""
    return plain(f"{result.name} ({result.choice}): {word}, {money(result.usd)}, {result.seconds:.0f} s")


def _by_name_and_choice(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for each in sorted(results, key=lambda r: (r.name, r.choice, r.number)):
        groups.setdefault((each.name, each.choice), []).append(each)
    return groups


def _sums(results: Sequence[Result]) -> Json:
    return {"runs": len(results), "passed": sum(r.passed for r in results), **figures(results)}


def _row(name: str, choice: str, runs: Sequence[Result], *, share: int = 1) -> tuple[str, ...]:
    sums = figures(runs)
    tokens = sums["tokens"]
    counts = (sums["turns"], sums["tools"], tokens["input"], tokens["cached"], tokens["output"])
    star = "*" if sums["unpriced"] else ""
    return (
        _cut(name), _cut(choice), f"{sum(r.passed for r in runs)}/{len(runs)}",
        *(f"{count / share:,.0f}" for count in counts),
        money(sums["usd"] / share) + star, f"{sums['seconds'] / share:,.1f}",
    )  # fmt: skip


def _faults(runs: Sequence[Result]) -> Iterator[str]:
    """What failed, and where to look."""
    for run in runs:
        mark = f" (run {run.number})" if len(runs) > 1 else ""
        if run.skipped:
            yield f"    {plain(run.skipped)}{mark}"
        if run.halted:
            yield f"    {plain(run.halted)}{mark}"
        for verdict in run.faults:
            lines = plain(verdict.fault).splitlines() or [""]
            yield f"    ✗ {plain(verdict.name)}{mark}: {lines[0]}"
            yield from (f"        {line}" for line in lines[1:])
        if run.folder:
            yield f"    kept{mark}: {run.folder}"


def _line(row: Sequence[str], sizes: Sequence[int]) -> str:
    names = [cell.ljust(size) for cell, size in zip(row[:2], sizes[:2], strict=True)]
    return "  ".join([*names, *(c.rjust(s) for c, s in zip(row[2:], sizes[2:], strict=True))]).rstrip()


def _cut(name: str) -> str:
    text = plain(name).replace("\n", " ")
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
