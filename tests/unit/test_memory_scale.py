"""Reading memory takes steps in proportion to the file: it is a commit of whoever may push, read often."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from codebutler.repo import workflows
from codebutler.repo.memory_items import known, learned

NOTE = "<!-- learned: thread=t1 date=2026-01-01 by=ana -->"
READERS: list[Callable[[str], object]] = [
    lambda text: learned(text, "pm.md"),
    lambda text: known(text, "pm.md"),
    workflows.parse,
]


def steps(read: Callable[[str], object], text: str) -> int:
    """How many functions are called for it, whatever the machine's speed."""
    count = 0

    def called(*_: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        read(text)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "part", ["## h{n}\n\n- x\n\n", "## h{n}\n\n1. PM: x\n\n", f"## h{{n}}\n\n{NOTE}\n\n"]
)
@pytest.mark.parametrize("read", READERS)
def test_twice_the_headings_are_twice_the_work(read: Callable[[str], object], part: str) -> None:
    short, long = ("".join(part.format(n=n) for n in range(count)) for count in (40, 80))
    read(short)  # imports, and what is compiled once
    assert steps(read, long) < 2.3 * steps(read, short)
