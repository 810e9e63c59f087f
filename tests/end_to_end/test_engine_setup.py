"""A thread and its dependencies: set up beside planning, there for the Coder, and never in anybody's way."""

from __future__ import annotations

import asyncio
import json
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from codebutler.events import CheckpointMade, SetupFinished, SetupStarted, ToolFinished
from codebutler.testing.doubles import Asked, Mind, says
from codebutler.types import ModelReply, ToolCall

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

CANARY = "sk-canary-0123456789abcdefghij"
PLAN = {"title": "Add a note", "summary": "One line.", "steps": [{"text": "Write it"}], "files": ["NOTE"]}
LIBRARY = "mkdir -p lib/below && echo 'ANSWER = 42' > lib/answers.py && echo $RANDOM$RANDOM > lib/below/mark"


def call(name: str, /, **arguments: object) -> ToolCall:
    return ToolCall(id=f"call_{name}", name=name, arguments=json.dumps(arguments))


def team(*commands: str) -> Mind:
    """A PM that plans, a Coder that runs the commands and writes a note, a Lead that sums up."""

    async def mind(asked: Asked) -> ModelReply:
        said = len([m for m in asked.messages if m["role"] == "assistant"])
        if asked.role == "pm":
            return says("Hello.") if "hello" in asked.heard else says("", call("propose_plan", **PLAN))
        if asked.role == "coder":
            replies = [says("", call("bash", command=command)) for command in commands]
            replies += [says("", call("write", path="NOTE", content="noted\n")), says("Wrote it.")]
            return replies[said]
        return says("Done.") if said else says("", call("write_summary", title="A note", summary="A note."))

    return mind


def has(room: Room, command: str, **setup: object) -> None:
    """The repo asks for this setup, as its main branch has it."""
    folder = room.sample.repo / ".codebutler"
    folder.mkdir(exist_ok=True)
    asked = {"command": command, "keep": ["lib"], "key": ["README.md"], **setup}
    (folder / "config.json").write_text(json.dumps({"setup": asked}))
    commit(room)


def commit(room: Room) -> None:
    """All that stands in the checkout, pushed to main."""
    who = ["-c", "user.name=Robin", "-c", "user.email=robin@example.invalid"]
    add = ["add", "-f", "--", ".", ":!.codebutler/branches", ":!.codebutler/store*", ":!.codebutler/lock"]
    for words in (add, [*who, "commit", "-q", "-m", "Setup"], ["push", "-q", "origin", "HEAD:main"]):
        subprocess.run(["git", *words], cwd=room.sample.repo, check=True)


async def results(scene: Scene, thread: str) -> list[str]:
    """What the Coder's commands printed."""
    found = [e for e in await scene.events(thread) if isinstance(e, ToolFinished)]
    return [e.text for e in found if e.name == "bash"]


async def finished(scene: Scene, thread: str) -> list[SetupFinished]:
    return [e for e in await scene.events(thread) if isinstance(e, SetupFinished)]


async def test_what_was_set_up_is_there_for_the_coder_and_in_no_commit(room: Room) -> None:
    has(room, LIBRARY)
    use = "PYTHONPATH=lib python3 -c 'import answers; print(answers.ANSWER)'"
    spoil = "echo spoilt > lib/below/mark; echo new > lib/new; git status --short; cat lib/below/mark"
    async with room.engine(team("cat lib/below/mark", use, spoil)) as scene:
        first = await scene.rest(await scene.say("a", "Add a note"))
        state = await scene.talk("a", "go")
        assert state.outcome == "pr"
        mark, answer, spoilt = await results(scene, first.id)
        assert (answer, spoilt) == ("42", "spoilt")
        made = [e for e in await scene.events(first.id) if isinstance(e, CheckpointMade)]
        assert {f for e in made for f in e.files} == {"NOTE"}
        kinds = [e.kind for e in await scene.events(first.id)]
        assert kinds.index("setup_started") < kinds.index("plan_approved") < kinds.index("setup_finished")
        assert [p.cached for e in await finished(scene, first.id) for p in e.parts] == [False]
        brief = state.frames["coder-1"].messages[0]["content"]
        assert "Dependencies are installed for: setup" in str(brief)
    async with room.engine(team("cat lib/below/mark lib/new")) as scene:
        second = await scene.talk("b", "Add a note")
        await scene.talk("b", "go")
        assert (await results(scene, second.id))[0].splitlines()[0] == mark
        assert "lib/new: No such file" in (await results(scene, second.id))[0]
        assert [p.cached for e in await finished(scene, second.id) for p in e.parts] == [True]
        assert not any(isinstance(e, SetupStarted) for e in await scene.events(second.id))


