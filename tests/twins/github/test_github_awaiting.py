"""A merge that waits for required checks alone is made once they have passed, and else by nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.events import Cancelled, Event, MergeRefused, MergeRequested, Posted, TurnEnded
from codebutler.testing.github.human import Human
from codebutler.types import Person

if TYPE_CHECKING:
    from tests.twins.github.conftest import Case

ANN = Person(surface="github", id="ann", name="ann")
YET = "GitHub does not merge #1 into main yet: "
AWAITED = f'{YET}Required status check "tests" is expected.. Say merge again once that is so'
MERGE = MergeRequested(message=7, by=ANN)


async def refused(case: Case, error: str, by: Person = ANN) -> None:
    asked = MergeRequested(message=7, by=by)
    await case.log(asked, MergeRefused(error=error), TurnEnded(outcome="failed"))


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


async def test_it_lands_once_the_checks_that_were_named_have_passed(case: Case) -> None:
    await refused(case, AWAITED)
    [told] = await case.look()
    assert isinstance(told, Posted)
    assert told.post.text.startswith("#1 is merged by itself once its checks have passed on `")
    assert case.kicked
    case.shop.ann.checks(case.head, "lint", "success")  # another check is not the one that is awaited
    assert await case.look() == []
    case.passes()
    assert await case.look() == [MERGE]
    assert await case.look() == []


@pytest.mark.parametrize(
    "error",
    [
        f"{YET}2 of 2 required status checks are expected.",
        f'{YET}Required status check "tests" is in progress.',
        f'{YET}Repository rule violations found\n\nRequired status check "tests" is queued.',
    ],
)
async def test_other_words_for_checks_that_are_to_come(case: Case, error: str) -> None:
    await refused(case, error)
    case.passes()
    assert await case.look() == [MERGE]
    await refused(case, error)  # it was not enough: people are told, and nothing goes round in circles
    assert await case.look() == []


@pytest.mark.parametrize(
    "error",
    [
        f"{YET}At least 1 approving review is required by reviewers with write access.",
        f'{YET}Required status check "tests" is failing.',
        f"{AWAITED} At least 1 approving review is required.",
        "the branch conflicts with main",
    ],
)
async def test_what_waits_for_people_is_left_to_people(case: Case, error: str) -> None:
    await refused(case, error)
    case.passes()
    assert await case.look() == []


async def test_cancel_calls_it_off(case: Case) -> None:
    await refused(case, AWAITED)
    await case.log(Cancelled(message=8, by=ANN))
    case.passes()
    assert await case.look() == []


async def test_a_check_that_fails_is_mended_and_lands_nothing(case: Case) -> None:
    await refused(case, AWAITED)
    case.fails()
    assert kinds(await case.look()) == ["mend_requested"]
    await case.mended("better\n")
    case.passes()
    assert await case.look() == []


async def test_what_others_pushed_meanwhile_does_not_land(case: Case) -> None:
    await refused(case, AWAITED)
    case.shop.commit("work", "b.txt", "theirs\n", onto="work")
    case.passes()
    head = case.shop.project.pulls[1]["head"]["sha"]
    refusal, told = await case.look()
    assert isinstance(refusal, MergeRefused)
    assert isinstance(told, Posted)
    assert f"any more: somebody pushed {head[:12]} to its branch after that word." in told.post.text
    assert await case.look() == []


async def test_the_word_of_somebody_who_may_write_no_more_does_not_hold(case: Case) -> None:
    await refused(case, AWAITED, Person(surface="github", id="eve", name="eve"))
    case.passes()
    assert kinds(await case.look()) == ["merge_refused", "posted"]


async def test_who_lost_the_right_a_moment_ago_lands_nothing(case: Case) -> None:
    case.shop.project.collaborators["bob"] = "write"
    Human(case.shop.project, "bob")
    assert await case.following._people.writer("bob") is not None  # as when he said it
    await refused(case, AWAITED, Person(surface="github", id="bob", name="bob"))
    del case.shop.project.collaborators["bob"]
    case.passes()
    assert kinds(await case.look()) == ["merge_refused", "posted"]
    case.shop.project.collaborators["bob"] = "write"  # it stays off: nobody is surprised by it later
    assert await case.look() == []


async def test_a_teammates_objection_after_the_word_calls_it_off(case: Case) -> None:
    case.shop.project.collaborators["bob"] = "write"
    bob = Human(case.shop.project, "bob")
    await refused(case, AWAITED)
    await case.look()
    bob.says(1, "Wait, please do not merge this yet, I found a bug")
    case.passes()
    refusal, told = await case.look()
    assert isinstance(told, Posted)
    assert isinstance(refusal, MergeRefused)
    assert refusal.error.startswith("#1 is left open: bob has spoken here since")
    assert told.post.text.startswith("#1 is not merged by itself any more: bob has spoken here since.")
    assert await case.look() == []


@pytest.mark.parametrize("where", ["review", "approval", "line", "issue", "draft"])
async def test_it_is_called_off_wherever_it_is_said(case: Case, where: str) -> None:
    case.shop.project.collaborators["bob"] = "write"
    bob = Human(case.shop.project, "bob")
    await refused(case, AWAITED)
    if where == "review":
        bob.reviews(1, "REQUEST_CHANGES", "this is wrong")
    elif where == "approval":
        bob.reviews(1, "APPROVE", "Approving, but please don't merge before Monday.")
    elif where == "line":
        bob.remarks(1, "a.txt", 1, "this is wrong")
    elif where == "issue":
        while not {9} <= set(case.shop.project.issues):
            bob.opens("Another")
        bob.says(9, "not yet")
    else:
        case.shop.project.pulls[1]["draft"] = True
    case.passes()
    assert kinds(await case.look()) == ["merge_refused", "posted"]


async def test_strangers_machines_approvals_and_what_was_said_before_call_nothing_off(case: Case) -> None:
    case.shop.project.collaborators["bob"] = "write"
    case.shop.project.hub.skew = -60
    Human(case.shop.project, "bob").says(1, "I have doubts")
    case.shop.project.hub.skew = 0
    await refused(case, AWAITED)
    case.shop.eve.says(1, "me too!")
    case.shop.twin.hub.user("coverage[bot]", "Bot")
    Human(case.shop.project, "coverage[bot]").says(1, "93 %")
    Human(case.shop.project, "bob").reviews(1, "APPROVE", "Looks good to me, nice work! 🎉")
    case.passes()
    assert await case.look() == [MERGE]
