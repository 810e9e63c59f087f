"""A merge in more words than one: consent and politeness change nothing, a condition does."""

from __future__ import annotations

import pytest

from codebutler import events as ev
from codebutler.commands import words
from codebutler.thread.state import ThreadState
from codebutler.types import MemoryItem, Plan


def with_pr() -> ThreadState:
    return ThreadState("t1", pr=ev.PrOpened(number=1, url="u", title="t"), pr_state="open")


def with_memory() -> ThreadState:
    state = with_pr()
    state.memory = [MemoryItem(file="pm.md", text="a"), MemoryItem(file="pm.md", text="b")]
    return state


def stopped() -> ThreadState:
    state = with_pr()
    state.halted, state.cancelled_at, state.called_off = "cancelled", 7, True
    return state


def with_plan() -> ThreadState:
    plan = Plan(title="t", summary="s", steps=[])
    return ThreadState("t1", plan=ev.PlanProposed(plan=plan, hash="h1", base="b"))


@pytest.mark.parametrize(
    "text",
    [
        "LGTM, merge", "ok, merge", "Looks good to me, go ahead and merge!", "go ahead and merge",
        "You can merge now", "Perfect! Please merge this PR now, thanks.", "let's ship it", "LGTM, ship it",
        "Approved - merge it", "please just merge the pull request", "feel free to merge", "merge now",
    ],
)  # fmt: skip
def test_consent_and_a_merge_are_a_merge(text: str) -> None:
    assert words.read(with_pr(), text) == ("merge", "")
    assert words.read(with_memory(), text) == ("merge", "")


@pytest.mark.parametrize(
    "text",
    [
        "you can merge once CI is green", "can you merge it?", "don't merge", "we can merge the two files",
        "not good, merge it", "ship the parser", "land", "go ahead and merge the two files", "is it done?",
        "merge it and add a test", "LGTM, but merge it later", "ship it once bob agrees", "nice merge!",
    ],
)  # fmt: skip
def test_a_condition_or_more_work_is_for_the_pm(text: str) -> None:
    assert words.read(with_pr(), text) is None
    assert words.read(with_memory(), text) is None


def test_what_else_the_moment_makes_of_it() -> None:
    assert words.read(with_memory(), "yes, go ahead and merge it") == ("memory", "?")
    assert words.read(with_pr(), "yes, go ahead and merge it") == ("merge", "")
    assert words.read(with_plan(), "go ahead and merge") is None
    assert words.read(with_plan(), "LGTM, ship it") == ("approve", "h1")
    assert words.read(stopped(), "LGTM, ship it") == ("cancel", "")
    assert words.read(stopped(), "go ahead and merge it") == ("merge", "")


def test_respond_is_a_word_once_there_is_a_pull_request() -> None:
    assert words.read(with_pr(), "Respond to the review, please") == ("respond", "")
    assert words.read(with_pr(), "respond to the client with 404") is None
    assert words.read(with_plan(), "respond") is None