async def test_a_setup_that_fails_is_told_once_and_the_work_goes_on(room: Room) -> None:
    has(room, f"echo 'no such package {CANARY} ```'; exit 3")
    async with room.engine(team("ls")) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        state = await scene.talk("a", "go")
        assert state.outcome == "pr"
        said = [text for text in await scene.posts(thread) if "not installed" in text]
        assert len(said) == 1
        assert "no such package" in said[0]
        assert "[exit code 3]" in said[0]
        assert CANARY not in said[0]
        assert said[0].count("```") == 2
        assert "could not be installed for: setup" in str(state.frames["coder-1"].messages[0]["content"])
        assert len(await finished(scene, thread)) == 1
    async with room.engine(team("ls")) as scene:  # another process, which has forgotten the failure
        await scene.talk("a", "Change it", action="")
        assert len(await finished(scene, thread)) == 1


async def test_planning_does_not_wait_and_a_cancelled_thread_stops_waiting(room: Room) -> None:
    has(room, "sleep 300")
    async with room.engine(team("ls")) as scene:
        thread = (await scene.talk("a", "hello")).id
        assert (await scene.posts(thread))[-1] == "Hello."
        await scene.talk("a", "Add a note")
        await scene.say("a", "go")
        async with asyncio.timeout(30):
            while not any("Waiting for" in text for text in await scene.posts(thread)):  # noqa: ASYNC110 - a log
                await asyncio.sleep(0.05)
        state = await scene.talk("a", "cancel")
        assert state.outcome == "cancelled"
        assert await finished(scene, thread) == []
    assert left_behind(room.sample.repo) == []


def left_behind(repo: Path) -> list[str]:
    """Half-made setups."""
    return [path.name for path in (repo / ".codebutler/branches/.deps").glob(".new-*")]


async def test_the_host_switches_it_off(room: Room) -> None:
    room.configure(sandbox={"setup": False})
    has(room, LIBRARY)
    async with room.engine(team("ls lib")) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        assert (await scene.talk("a", "go")).outcome == "pr"
        assert "cannot access 'lib'" in (await results(scene, thread))[0]
        assert await finished(scene, thread) == []


async def test_a_repo_whose_tests_need_a_package_is_tested_with_it(room: Room) -> None:
    room.configure(sandbox={"registries": ["pypi"]})
    repo = room.sample.repo
    with zipfile.ZipFile(repo / "answers-1.0-py3-none-any.whl", "w") as wheel:
        info = "answers-1.0.dist-info"
        wheel.writestr("answers.py", "ANSWER = 42\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: answers\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (repo / "requirements.txt").write_text("--no-index\n--find-links .\nanswers\n")
    (repo / "tests/test_answer.py").write_text(
        "import unittest\nimport answers\n\nclass T(unittest.TestCase):\n"
        "    def test_it(self):\n        self.assertEqual(answers.ANSWER, 42)\n"
    )
    commit(room)
    async with room.engine(team("python -m unittest tests.test_answer", "pip list", "which python")) as scene:
        state = await scene.talk("a", "Add a note")
        assert state.base is not None
        thread = state.id
        await asyncio.wait_for(scene.host.setups.begin(state.base.commit), 150)  # pip takes its time
        state = await scene.talk("a", "go")
        tested, listed, program = await results(scene, thread)
        assert tested.splitlines()[-1] == "OK"
        assert "answers" in listed
        assert program == "/codebutler/tree/.venv/bin/python"
        assert state.files == {"NOTE"}
        state = await scene.talk("a", "merge")
        assert state.removed  # what was laid over the worktree is no work that would be lost
