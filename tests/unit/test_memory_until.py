"""Until when an item holds is none of the words by which it is held against others."""

from __future__ import annotations

import pytest

from codebutler.repo.memory_likeness import relation


@pytest.mark.parametrize(
    ("new", "old", "what"),
    [
        ("The limit is 25 kg", "The limit is 20 kg until 2027-01-31", "contradicts"),
        ("The limit is 25 kg until 2027-03-01", "The limit is 20 kg (until 2027-01-31).", "contradicts"),
        ("Deploy on Fridays", "Do not deploy on Fridays until the end of January", "contradicts"),
        ("The freeze holds until 2027-02-01", "The freeze holds until 2027-01-31", "contradicts"),
        ("Use spaces through Q1 2027", "Use tabs", "contradicts"),
        ("Labels are A6 until 3 March 2027.", "Labels are A5", "contradicts"),
        ("The limit is 20 kg", "The limit is 20 kg until 2027-01-31", "repeats"),
        ("Keep the flag until the release", "Keep the flag until the migration", ""),
        ("Ask about auth until 2027-01-31", "Ask about money until 2027-01-31", ""),
        ("Coder: run `a` until 2027-01-31", "Coder: run `b`", ""),
    ],
)
def test_what_holds_until_a_day_is_held_against_the_rest(new: str, old: str, what: str) -> None:
    assert relation(new, old) == what
