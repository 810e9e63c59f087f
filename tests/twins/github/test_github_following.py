"""Open pull requests are looked at again and again: what is begun for their threads, and begun once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.events import (
    Event,
    FrameEnded,
    FrameStarted,
    MendBegun,
    MendRequested,
    PhaseChanged,
    Posted,
    PrClosed,
    PrMerged,
    PrOpened,
    Pushed,
    RebaseRequested,
    Resumed,
    ThreadOpened,
    TurnEnded,
    dump,
    parse,
)
from codebutler.forges.choose import calls_for
from codebutler.forges.github.spot import spot_of
from codebutler.service.following import Following
from codebutler.settings.github import GitHub as GitHubSettings
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store
from codebutler.surfaces.github.hearing import Hearing
from codebutler.testing.github.faults import Fault
from codebutler.types import Person

if TYPE_CHECKING:
    from tests.twins.github.conftest import Shop

ANN = Person(surface="github", id="ann", name="ann")


class Case:
    """A thread at rest whose pull request #1 is open, and who follows it."""

    def __init__(self, shop: Shop, store: Store, following: Following, thread: str) -> None:
        self.shop, self.store, self.following, self.thread = shop, store, following, thread
        self.kicked: list[str] = []
        self.following.kick = self.kicked.append
        self.number = 0

    @property
    def head(self) -> str:
        self.shop.project.look()
        return str(self.shop.project.pulls[1]["head"]["sha"])

    async def log(self, *events: Event) -> None:
        self.number += 1
        rows = [NewEvent(e.kind, f"test:{self.number}:{n}", dump(e)) for n, e in enumerate(events)]
        await self.store.append(self.thread, rows)

    async def events(self) -> list[Event]:
        found = [parse(row.body) for row in await self.store.events(self.thread)]
        return [event for event in found if event is not None]

    async def look(self) -> list[Event]:
        """What came of two looks."""
        before = len(await self.events())
        for _ in range(2):
            await self.following.look()
        return (await self.events())[before:]

    def fails(self) -> None:
        """A check of another CI than Actions fails: there is no job to run again."""
        self.shop.ann.checks(self.head, "tests", "failure")["app"] = {"slug": "other-ci"}

    def passes(self) -> None:
        """All is well."""
        self.shop.ann.checks(self.head, "tests", "success")

    async def mended(self, text: str, *, begun: bool = True) -> None:
        """A Coder's run of the thread came and went; "" = it changed nothing."""
        name = f"coder-{self.number}"
        if text:
            sha = self.shop.commit("work", "a.txt", text, onto="work")
            await self.log(Pushed(branch="work", commit=sha))
        if begun:
            start = FrameStarted(frame=name, role="coder", content="mend")
            await self.log(MendBegun(frame=name), start, FrameEnded(frame=name, outcome="pr", text=""))
        await self.store.set_ready(self.thread, ready=False)  # its turn has ended


@pytest.fixture
async def case(shop: Shop, tmp_path: Path) -> AsyncIterator[Case]:
    store = await Store.open(tmp_path / "store.db")
    head = shop.commit("work", "a.txt", "a\n")
    status, pull, _ = await shop.call("POST", "/pulls", {"title": "Work", "head": "work", "base": "main"})
    assert status == 201
    settings = GitHubSettings.model_validate_json(json.dumps(shop.twin.settings("butler", postSeconds=0)))
    spot = spot_of(shop.project.clone_url, settings)
    assert spot is not None
    hearing = Hearing(await calls_for(spot, settings), settings, store, spot.full_name)
    opened = ThreadOpened(owner=ANN, title="Work")
    rows = [NewEvent(opened.kind, "opened", dump(opened))]
    thread = "t1"
    await store.open_thread(
        thread, title="Work", owner="ann", bindings=[("github", "acme/shop#9")], events=rows, ready=False
    )
    made = Case(shop, store, Following(hearing, store), thread)
    await made.log(
        PrOpened(number=1, url=str(pull["html_url"]), title="Work"),
        Pushed(branch="work", commit=head),
        PhaseChanged(phase="lead", why="pull request open"),
    )
    await store.append(thread, [], row={"pr": "1", "phase": "lead"})
    yield made
    await hearing.close()
    await store.close()


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
