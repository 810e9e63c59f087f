"""Admins are told of a trouble once: what works elsewhere does not mend it."""

from __future__ import annotations

import pytest

from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.troubles import key_of, keys


@pytest.mark.parametrize(
    "word", ["thread_not_found", "cannot_reply_to_message", "restricted_action_thread_locked"]
)
def test_another_thread_of_the_channel_mends_no_thread(word: str) -> None:
    told = key_of(SlackRefused("", word), "C1", root="1.1")
    assert told not in keys("C1", root="2.2")
    assert told not in keys("C1", reading=True)
    assert told in keys("C1", root="1.1")


@pytest.mark.parametrize("word", ["is_archived", "restricted_action", "missing_scope"])
def test_reading_mends_no_writing_and_writing_no_reading(word: str) -> None:
    error = SlackRefused("", word)
    assert key_of(error, "C1", root="1.1") not in keys("C1", reading=True)
    assert key_of(error, "C1", reading=True) not in keys("C1", root="1.1")


@pytest.mark.parametrize("word", ["token_revoked", "not_in_channel"])
def test_what_refuses_both_is_one_trouble(word: str) -> None:
    error = SlackRefused("", word)
    assert key_of(error, "C1", root="1.1") == key_of(error, "C1", reading=True)
    assert key_of(error, "C1") in keys("C1", reading=True)
