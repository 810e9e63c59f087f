"""One "merge" is enough where the base branch asks for checks: it lands when they have passed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codebutler.testing import note
from codebutler.testing.github.faults import Fault
from codebutler.testing.github.human import Human
from codebutler.testing.github.project import Rules
from codebutler.testing.github.staged import staged
from codebutler.testing.stage import Stage, until


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_one_word_to_merge_is_enough_behind_required_checks(stage: Stage, tmp_path: Path) -> None:
    async with staged(stage, tmp_path / "hub") as project:
        ann = Human(project, "ann")

        def said(words: str) -> bool:
            return any(words in row["body"] for row in project.comments.values())

        def head() -> str:
            project.look()
            return str(project.pulls[2]["head"]["sha"])

        async with stage.serving():
            ann.says(ann.opens("Add a note!"), "@bot plan")
            await until(lambda: said("/blob/codebutler/plan-1/"))
            ann.says(1, "@bot implement")
            await until(lambda: 2 in project.pulls and not project.pulls[2]["draft"])
            project.rules["main"] = Rules(checks=("ci",))
            ann.checks(head(), "ci", "success")
            first = head()
            await until(lambda: said('Say **"merge"**'))
            ann.says(2, "@bot merge")
            await until(lambda: said("is merged by itself once its checks have passed"))
            assert head() != first  # the journal is what has to be checked now
            ann.checks(head(), "ci", "success")
            await until(lambda: project.pulls[2]["merged_at"] and said("## Usage"))
    assert project.git("show", "main:NOTE") == "noted"
    assert stage.server.failures == []


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_after_a_limit_that_stopped_a_merge_retry_and_go_merge_again(
    stage: Stage, tmp_path: Path
) -> None:
    async with staged(stage, tmp_path / "hub") as project:
        ann = Human(project, "ann")

        def held() -> int:
            return sum("GitHub's limit holds PUT" in row["body"] for row in ann.comments(2))

        def said(words: str) -> bool:
            return any(words in row["body"] for row in project.comments.values())

        async with stage.serving():
            ann.says(ann.opens("Add a note!"), "@bot plan")
            await until(lambda: said("/blob/codebutler/plan-1/"))
            ann.says(1, "@bot implement")
            await until(lambda: said('Say **"merge"**'))
            project.hub.faults.next("PUT */merge", Fault("429", 600), Fault("secondary", 600))
            ann.says(2, "@bot merge")
            await until(lambda: held() == 1)
            ann.says(2, "@bot retry")
            await until(lambda: held() == 2)
            ann.says(2, "@bot go")
            await until(lambda: project.pulls[2]["merged_at"] and said("## Usage"))
    assert not said("nothing to go on with")
    assert stage.server.failures == []


MAY_LAND = "#2 may land by the merge queue: take it out on its page"


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("@bot cancel", '#2 stays open: only **"merge"** lands it'),
        ("@bot cancel", MAY_LAND),
        ("@bot pause", "Paused by ann"),
        ("@bot wait, add a line first", "#2 is out of the merge queue again"),
    ],
)
async def test_a_later_word_takes_it_out_of_the_merge_queue(
    stage: Stage, tmp_path: Path, words: str, answer: str
) -> None:
    async with staged(stage, tmp_path / "hub") as project:
        config = json.loads((stage.home / "butler" / "config.json").read_text())
        config["github"]["queueSeconds"] = 0.5
        stage.configure(config)
        ann = Human(project, "ann")

        def said(words: str) -> bool:
            return any(words in row["body"] for row in project.comments.values())

        async with stage.serving():
            ann.says(ann.opens("Add a note!"), "@bot plan")
            await until(lambda: said("/blob/codebutler/plan-1/"))
            ann.says(1, "@bot implement")
            await until(lambda: said('Say **"merge"**'))
            project.rules["main"] = Rules(checks=("ci",), queue=True)
            project.look()
            ann.checks(project.pulls[2]["head"]["sha"], "ci", "success")
            ann.says(2, "@bot merge")
            await until(lambda: said("#2 is in the merge queue at place 1"))
            assert project.queue == [2]
            ann.says(2, "@bot status")
            await until(lambda: said("PR #2 open"))
            assert project.queue == [2]  # who only looks changes nothing
            refused = [Fault("forbidden")] * 20
            if answer == MAY_LAND:
                project.hub.faults.next("POST /graphql", *refused)
            ann.says(2, words)
            await until(lambda: said(answer))
            if answer == MAY_LAND:
                assert said("#2 cannot be taken out of the merge queue: Resource not accessible")
                project.hub.faults.forget()
                ann.says(2, words)
                await until(lambda: said("#2 is out of the merge queue again"))
            assert project.queue == []
            assert said("#2 is out of the merge queue again")
    assert not project.pulls[2]["merged_at"]


SLOW = note.PLAIN.replace('calls = [{ name = "write_summary"', 'delay = 3\ncalls = [{ name = "write_summary"')


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
@pytest.mark.parametrize("how", ["comment", "issue", "review", "approval"])
async def test_a_teammates_words_while_the_lead_looks_back_stop_the_merge(
    stage: Stage, tmp_path: Path, how: str
) -> None:
    async with staged(stage, tmp_path / "hub") as project:
        ann, bob = Human(project, "ann"), Human(project, "bob")
        project.collaborators["bob"] = "write"

        def said(words: str) -> bool:
            return any(words in row["body"] for row in project.comments.values())

        async with stage.serving():
            ann.says(ann.opens("Add a note!"), "@bot plan")
            await until(lambda: said("/blob/codebutler/plan-1/"))
            ann.says(1, "@bot implement")
            await until(lambda: any(asked.role == "lead" for asked in stage.server.requests))
            ann.says(2, "@bot merge")
            if how in {"comment", "issue"}:
                bob.says(2 if how == "comment" else 1, "please do not merge this yet")
            else:
                bob.reviews(2, *(("APPROVE", "LGTM!") if how == "approval" else ("REQUEST_CHANGES", "Hm.")))
            if how != "approval":
                await until(lambda: said("#2 is left open: bob has spoken here since"))
                assert not project.pulls[2]["merged_at"]
                ann.says(2, "@bot merge")
            await until(lambda: project.pulls[2]["merged_at"] and said("## Usage"))
            assert said("bob has spoken") == (how != "approval")
    assert stage.server.failures == []
