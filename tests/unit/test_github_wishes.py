"""What a comment asks of us, and what in it is no word to us."""

from __future__ import annotations

import pytest

from codebutler.surfaces.github.wishes import Wish, command_of, held_back, wish_of

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


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("@bot merge", False),
        ("Thanks! @bot merge", False),
        ("I have read it all. @bot merge", False),
        ("LGTM, @bot merge", False),
        ("Looks good to me @bot merge please", False),
        ("@ann \U0001f680 **@bot merge**", False),
        ("I have read the plan and it is fine, @bot implement", False),
        ("The tests don't run on my machine.\n\n@bot merge", False),
        ("It does not matter any more\n@bot merge", False),
        ("- @bot merge", False),
        ("please don't @bot merge", True),
        ("Please don\u2019t @bot merge", True),
        ("Do not @bot merge!", True),
        ("Ann will @bot merge", True),
        ("you can land it with @bot merge", True),
        ("When CI is green, @bot merge", True),
        ("If nobody objects by Friday:\n@bot merge", True),
        ("Once bob has approved:\n\n- @bot merge", True),
        ("- [ ] @bot merge", True),
        ("never @bot implement", True),
        ("Nice work, @bot please merge it", False),
        ("When CI is green, @bot please merge it", True),
        ("If bob agrees, @bot LGTM, ship it", True),
        ("If you like, @bot look at it", False),
        ("please don't @bot cancel", True),
        ("Don't @bot cancel this", True),
        ("Do not let @bot plan this yet", True),
        ("This does not work. @bot cancel", False),
        ("I don't like where this goes @bot cancel", False),  # to stop is safe
        ("I don't want it, @bot cancel", False),
        ("when you have time, @bot plan", False),
    ],
)
def test_a_sentence_that_only_speaks_of_a_command_gives_none(text: str, *, held: bool) -> None:
    wish = wish_of(text, ["bot"], {"merge", "cancel", "implement"})
    assert wish is not None
    assert bool(held_back(wish, "bot")) is held
