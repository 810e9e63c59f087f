"""A pull request at GitHub is followed: a failing check mended, a review answered, a merge made there heard of."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from codebutler.testing.github.human import Human
from codebutler.testing.github.project import Project
from codebutler.testing.github.server import GitHubTwin
from codebutler.testing.stage import PROGRAM, Stage

POINTS = "\\n".join(f"[c{number}] fixed: it says thanks as well" for number in range(1000, 1400))
STORY = (
    """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", steps = [{ text = "Write NOTE" }], files = ["NOTE"] } }]

[[scripts]]
role = "coder"
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

[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [{ name = "write_summary", arguments = { title = "Add a note", summary = "A note.", changes = ["NOTE"] } }]
[[scripts.steps]]
text = "Nothing to remember."
"""
).replace("POINTS", POINTS)
LOG = "\n".join(f"2026-01-01T00:00:00Z line {n} of many, which says nothing at all" for n in range(400))


@asynccontextmanager
async def serving(stage: Stage, crash: str = "") -> AsyncIterator[None]:
    """The daemon; killed at ``crash``, it is started again."""
    running: list[Process] = []
    task = asyncio.create_task(_supervise(stage, crash, running))
    try:
        yield
    finally:
        running[-1].send_signal(signal.SIGTERM)
        ends = await asyncio.wait_for(task, 60)
    assert ends == [*([-signal.SIGKILL] if crash else []), 0]


async def _supervise(stage: Stage, crash: str, running: list[Process]) -> list[int]:
    ends: list[int] = []
    for env in [{"CODEBUTLER_CRASH_AT": crash}, {}] if crash else [{}]:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, "serve", cwd=stage.sample.repo, env={**stage.env(), **env}, stdout=PIPE, stderr=PIPE
        )
        running.append(process)
        _, err = await process.communicate()
        assert b"Traceback" not in err, err.decode()
        ends.append(process.returncode or 0)
    return ends


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(90):
        while not true():  # noqa: ASYNC110 - the twin has no event for everything
            await asyncio.sleep(0.05)


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


@pytest.mark.parametrize("stage", [STORY], indirect=True)
@pytest.mark.parametrize("crash", ["after:55", "before:62", "after:70", "before:85", "after:95"])
async def test_a_failing_check_is_mended_a_review_answered_and_a_merge_there_closes(
    stage: Stage, project: Project, *, crash: str, full: bool
) -> None:
    if crash != "before:62" and not full:
        pytest.skip("one kill is the sample; cmd/test --full has the others")
    ann = Human(project, "ann")

    def said(words: str) -> bool:
        return any(words in c["body"] for c in project.comments.values())

    def note() -> str:
        project.look()
        return project.git("show", f"{project.pulls[2]['head']['sha']}:NOTE")

    def reviewers() -> list[str]:
        return [each["login"] for each in project.pulls[2]["requested_reviewers"]]

    async with serving(stage, crash):
        issue = ann.opens("Add a note!")
        ann.says(issue, "@bot plan")
        await until(lambda: said("/blob/codebutler/plan-1/"))
        ann.says(issue, "@bot implement")
        await until(lambda: 2 in project.pulls and not project.pulls[2]["draft"])
        first = project.pulls[2]["head"]["sha"]
        red = ann.checks(first, "spelling", "failure", log=f"{LOG}\nerror: plaese is no word\n{LOG[-300:]}")
        await until(lambda: red["run_attempt"] == 2)  # once more: it may be flaky
        project.hub.skew += 5
        ann.checks(
            first,
            "spelling",
            "failure",
            log=f"{LOG}\nerror: plaese is no word\n{LOG[-300:]}",
            identity=red["id"],
        )
        await until(lambda: note() == "please")
        ann.checks(project.pulls[2]["head"]["sha"], "spelling", "success")
        ann.reviews(2, "REQUEST_CHANGES", "", {"path": "NOTE", "line": 1, "body": "say thanks, too"})
        ann.says(2, "@bot respond")
        await until(lambda: note() == "please, thanks")
        ann.checks(project.pulls[2]["head"]["sha"], "spelling", "success")
        await until(lambda: reviewers() == ["ann"])
        answers = [c["body"] for c in project.review_comments.values() if c["in_reply_to_id"]]
        head = project.pulls[2]["head"]["sha"]
        assert [body.startswith(f"Fixed in `{head[:12]}`: it says thanks as well") for body in answers] == [
            True
        ]
        status, _ = await ann_merges(stage, project)
        assert status == 200
        await until(lambda: said("## Usage"))
    assert project.git("show", "main:NOTE") == "please, thanks"
    assert said("Merged #2 at GitHub as")
    marks = [
        c["body"].rsplit("<!--", 1)[-1]
        for c in [*project.comments.values(), *project.review_comments.values()]
    ]
    ours = [mark for mark in marks if "codebutler:" in mark]
    assert len(ours) == len(set(ours))
    assert stage.server.failures == []


async def ann_merges(stage: Stage, project: Project) -> tuple[int, object]:
    import aiohttp

    headers = {"Authorization": f"Bearer {project.hub.token('ann')}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url = f"{project.api}/pulls/2/merge"
        async with session.put(url, json={"merge_method": "squash"}) as got:
            return got.status, await got.json()
