"""What a comment asks of us, and what in it is no word to us."""

from __future__ import annotations

import pytest

from codebutler.surfaces.github.wishes import Wish, command_of, wish_of

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


@pytest.mark.parametrize(
    ("verb", "said", "text"),
    [
        ("merge", "", "/merge"),
        ("merge", "please, thanks!", "/merge"),
        ("merge", "the PR now", "/merge"),
        ("merge", "#12", "/merge #12"),
        ("merge", "once bob has approved", "/merge once bob has approved"),
        ("go", "ahead", "/go"),
        ("go", "for it!", "/go"),
        ("implement", "this, please", "/approve"),
        ("approve", "`5E5552b2`", "/approve `5E5552b2`"),
        ("approve", "but only step 1", "approve but only step 1"),
        ("implement", "only the first step", "implement only the first step"),
        ("go", "but don't touch NOTE", "go but don't touch NOTE"),
        ("status", "please", "/status"),
        ("memory", "keep 1", "/memory keep 1"),
    ],
)
def test_words_behind_a_command_are_not_dropped(verb: str, said: str, text: str) -> None:
    assert command_of(verb, said) == text
