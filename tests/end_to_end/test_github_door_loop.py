"""The main job from an issue's comment to the merged pull request that closes it, by looking and by delivery."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from codebutler.testing.github.human import Human
from codebutler.testing.github.project import Project
from codebutler.testing.github.server import GitHubTwin
from codebutler.testing.stage import PROGRAM, Stage


@asynccontextmanager
async def serving(stage: Stage) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "serve", cwd=stage.sample.repo, env=stage.env(), stdout=PIPE, stderr=PIPE
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), 60)
    assert b"Traceback" not in err, err.decode()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(90):
        while not true():  # noqa: ASYNC110 - the twin has no event for everything
            await asyncio.sleep(0.05)


class Talk:
    """Ann, on one issue of the sample."""

    def __init__(self, project: Project) -> None:
        self.project, self.ann, self.number = project, Human(project, "ann"), 0

    def said(self, words: str, number: int = 0) -> bool:
        return any(words in c["body"] for c in self.ann.comments(number or self.number))

    async def when(self, words: str, then: str) -> None:
        await until(lambda: self.said(words))
        self.ann.says(self.number, then)


@pytest.fixture
async def project(stage: Stage, tmp_path: Path) -> AsyncIterator[Project]:
    async with GitHubTwin(tmp_path / "hub") as twin:
        made = twin.hub.project("acme/parcelrate", remote=stage.sample.remote)
        made.collaborators |= {"butler": "write", "ann": "write"}
        stage.git("remote", "set-url", "origin", made.clone_url)
        home = stage.home / "butler"
        home.mkdir(parents=True, exist_ok=True)
        section = twin.settings("butler", postSeconds=0, pollSeconds=0.3)
        (home / "config.json").write_text(json.dumps({"github": section, "threads": {"burstSeconds": 0}}))
        (home / "config.json").chmod(0o600)
        yield made


EDITED = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", steps = [{ text = "Write NOTE" }], files = ["NOTE"] } }]

[[scripts]]
role = "coder"
[[scripts.steps]]
expect = ["Write NOTE politely", "approved this plan"]
calls = [{ name = "write", arguments = { path = "NOTE", content = "please\\n" } }]
[[scripts.steps]]
text = "Wrote NOTE."

[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [{ name = "write_summary", arguments = { title = "Add a note", summary = "A note.", changes = ["NOTE"] } }]
[[scripts.steps]]
text = "Nothing to remember."
"""


@pytest.mark.parametrize("stage", [EDITED], indirect=True)
async def test_implement_takes_the_plan_as_a_person_edited_it(stage: Stage, project: Project) -> None:
    talk = Talk(project)
    async with serving(stage):
        talk.number = talk.ann.opens("Add a note!")
        talk.ann.says(talk.number, "@bot plan")
        path = ".codebutler/plans/issue-1-add-a-note.md"
        await until(lambda: talk.said(f"/blob/codebutler/plan-1/{path}"))
        text = project.git("show", f"codebutler/plan-1:{path}")
        project.write("codebutler/plan-1", path, text.replace("Write NOTE", "Write NOTE politely"), who="ann")
        talk.ann.says(talk.number, "@bot implement")
        await until(lambda: 2 in project.pulls and not project.pulls[2]["draft"])
        assert talk.said("approved the plan as its file stands now")
        talk.ann.says(talk.number, "@bot merge")
        await until(lambda: project.pulls[2]["merged_at"] and talk.said("## Usage"))
    assert project.git("show", "main:NOTE") == "please"
    assert set(project.heads()) == {"main"}
    assert stage.server.failures == []


async def test_from_an_issue_to_the_merge_that_closes_it(stage: Stage, project: Project) -> None:
    talk = Talk(project)
    title, _, body = stage.sample.task.partition(". ")
    async with serving(stage):
        talk.number = talk.ann.opens(title, body)
        asked = talk.ann.says(talk.number, "@bot plan")
        await until(lambda: project.reactions)
        assert project.reactions[0]["on"] == ("comment", asked["id"])
        await talk.when("`@bot approve`", "@bot implement")
        await until(lambda: 2 in project.pulls)
        await talk.when("What should the team remember?", "@bot yes")
        await until(lambda: talk.said("Kept") and not project.pulls[2]["draft"])
        talk.ann.says(2, "@bot merge")
        await until(lambda: project.pulls[2]["merged_at"])
        await until(lambda: talk.said("## Usage"))
    assert f"Closes #{talk.number}." in project.issues[2]["body"]
    assert project.issues[talk.number]["state"] == "closed"
    assert set(project.heads()) == {"main"}
    assert "Co-authored-by: ann" in project.git("log", "-1", "--format=%B", "main")
    marks = [
        c["body"].rsplit("<!--", 1)[-1]
        for c in talk.ann.comments(talk.number)
        if "<!-- codebutler:" in c["body"]
    ]
    assert len(marks) == len(set(marks))
    phases = ("**planning**", "**coding**", "**review**", "**closed**")
    assert sum(c["body"].startswith(phases) for c in talk.ann.comments(talk.number)) == 1
