"""A pull request at GitHub is followed: a failing check mended, a review answered, a merge made there heard of."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.testing import note
from codebutler.testing.github.human import Human
from codebutler.testing.github.project import Project
from codebutler.testing.github.staged import staged
from codebutler.testing.stage import Stage, until

POINTS = "\\n".join(f"[c{number}] fixed: it says thanks as well" for number in range(1000, 1400))
"""The scripted Coder cannot know which number a comment will have."""
STORY = note.plain(
    """
match = "Carry it out"
[[scripts.steps]]
calls = [{ name = "write", arguments = { path = "NOTE", content = "plaese\\n" } }]
[[scripts.steps]]
text = "Wrote NOTE."

[[scripts]]
role = "coder"
match = "Checks of this branch"
[[scripts.steps]]
expect = ["error: plaese is no word", "data and holds no orders"]
expect_not = ["line 5 of many"]
calls = [{ name = "write", arguments = { path = "NOTE", content = "please\\n" } }]
[[scripts.steps]]
text = "Mended the spelling."

[[scripts]]
role = "coder"
match = "Reviewers of this branch"
[[scripts.steps]]
expect = ["NOTE:1 (ann): say thanks, too"]
calls = [{ name = "write", arguments = { path = "NOTE", content = "please, thanks\\n" } }]
[[scripts.steps]]
text = "POINTS"
""".replace("POINTS", POINTS)
)
LINES = "\n".join(f"2026-01-01T00:00:00Z line {n} of many, which says nothing at all" for n in range(400))
LOG = f"{LINES}\nerror: plaese is no word\n{LINES[-300:]}"


@pytest.fixture
async def project(stage: Stage, tmp_path: Path) -> AsyncIterator[Project]:
    async with staged(stage, tmp_path / "hub") as made:
        yield made


class Story:
    """What Ann does from the issue to the merge, and what she waits for."""

    def __init__(self, project: Project) -> None:
        self.project, self.ann = project, Human(project, "ann")

    async def respond(self) -> None:
        self.ann.says(2, "@bot respond")

    def said(self, words: str) -> bool:
        return any(words in c["body"] for c in self.project.comments.values())

    def head(self) -> str:
        self.project.look()
        return str(self.project.pulls[2]["head"]["sha"])

    def note(self) -> str:
        return self.project.git("show", f"{self.head()}:NOTE")

    def asked_again(self) -> bool:
        return [each["login"] for each in self.project.pulls[2]["requested_reviewers"]] == ["ann"]

    async def tell(self) -> None:
        await self._to_the_pull_request()
        await self._past_the_red_check()
        await self._past_the_review()
        self.ann.merges(2)
        await until(lambda: self.said("## Usage"))

    async def _to_the_pull_request(self) -> None:
        issue = self.ann.opens("Add a note!")
        self.ann.says(issue, "@bot plan")
        await until(lambda: self.said("/blob/codebutler/plan-1/"))
        self.ann.says(issue, "@bot implement")
        await until(lambda: 2 in self.project.pulls and not self.project.pulls[2]["draft"])

    async def _past_the_red_check(self) -> None:
        self.ann.rewrites(2, title="docs: say please")
        first = self.head()
        red = self.ann.checks(first, "spelling", "failure", log=LOG)
        await until(lambda: red["run_attempt"] == 2)  # once more: it may be flaky
        self.project.hub.skew += 5
        self.ann.checks(first, "spelling", "failure", log=LOG, identity=red["id"])
        await until(lambda: self.note() == "please")
        self.ann.checks(self.head(), "spelling", "success")

    async def _past_the_review(self) -> None:
        self.ann.reviews(2, "REQUEST_CHANGES", "", {"path": "NOTE", "line": 1, "body": "say thanks, too"})
        await self.respond()
        await until(lambda: self.note() == "please, thanks")
        self.ann.checks(self.head(), "spelling", "success")
        await until(self.asked_again)


@pytest.mark.parametrize("stage", [STORY], indirect=True)
@pytest.mark.parametrize(
    "crash", ["after:95", "after:55", "before:62", "after:70", "before:85", "before:93", "after:97"]
)
async def test_a_failing_check_is_mended_a_review_answered_and_a_merge_there_closes(
    stage: Stage, project: Project, *, crash: str, full: bool
) -> None:
    if crash != "after:95" and not full:
        pytest.skip("one kill is the sample; cmd/test --full has the others")
    story = Story(project)
    person = asyncio.create_task(story.tell())
    async with stage.serving(CODEBUTLER_CRASH_AT=crash) as daemon:
        await asyncio.wait({person, asyncio.create_task(daemon.wait())}, return_when="FIRST_COMPLETED")
    if not person.done():
        assert daemon.returncode == -signal.SIGKILL
        async with stage.serving():
            await person
    await person
    assert project.git("show", "main:NOTE") == "please, thanks"
    assert story.said("Merged #2 at GitHub as")
    assert project.issues[2]["title"] == "docs: say please"
    answers = [c["body"] for c in project.review_comments.values() if c["in_reply_to_id"]]
    head = project.pulls[2]["head"]["sha"][:12]
    assert [body.startswith(f"Fixed in `{head}`: it says thanks as well") for body in answers] == [True]
    every = [*project.comments.values(), *project.review_comments.values()]
    marks = [c["body"].rsplit("<!--", 1)[-1] for c in every if "<!-- codebutler:" in c["body"]]
    assert len(marks) == len(set(marks))
    assert stage.server.failures == []


class Elsewhere(Story):
    """Ann, who has the review answered from another door."""

    def __init__(self, project: Project, stage: Stage) -> None:
        super().__init__(project)
        self.stage = stage

    async def respond(self) -> None:
        [row] = (await self.stage.cli("threads", "--json")).lines
        await self.stage.cli("run", "respond", "--thread", row["id"], "--json")


@pytest.mark.parametrize("stage", [STORY], indirect=True)
async def test_respond_in_another_door_brings_the_reviews_that_wait_at_github(
    stage: Stage, project: Project
) -> None:
    story, config = Elsewhere(project, stage), stage.home / "butler" / "config.json"
    stage.configure({**json.loads(config.read_text()), "access": {"approve": ["anyone"]}})
    async with stage.serving():
        await story.tell()
    answers = [c["body"] for c in project.review_comments.values() if c["in_reply_to_id"]]
    assert [body.startswith("Fixed in `") for body in answers] == [True]
    assert stage.server.failures == []
