"""Threads of a host whose border is not whole: they work, and each of them says so."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codebutler.sandbox.settings import BANNERS, Tier
from codebutler.testing.stage import PROGRAM, Stage

WORK = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "grep", arguments = { pattern = "def " } }]
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", steps = [{ text = "Write NOTE" }], files = ["NOTE"] } }]

[[scripts]]
role = "coder"
[[scripts.steps]]
expect = ["Add a note"]
calls = [{ name = "write", arguments = { path = "NOTE", content = "noted\\n" } }]
[[scripts.steps]]
calls = [{ name = "bash", arguments = { command = "git log --format=%h > /dev/null && python3 -c 'print(6 * 7)'" } }]
[[scripts.steps]]
expect = ["42"]
text = "Wrote NOTE."

[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [{ name = "write_summary", arguments = { title = "Add a note", summary = "A note.", changes = ["NOTE"] } }]
[[scripts.steps]]
text = "Nothing to remember."
"""


@pytest.fixture
def open_tmp() -> Iterator[Path]:
    """A room that stays open to the sandbox's user; pytest closes its own with every run of this user."""
    room = Path(tempfile.mkdtemp(prefix="codebutler-test-"))
    room.chmod(0o755)
    yield room
    shutil.rmtree(room)


@pytest.mark.parametrize("stage", [WORK], indirect=True)
@pytest.mark.parametrize("tier", ["reduced", "off"])
async def test_a_thread_says_that_its_border_is_not_whole(stage: Stage, tier: Tier) -> None:
    _configure(stage, {"sandbox": {"tier": tier}})
    done = await stage.cli("run", "Add a note", "--yes", "--merge", "--json")
    assert (done.code, done.summary["phase"]) == (0, "closed"), done.stderr
    posts = [line["post"]["text"] for line in done.lines if line["kind"] == "posted"]
    assert posts.count(BANNERS[tier]) == 1
    assert stage.git("show", "main:NOTE", where=stage.sample.remote) == "noted"
    assert stage.server.failures == []


@pytest.mark.parametrize("stage", [WORK], indirect=True)
async def test_people_who_read_along_see_it_too(stage: Stage) -> None:
    env = {**stage.env(), "CODEBUTLER_UNSAFE_NO_SANDBOX": "1"}
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "run", "Add a note", cwd=stage.sample.repo, env=env, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 3
    assert "WITHOUT a sandbox" in " ".join(out.decode().split())


@pytest.mark.parametrize("stage", [WORK], indirect=True)
async def test_a_repo_cannot_ask_for_it(stage: Stage) -> None:
    """Not by its configuration; and what a repo's environment file says is never read."""
    for name, text in ((".codebutler/config.json", '{"sandbox": {"tier": "reduced"}}'), (".env", "X=1\n")):
        (stage.sample.repo / name).parent.mkdir(exist_ok=True)
        (stage.sample.repo / name).write_text(text)
        stage.git("add", "-f", name)
    stage.git("-c", "user.name=E", "-c", "user.email=e@example.invalid", "commit", "-qm", "weaken")
    stage.git("push", "-q", "origin", "HEAD:main")
    done = await stage.cli("run", "Add a note", "--yes", "--json")
    assert done.code == 2
    assert "sandbox.tier" in done.stderr
    assert "host's to set" in done.stderr


@pytest.mark.parametrize("stage", [WORK], indirect=True)
async def test_the_doctor_names_the_tier_and_what_it_does_not_hold(stage: Stage) -> None:
    _configure(stage, {"sandbox": {"tier": "reduced"}})
    done = await stage.cli("doctor", "--offline", "--json")
    checks: list[dict[str, Any]] = [each for each in done.lines[0]["checks"] if each["area"] == "sandbox"]
    texts = {each["state"]: each["text"] for each in checks}
    assert texts["ok"].startswith("reduced, Landlock")
    assert "Not held by this tier: change the mode" in texts["ok"]
    assert texts["note"] == BANNERS["reduced"]


def _configure(stage: Stage, config: dict[str, Any]) -> None:
    home = stage.home / "butler"
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.json").write_text(json.dumps(config))
    (home / "config.json").chmod(0o600)
