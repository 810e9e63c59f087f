"""Open pull requests are looked at again and again: what is begun for their threads, and begun once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.events import (
    Cancelled,
    Event,
    FrameEnded,
    FrameStarted,
    MendBegun,
    MendRequested,
    MergeRefused,
    MergeRequested,
    Paused,
    PhaseChanged,
    Posted,
    PrClosed,
    PrMerged,
    Pushed,
    RebaseRequested,
    Resumed,
    Rewound,
    TurnEnded,
    parse,
)
from codebutler.testing.github.faults import Fault
from codebutler.thread.fold import fold
from codebutler.types import Person

if TYPE_CHECKING:
    from tests.twins.github.conftest import Case

ANN = Person(surface="github", id="ann", name="ann")


async def test_a_check_without_a_job_is_mended_with_what_it_said(case: Case) -> None:
    await case.shop.call(
        "POST", f"/statuses/{case.head}", {"state": "failure", "context": "ci", "description": "2 broken"}
    )
    [wish] = await case.look()
    assert wish == MendRequested(about="checks", head=case.head, text="## ci\n2 broken")
    assert case.kicked == [case.thread]
    assert (await case.store.thread(case.thread)).ready  # type: ignore[union-attr] # it is there


async def test_checks_that_may_not_be_read_are_said_once(case: Case) -> None:
    case.shop.twin.hub.faults.next("GET */check-runs*", *[Fault("forbidden")] * 2)
    [said] = await case.look()
    assert isinstance(said, Posted)
    assert "I may not read this pull request's checks" in said.post.text


async def test_what_is_red_on_the_base_branch_too_is_said_once_and_left(case: Case) -> None:
    for sha in (case.head, case.shop.project.heads()["main"]):
        case.shop.ann.checks(sha, "lint", "failure")
    [said] = await case.look()
    assert isinstance(said, Posted)
    assert "`lint`, which fails on the base branch as well" in said.post.text


async def test_a_flaky_job_runs_once_more_and_is_named(case: Case) -> None:
    red = case.shop.ann.checks(case.head, "tests", "failure")
    assert await case.look() == []
    assert red["run_attempt"] == 2
    case.shop.twin.hub.skew += 5
    case.shop.ann.checks(case.head, "tests", "success", identity=red["id"])
    [said] = await case.look()
    assert isinstance(said, Posted)
    assert "it is not reliable" in said.post.text


async def test_jobs_of_one_run_run_again_together_and_what_was_cancelled_is_no_failure(case: Case) -> None:
    red = case.shop.ann.checks(case.head, "tests", "failure")
    others = [
        case.shop.ann.checks(case.head, name, how, run=red["run_id"])
        for name, how in (("lint", "failure"), ("docs", "cancelled"))
    ]
    assert await case.look() == []
    assert [row["run_attempt"] for row in (red, *others)] == [2, 2, 1]
    case.shop.twin.hub.skew += 5
    for row in (red, others[0]):
        case.shop.ann.checks(case.head, row["name"], "success", identity=row["id"])
    kinds = [event.kind for event in await case.look()]
    assert kinds == ["posted"]  # that they are not reliable


async def test_after_three_attempts_people_are_asked_once_and_may_say_to_go_on(case: Case) -> None:
    for attempt in range(3):
        case.fails()
        [wish] = await case.look()
        assert isinstance(wish, MendRequested)
        await case.mended(f"try {attempt}\n")
    case.fails()
    [said] = await case.look()
    assert isinstance(said, Posted)
    assert "after 3 attempts" in said.post.text
    assert [choice.action for choice in said.post.choices] == ["retry"]
    await case.log(Resumed(message=0, by=ANN))
    assert [event.kind for event in await case.look()] == ["mend_requested"]


async def test_who_changes_nothing_is_not_sent_again(case: Case) -> None:
    case.fails()
    await case.look()
    await case.mended("")
    [said] = await case.look()
    assert isinstance(said, Posted)
    assert "after 1 attempt of the Coder" in said.post.text


async def test_all_green_counts_attempts_anew(case: Case) -> None:
    for attempt in range(4):
        case.fails()
        [wish] = await case.look()
        assert isinstance(wish, MendRequested)
        await case.mended(f"try {attempt}\n")
        case.passes()
        assert await case.look() == []
        await case.mended(f"more {attempt}\n", begun=False)


async def test_a_merge_made_there_and_a_close_are_heard_of_once(case: Case) -> None:
    status, _, _ = await case.shop.call("PUT", "/pulls/1/merge", {"merge_method": "squash"}, by="ann")
    assert status == 200
    merged, said = await case.look()
    assert isinstance(merged, PrMerged)
    assert merged.by.id == "ann"
    assert merged.commit == case.shop.project.heads()["main"]
    assert isinstance(said, Posted)
    assert (await case.store.thread(case.thread)).ready  # type: ignore[union-attr] # it is there


async def test_a_merge_made_there_sets_a_halted_thread_going(case: Case) -> None:
    await case.log(TurnEnded(outcome="failed", text="the pull request could not be updated"))
    assert (await case.following._state(case.thread)).halted
    await case.shop.call("PUT", "/pulls/1/merge", {"merge_method": "squash"}, by="ann")
    await case.look()
    assert not (await case.following._state(case.thread)).halted


async def test_a_close_without_a_merge_is_heard_of_once(case: Case) -> None:
    await case.shop.call("PATCH", "/pulls/1", {"state": "closed"}, by="ann")
    closed, said = await case.look()
    assert isinstance(closed, PrClosed)
    assert isinstance(said, Posted)


async def test_opened_again_it_is_followed_as_before(case: Case) -> None:
    for _ in range(2):
        await case.shop.call("PATCH", "/pulls/1", {"state": "closed"}, by="ann")
        assert [event.kind for event in await case.look()] == ["pr_closed", "posted"]
        await case.shop.call("PATCH", "/pulls/1", {"state": "open"}, by="ann")
        assert [event.kind for event in await case.look()] == ["pr_opened", "posted"]
    case.fails()
    assert [event.kind for event in await case.look()] == ["mend_requested"]


async def test_a_merge_made_there_while_the_coder_stands_still_is_heard_of(case: Case) -> None:
    await case.log(MendRequested(about="review", head=case.head, text="x"), MendBegun(frame="coder-9"))
    await case.log(FrameStarted(frame="coder-9", role="coder", content="mend"))
    await case.log(TurnEnded(outcome="failed", text="its steps are used up"))
    await case.shop.call("PUT", "/pulls/1/merge", {"merge_method": "squash"}, by="ann")
    assert [event.kind for event in await case.look()] == ["pr_merged", "posted"]


async def test_requests_wait_for_one_another_and_each_is_answered_for_itself(case: Case) -> None:
    first = case.shop.ann.remarks(1, "a.txt", 1, "why?")["id"]
    second = case.shop.ann.remarks(1, "a.txt", 1, "how?")["id"]
    text = "- [r7] commented: (ann): hm\n- [c{}] a.txt:1 (ann): ?"
    for number, mark in enumerate((first, second), 1):
        await case.log(
            MendRequested(about="review", head=case.head, text=text.format(mark), message=number, by=ANN)
        )
    for name, mark, sha in (
        ("coder-1", first, case.shop.commit("work", "a.txt", "b\n", onto="work")),
        ("coder-2", second, ""),
    ):
        await case.log(MendBegun(frame=name), FrameStarted(frame=name, role="coder", content="mend"))
        if sha:
            await case.log(Pushed(branch="work", commit=sha))
        await case.log(FrameEnded(frame=name, outcome="pr", text=f"[c{mark}] fixed: {name}"))
    await case.look()
    left = [c["body"].split("\n")[:2] for c in case.shop.project.comments.values()]
    assert left == [["Nothing was said in answer to these points of the review:", "- commented: (ann)"]] * 2
    said = [
        c["body"].split("\n")[0] for c in case.shop.project.review_comments.values() if c["in_reply_to_id"]
    ]
    assert said == [f"Fixed in `{case.head[:12]}`: coder-1", "Fixed: coder-2"]


async def test_a_conflict_with_the_base_branch_is_the_coders(case: Case) -> None:
    case.shop.commit("main", "a.txt", "other\n")
    [wish] = await case.look()
    assert wish == RebaseRequested(message=0, by=ANN)


REFUSED = (MergeRequested(message=7, by=ANN), MergeRefused(error="unit is expected"))


async def test_after_a_refused_merge_what_turns_red_is_mended_and_more_than_once(case: Case) -> None:
    await case.log(*REFUSED, TurnEnded(outcome="failed"))
    assert await case.look() == []
    for attempt in range(2):
        case.fails()
        assert [event.kind for event in await case.look()] == ["mend_requested"]
        state = await case.following._state(case.thread)
        assert (state.halted, state.refused) == ("", "")  # so that the Coder sets out, and its turn ends well
        await case.mended(f"try {attempt}\n")


async def test_after_a_merge_that_conflicts_the_coder_brings_it_onto_its_base(case: Case) -> None:
    await case.log(*REFUSED, TurnEnded(outcome="failed"))
    case.shop.commit("main", "a.txt", "other\n")
    assert [event.kind for event in await case.look()] == ["rebase_requested"]


@pytest.mark.parametrize("stop", [Paused(message=8, by=ANN), Cancelled(message=8, by=ANN), None])
async def test_what_people_or_a_failure_have_stopped_is_left_alone(case: Case, stop: Event | None) -> None:
    await case.log(*(REFUSED if stop else ()), TurnEnded(outcome="failed"), *([stop] if stop else []))
    case.fails()
    assert await case.look() == []


@pytest.mark.parametrize("doing", ["a push by somebody else", "a question", "a coder"])
async def test_nothing_is_begun_while_something_else_goes_on(case: Case, doing: str) -> None:
    if doing == "a push by somebody else":
        case.shop.commit("work", "b.txt", "b\n", onto="work")
    elif doing == "a question":
        await case.log(PhaseChanged(phase="pm", why="asked"))
    else:
        await case.log(MendRequested(about="review", head=case.head, text="x"))
    case.shop.ann.checks(case.head, "tests", "failure")
    assert await case.look() == []


async def test_a_look_reads_only_what_is_new_in_the_log(case: Case) -> None:
    await case.look()
    state = await case.following._state(case.thread)
    await case.log(MergeRequested(message=0, by=ANN), Rewound(message=0, by=ANN, number=1, to=2))
    again = await case.following._state(case.thread)
    rows = await case.store.events(case.thread)
    assert again is state
    assert again == fold(case.thread, ((r.seq, r.ts, parse(r.body)) for r in rows))
