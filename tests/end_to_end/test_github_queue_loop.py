"""What the merge queue has is taken out of it by whatever is said against it at GitHub, at any moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from codebutler.testing import note
from codebutler.testing.github.faults import Fault
from codebutler.testing.github.human import Human
from codebutler.testing.github.project import Project, Rules
from codebutler.testing.github.staged import staged
from codebutler.testing.stage import Stage, until

ON = "hold on, please do not land this today"


class Scene:
    """A thread whose pull request #2 waits for "merge" before a base branch with a merge queue."""

    def __init__(self, stage: Stage, project: Project, seconds: float) -> None:
        self.project = project
        project.collaborators |= {"bob": "write", "mia": "write"}
        self.ann, self.bob, self.mia = (Human(project, name) for name in ("ann", "bob", "mia"))
        config = json.loads((stage.home / "butler" / "config.json").read_text())
        config["github"] |= {"queueSeconds": seconds}
        stage.configure(config)

    def said(self, words: str) -> bool:
        return any(words in row["body"] for row in self.project.comments.values())

    async def shipped(self) -> None:
        self.ann.says(self.ann.opens("Add a note!"), "@bot plan")
        await until(lambda: self.said("/blob/codebutler/plan-1/"))
        self.ann.says(1, "@bot implement")
        await until(lambda: self.said('Say **"merge"**'))
        self.project.rules["main"] = Rules(checks=("unit",), queue=True)

    async def queued(self) -> None:
        self.ann.says(2, "@bot merge")
        await until(lambda: self.project.queue == [2])

    def pushes(self) -> None:
        head = self.project.pulls[2]["head"]
        self.project.write(str(head["ref"]), "EXTRA", "more\n", who="mia")

    def green(self) -> None:
        self.project.look()
        self.ann.checks(self.project.pulls[2]["head"]["sha"], "unit", "success")
        self.project.look()

    async def is_left_open(self) -> None:
        """Nor does it land later, once its checks have passed."""
        assert self.project.queue == []
        self.green()
        await asyncio.sleep(1)
        assert not self.project.pulls[2]["merged_at"]

    async def lands(self) -> None:
        pull = self.project.pulls[2]
        self.ann.says(2, "@bot merge")
        await until(lambda: self.project.queue == [2] or bool(pull["merged_at"]))
        self.green()  # what came in since is a new head
        await until(lambda: bool(pull["merged_at"]) and self.said("## Usage"))


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_left_open_is_said_of_what_is_in_no_queue(stage: Stage, tmp_path: Path) -> None:
    async with staged(stage, tmp_path / "hub") as project:
        scene = Scene(stage, project, 0.5)
        async with stage.serving():
            await scene.shipped()
            await scene.queued()
            await until(lambda: scene.said("#2 is in the merge queue at place 1"))
        scene.bob.says(2, "@bot merge")
        scene.mia.says(2, ON)
        async with stage.serving():
            await until(lambda: scene.said("#2 is left open: mia has spoken here since"))
            assert scene.said("#2 is out of the merge queue again")
            await scene.is_left_open()
            await scene.lands()
    assert stage.server.failures == []


Speaks = Callable[[Scene], object]
AGAINST: dict[str, Speaks] = {
    "comment": lambda scene: scene.mia.says(2, ON),
    "asker": lambda scene: scene.ann.says(2, "Wait, I found a bug in it. Don't land it."),
    "issue": lambda scene: scene.mia.says(1, ON),
    "review": lambda scene: scene.bob.reviews(2, "REQUEST_CHANGES", "This is wrong."),
    "approval": lambda scene: scene.bob.reviews(2, "APPROVE", "LGTM, but hold off until the release is cut."),
    "push": lambda scene: scene.pushes(),
}


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
@pytest.mark.parametrize("how", sorted(AGAINST))
@pytest.mark.parametrize("seconds", [0.5, 60.0])
async def test_words_against_it_take_it_out(
    stage: Stage, tmp_path: Path, *, how: str, seconds: float, full: bool
) -> None:
    """While the call waits for the queue, and after that wait."""
    if (seconds < 1) != (how in {"approval", "comment", "push"}) and not full:
        pytest.skip("each kind of word at one of the two moments; cmd/test --full has both")
    async with staged(stage, tmp_path / "hub") as project:
        scene = Scene(stage, project, seconds)
        async with stage.serving():
            await scene.shipped()
            await scene.queued()
            if seconds < 1:
                await until(lambda: scene.said("#2 is in the merge queue at place 1"))
            await asyncio.sleep(1.1)  # times there are whole seconds
            AGAINST[how](scene)
            who = {"asker": "ann", "review": "bob", "approval": "bob"}.get(how, "mia")
            await until(lambda: scene.said("#2 is out of the merge queue again"))
            assert scene.said("somebody pushed " if how == "push" else f"{who} has spoken here since")
            await scene.is_left_open()
            await scene.lands()
    assert stage.server.failures == []


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_a_kill_while_it_is_in_the_queue_loses_no_objection(stage: Stage, tmp_path: Path) -> None:
    async with staged(stage, tmp_path / "hub") as project:
        scene = Scene(stage, project, 60)
        async with stage.serving() as serve:
            await scene.shipped()
            await scene.queued()
            serve.kill()
            await serve.wait()
        scene.mia.says(2, "stop, not yet")
        async with stage.serving():
            await until(lambda: scene.said("#2 is left open: mia has spoken here since"))
            assert scene.said("#2 is out of the merge queue again")
            await scene.is_left_open()
            await scene.lands()
    assert stage.server.failures == []


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_words_to_us_end_the_wait_for_the_queue(stage: Stage, tmp_path: Path) -> None:
    async with staged(stage, tmp_path / "hub") as project:
        scene = Scene(stage, project, 600)
        async with stage.serving():
            await scene.shipped()
            await scene.queued()
            await asyncio.sleep(1.1)
            scene.ann.says(2, "@bot status")
            await until(lambda: scene.said("PR #2 open"))
            assert project.queue == [2]  # who only looks changes nothing
            scene.ann.says(2, "@bot cancel")
            await until(lambda: scene.said("#2 is out of the merge queue again"))
            await scene.is_left_open()
    assert stage.server.failures == []


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_where_nobody_can_be_heard_for_a_while_the_queue_is_named(stage: Stage, tmp_path: Path) -> None:
    async with staged(stage, tmp_path / "hub") as project:
        scene = Scene(stage, project, 600)
        async with stage.serving():
            await scene.shipped()
            await scene.queued()
            project.hub.faults.next("GET */pulls/2/reviews", *[Fault("502")] * 40)
            await until(lambda: scene.said("#2 is in the merge queue, and what is said of it cannot be"))
            project.hub.faults.forget()
            scene.mia.says(2, ON)
            await until(lambda: scene.said("#2 is out of the merge queue again"))
            await scene.is_left_open()
