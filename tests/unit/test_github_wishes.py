"""What a comment asks of us, and what in it is no word to us."""

from __future__ import annotations

import pytest

from codebutler.surfaces.github.wishes import Wish, wish_of

PLAN = Wish("plan", "")


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("@bot plan", PLAN),
        ("    @bot plan", None),
        ("\t@bot plan", None),
        ("Try this:\n\n    @bot plan\n\nor not", None),
        ("Try this:\n\n    @bot merge\n\n@bot plan", PLAN),
        ("- please\n\n    @bot plan", PLAN),
        ("and so\n    @bot plan", PLAN),
        ("   @bot plan", PLAN),
    ],
)
def test_indented_code_is_no_command(text: str, wish: Wish | None) -> None:
    assert wish_of(text, ["bot"], {"merge"}) == wish
