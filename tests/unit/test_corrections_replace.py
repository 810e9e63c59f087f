"""A person puts right what memory says: it is proposed in place of that, not beside it."""

from __future__ import annotations

import pytest

from codebutler.thread.weighing import corrected
from codebutler.types import MemoryItem

MEMORY = """# PM

- Labels are printed in A6
- The package manager is npm
- Stock is weekly
- Parcels above 30 kg, or longer than 2 m, go by truck after a call to Ana
- Returns take 3 days
- Returns take place at the depot
"""


@pytest.mark.parametrize(
    ("text", "replaces"),
    [
        ("the labels: they are A7", ["Labels are printed in A6"]),
        ("package manager: we use pnpm", ["The package manager is npm"]),
        ("stock: it is counted on Monday", ["Stock is weekly"]),
        ("parcels: the limit is 20 kg", []),
        ("returns: they take 5 days", ["Returns take 3 days"]),
        ("labels: Kim has them", []),
        ("label prices: they are in cents", []),
    ],
)
def test_a_correction_takes_the_place_of_what_it_puts_right(text: str, replaces: list[str]) -> None:
    found = corrected({"pm.md": MEMORY}, MemoryItem(file="pm.md", text=text))
    assert found is not None
    assert (found.replaces, found.relation) == (replaces, "contradicts" if replaces else "")
    other = corrected({"lead.md": MEMORY}, MemoryItem(file="pm.md", text=text))
    assert other is not None
    assert other.replaces == [], "what stands in another file is shown, not replaced"
