"""The main job with its pull request at GitHub: real git over HTTP, killed in the windows around its effects."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.testing import note
from codebutler.testing.github.faults import Fault
from codebutler.testing.github.project import Project
from codebutler.testing.github.server import GitHubTwin
from codebutler.testing.stage import Run, Stage

if TYPE_CHECKING:
    from tests.conftest import Warm


class Site:
    """The sample repo, whose remote is the twin's."""

    def __init__(self, stage: Stage, twin: GitHubTwin, project: Project) -> None:
        self.stage, self.twin, self.project = stage, twin, project

    def configure(self, **github: object) -> None:
        home = self.stage.home / "butler"
        home.mkdir(parents=True, exist_ok=True)
        section = self.twin.settings("butler", postSeconds=0, queueSeconds=5, **github)
        (home / "config.json").write_text(json.dumps({"github": section}))
        (home / "config.json").chmod(0o600)

    async def run(self, **env: str) -> Run:
        return await self.stage.cli(
            "run", self.stage.sample.task, "--yes", "--merge", "--json", "--key", "k", **env
        )


@pytest.fixture
async def site(stage: Stage, tmp_path: Path) -> AsyncIterator[Site]:
    async with GitHubTwin(tmp_path / "hub") as twin:
        project = twin.hub.project("acme/parcelrate", remote=stage.sample.remote)
        project.collaborators["butler"] = "write"
        stage.git("remote", "set-url", "origin", project.clone_url)
        found = Site(stage, twin, project)
        found.configure()
        yield found


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_the_whole_job_lands_at_github(site: Site) -> None:
    site.project.private = True
    site.project.protect("main")
    site.twin.hub.faults.next("POST */graphql", Fault("gone"))
    before = (site.stage.sample.repo / ".git" / "config").read_text()
    done = await site.run()
    assert (done.code, done.summary["phase"]) == (0, "closed"), str(
        [(x["kind"], str(x)[:600]) for x in done.lines[-8:]]
    )
    assert "#1 stays a draft: " in str(done.lines)  # and the merge makes it ready all the same
    pull = site.project.pulls[1]
    assert pull["merged_at"]
    assert done.summary["pr"] == {"number": 1, "state": "merged", "url": f"{site.project.web}/pull/1"}
    assert site.project.issues[1]["body"].count("codebutler:begin") == 1
    assert [label["name"] for label in site.project.issues[1]["labels"]] == ["codebutler"]
    assert set(site.project.heads()) == {"main"}
    log = site.project.git("log", "-1", "--format=%B", "main")
    assert log.startswith("Add a note (#1)")
    assert "Co-authored-by:" in log
    opened = next(body for m, p, body in site.twin.calls if m == "POST" and p.endswith("/pulls"))
    assert opened["draft"] is True
    assert (site.stage.sample.repo / ".git" / "config").read_text() == before
    _nowhere(site, next(iter(site.twin.hub.tokens)))


def _nowhere(site: Site, token: str) -> None:
    """The token is in no file of the repo or of the home but its configuration."""
    words = [token.encode(), base64.b64encode(f"x-access-token:{token}".encode())]
    roots = (site.stage.sample.repo, site.stage.home)
    files = [p for root in roots for p in root.rglob("*") if p.is_file() and p.name != "config.json"]
    assert [str(p) for p in files if any(word in p.read_bytes() for word in words)] == []


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
@pytest.mark.parametrize("call", ["POST */pulls", "PUT */merge"])
async def test_killed_after_an_effect_it_is_found_and_not_done_twice(
    site: Site, warm: Warm, call: str
) -> None:
    pid = site.stage.home / "pid"
    act = Fault("done_act", act=lambda: os.kill(int(pid.read_text()), signal.SIGKILL))
    site.twin.hub.faults.next(call, act)
    words = ("run", site.stage.sample.task, "--yes", "--merge", "--json", "--key", "k")
    code, _, _ = await warm.run(words, site.stage.sample.repo, site.stage.env(), pid=pid)
    assert code == -signal.SIGKILL
    done = await site.run()
    assert (done.code, done.summary["phase"]) == (0, "closed"), done.stderr
    assert [p["number"] for p in site.project.pulls.values()] == [1]
    assert site.project.git("log", "--format=%s", "main").count("(#1)") == 1
    assert set(site.project.heads()) == {"main"}
