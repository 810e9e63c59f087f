"""The main job from an issue's comment to the merged pull request that closes it, by looking and by delivery."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from codebutler.testing import note
from codebutler.testing.github.human import Human
from codebutler.testing.github.project import Project
from codebutler.testing.github.staged import staged
from codebutler.testing.stage import Stage, until


class Talk:
    """Ann, on one issue of the sample."""

    def __init__(self, project: Project) -> None:
        self.project, self.ann, self.number = project, Human(project, "ann"), 0

    def said(self, words: str, number: int = 0) -> bool:
        return any(words in c["body"] for c in self.ann.comments(number or self.number))


@pytest.fixture
async def project(stage: Stage, tmp_path: Path) -> AsyncIterator[Project]:
    async with staged(stage, tmp_path / "hub") as made:
        yield made


EDITED = note.plain("""
[[scripts.steps]]
expect = ["Write NOTE politely", "approved this plan"]
calls = [{ name = "write", arguments = { path = "NOTE", content = "please\\n" } }]
[[scripts.steps]]
text = "Wrote NOTE."
""")


@pytest.mark.parametrize("stage", [EDITED], indirect=True)
async def test_from_an_issue_by_an_edited_plan_to_the_merge_that_closes_it(
    stage: Stage, project: Project
) -> None:
    talk = Talk(project)
    async with stage.serving():
        talk.number = talk.ann.opens("Add a note!")
        asked = talk.ann.says(talk.number, "@bot plan")
        await until(lambda: project.reactions)
        assert project.reactions[0]["on"] == ("comment", asked["id"])
        path = ".codebutler/plans/issue-1-add-a-note.md"
        await until(lambda: talk.said(f"/blob/codebutler/plan-1/{path}"))
        text = project.git("show", f"codebutler/plan-1:{path}")
        project.write("codebutler/plan-1", path, text.replace("Write NOTE", "Write NOTE politely"), who="ann")
        talk.ann.says(talk.number, "@bot implement")
        await until(lambda: 2 in project.pulls and not project.pulls[2]["draft"])
        assert talk.said("approved the plan as its file stands now")
        await until(lambda: talk.said("`@bot merge`"))  # it is ready a moment before the Coder is done
        talk.ann.says(2, "@bot merge")
        await until(lambda: project.pulls[2]["merged_at"] and talk.said("## Usage"))
    assert project.git("show", "main:NOTE") == "please"
    assert f"Closes #{talk.number}." in project.issues[2]["body"]
    assert project.issues[talk.number]["state"] == "closed"
    assert "Co-authored-by: ann" in project.git("log", "-1", "--format=%B", "main")
    said = [c["body"] for c in talk.ann.comments(talk.number)]
    marks = [body.rsplit("<!--", 1)[-1] for body in said if "<!-- codebutler:" in body]
    assert len(marks) == len(set(marks))
    phases = ("**planning**", "**coding**", "**review**", "**closed**")
    assert sum(body.startswith(phases) for body in said) == 1
    assert set(project.heads()) == {"main"}
    assert stage.server.failures == []


REPLANNED = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", \
steps = [{ text = "Write NOTE" }], files = ["NOTE"] } }]
[[scripts.steps]]
expect = ["And sign it", "1. Write NOTE politely"]
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", \
steps = [{ text = "Write NOTE politely" }, { text = "Sign it" }], files = ["NOTE"] } }]
"""


@pytest.mark.parametrize("stage", [REPLANNED], indirect=True)
async def test_what_people_wrote_into_the_plans_file_is_not_lost_by_words_after_it(
    stage: Stage, project: Project
) -> None:
    talk = Talk(project)
    async with stage.serving():
        talk.number = talk.ann.opens("Add a note!")
        talk.ann.says(talk.number, "@bot plan")
        path = ".codebutler/plans/issue-1-add-a-note.md"
        await until(lambda: talk.said(f"/blob/codebutler/plan-1/{path}"))
        text = project.git("show", f"codebutler/plan-1:{path}")
        project.write("codebutler/plan-1", path, text.replace("Write NOTE", "Write NOTE politely"), who="bob")
        edit = project.heads()["codebutler/plan-1"]
        talk.ann.says(talk.number, "@bot And sign it, please")
        await until(lambda: talk.said("2. Sign it"))
    assert talk.said(f"this plan takes [that version]({project.web}/blob/{edit}/{path})'s place")
    assert "2. Sign it" in project.git("show", f"codebutler/plan-1:{path}")
    assert stage.server.failures == []


def _steps(talk: Talk, project: Project) -> list[tuple[Callable[[], object], str]]:
    """What Ann waits for, and what she says then."""

    def ready() -> bool:
        return 2 in project.pulls and not project.pulls[2]["draft"] and talk.said("`@bot merge`")

    def over() -> bool:
        return bool(project.pulls[2]["merged_at"]) and talk.said("## Usage")

    return [
        (lambda: talk.said("/blob/codebutler/plan-1/"), "@bot implement"),
        (ready, "@bot merge"),
        (over, ""),
    ]


@pytest.mark.parametrize("stage", [EDITED.replace(" politely", "")], indirect=True)
@pytest.mark.parametrize("crash", ["before:45", "before:9", "after:25", "after:60"])
async def test_killed_it_goes_on_and_says_nothing_twice(
    stage: Stage, project: Project, *, crash: str, full: bool
) -> None:
    if not full:
        pytest.skip("the kill in test_github_following_loop.py is the sample; cmd/test --full has these")
    talk = Talk(project)
    talk.number = talk.ann.opens("Add a note!")
    talk.ann.says(talk.number, "@bot plan")
    left = _steps(talk, project)
    for env in ({"CODEBUTLER_CRASH_AT": crash}, {}):
        async with stage.serving(**env) as process:
            while left and process.returncode is None:
                await until(lambda: left[0][0]() or process.returncode is not None)
                if left[0][0]():
                    words = left.pop(0)[1]
                    if words:
                        talk.ann.says(talk.number, words)
        assert process.returncode == (-signal.SIGKILL if env else 0)
    assert project.git("show", "main:NOTE") == "please"
    assert list(project.pulls) == [2]
    said = [c["body"] for c in talk.ann.comments(talk.number) if "<!-- codebutler:" in c["body"]]
    assert len(said) == len({body.rsplit("<!--", 1)[-1] for body in said})
