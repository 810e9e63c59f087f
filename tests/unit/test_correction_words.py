"""A correction is heard as people write one; a wish for work is none."""

from __future__ import annotations

import pytest

from codebutler.commands import words
from codebutler.thread.state import ThreadState


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("The PM was wrong about the limit: it is 20 kg", ("correct", "PM the limit: it is 20 kg")),
        ("the PM was wrong about the limit, it's 22 kg", ("correct", "PM the limit: it's 22 kg")),
        ("coder is wrong about tabs. We use spaces", ("correct", "coder tabs: We use spaces")),
        ("the lead was wrong about it \u2013 they are two", ("correct", "lead it: they are two")),
        ("you were wrong about the limit: 21 kg is fine", ("correct", "pm the limit: 21 kg is fine")),
        ("You're wrong about the limit, it is 21 kg", ("correct", "pm the limit: it is 21 kg")),
        ("the PM was wrong about the limit, please make it 20 kg", None),
        ("you were wrong about the limit, change it", None),
        ("you were wrong about a.py:7", None),
        ("that was wrong, we use pnpm", ("correct", "pm we use pnpm")),
        ("No, that's not true: 20 kg", ("correct", "pm 20 kg")),
        ("the answer was wrong. It is 20 kg.", ("correct", "pm It is 20 kg.")),
        ("you were wrong, we use pnpm", ("correct", "pm we use pnpm")),
        ("The Artist was wrong, our colour is blue", ("correct", "Artist our colour is blue")),
        ("that was wrong, greetings are cheerful", ("correct", "pm greetings are cheerful")),
        ("the PM was wrong, prices are in euros", ("correct", "PM prices are in euros")),
        (
            "That was wrong! Weights below 1 kg cost 2 euros",
            ("correct", "pm Weights below 1 kg cost 2 euros"),
        ),
        (
            "that's not right: in the shop all prices include VAT",
            ("correct", "pm in the shop all prices include VAT"),
        ),
        (
            "that was wrong - in the shop all prices include VAT",
            ("correct", "pm in the shop all prices include VAT"),
        ),
        ("that was wrong, never use npm here", ("correct", "pm never use npm here")),
        (
            "that was wrong, Ana's team writes the changelog",
            ("correct", "pm Ana's team writes the changelog"),
        ),
        ("that was wrong, the price is 3 cents", ("correct", "pm the price is 3 cents")),
        ("that was wrong, are prices in euros?", None),
        ("that was wrong, prices are in euros, aren't they?", None),
        ("that was wrong, it is 20 kg, or not?", None),
        ("that was wrong, why does nobody look?", None),
        ("that was wrong, fix prices that are in cents", None),
        ("that was wrong, polish the page that is ugly", None),
        ("that was wrong, prices are in euros, please fix it", None),
        ("that was wrong, can you make greetings cheerful", None),
        ("that was wrong, you are all fired", None),
        ("that was wrong, so fix it, it is ugly", None),
        ("that was wrong, sorry", None),
        ("that was wrong, too bad for us", None),
        ("that was wrong-headed and is bad", None),
        ("that was wrong, please fix it", None),
        ("that was wrong", None),
        ("that was wrong, please revert it", None),
        ("it is wrong that we ship", None),
        ("memory list", ("memory", "list")),
        ("memory list of the cache", None),
    ],
)
def test_what_is_a_correction(text: str, command: tuple[str, str] | None) -> None:
    assert words.read(ThreadState("t1", phase="closed"), text) == command
    if command is not None and command[0] == "correct":
        assert words.read(ThreadState("t1", phase="coder"), text) is None


def test_where_work_can_be_meant_a_wrong_is_said_about_something() -> None:
    state = ThreadState("t1", phase="lead")
    assert words.read(state, "that was wrong, we use pnpm") is None
    assert words.read(state, "the PM was wrong about it: we use pnpm") == ("correct", "PM it: we use pnpm")
