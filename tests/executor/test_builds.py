"""Heavy commands wait for each other: real executors of two threads, one place."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.config import load_config
from codebutler.errors import ConfigError
from codebutler.sandbox.builds import Builds, configured
from codebutler.sandbox.configured import sandbox_settings
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings
from codebutler.settings.builds import SHIPPED, Profile

DOC = Path(__file__).parents[2] / "docs" / "configuration.md"


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Executor, Executor]]:
    """The executors of two threads; ``build`` has one place for both."""
    settings = SandboxSettings(builds=Builds({"compiler": Profile(1, ("build",))}))
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "build").write_text(
            "#!/bin/sh\ntouch begun\nwhile [ ! -e go ]; do sleep 0.02; done\necho built\n"
        )
        (folder / "build").chmod(0o755)
        found.append(await Executor.start(folder, own=True, settings=settings))
    yield found[0], found[1]
    for each in found:
        await each.close()


async def _begun(executor: Executor) -> None:
    async with asyncio.timeout(20):
        while not (executor.worktree / "begun").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)


async def test_the_second_waits_says_so_and_loses_no_time(two: tuple[Executor, Executor]) -> None:
    one, other = two
    seen: list[str] = []
    first = asyncio.create_task(one.call("bash", {"command": "./build"}))
    await _begun(one)
    second = asyncio.create_task(
        other.call("bash", {"command": "cd . && ./build", "timeout": 1}, on_output=seen.append)
    )
    (other.worktree / "go").touch()
    await asyncio.sleep(1.5)  # longer than the second one's own timeout
    assert not (other.worktree / "begun").exists()
    assert seen == ["[waits for another build: compiler, 1 at once, number 1 in line]\n"]
    (one.worktree / "go").touch()
    assert (await first).text == "built"
    result = await second
    assert result.ok
    assert re.fullmatch(r"\[waited [12] s for another build\]\nbuilt", result.text)
    assert 1 < result.waited < 20


async def test_other_commands_of_both_go_on(two: tuple[Executor, Executor]) -> None:
    one, other = two
    building = asyncio.create_task(one.call("bash", {"command": "./build"}))
    await _begun(one)
    waiting = asyncio.create_task(other.call("bash", {"command": "./build"}))
    await asyncio.sleep(0.05)
    assert (await other.call("bash", {"command": "echo here"})).text == "here"
    for each in two:
        (each.worktree / "go").touch()
    assert [(await task).ok for task in (building, waiting)] == [True, True]


async def test_cancel_leaves_the_line_and_frees_the_place(two: tuple[Executor, Executor]) -> None:
    one, other = two
    building = asyncio.create_task(one.call("bash", {"command": "./build"}))
    await _begun(one)
    waiting = asyncio.create_task(other.call("bash", {"command": "./build"}))
    await asyncio.sleep(0.05)
    for task in (waiting, building):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (other.worktree / "go").touch()
    result = await asyncio.wait_for(other.call("bash", {"command": "./build"}), 20)
    assert result.text.endswith("built")


@pytest.mark.parametrize("end", ["by itself", "stopped", "with its sandbox"])
async def test_a_job_keeps_its_place_until_it_ends(two: tuple[Executor, Executor], end: str) -> None:
    one, other = two
    job = await one.call("bash", {"command": "./build", "background": True})
    assert job.details["exit_code"] is None
    (other.worktree / "go").touch()
    waiting = asyncio.create_task(other.call("bash", {"command": "./build"}))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    if end == "by itself":
        (one.worktree / "go").touch()
    elif end == "stopped":
        await one.call("bash", {"job": job.details["job"], "stop": True})
    else:
        await one.close()
    assert (await asyncio.wait_for(waiting, 20)).text.endswith("built")


async def test_a_job_that_ends_at_once_keeps_nothing(two: tuple[Executor, Executor]) -> None:
    one, other = two
    for each in two:
        (each.worktree / "go").touch()
    for _ in range(3):
        assert (await one.call("bash", {"command": "./build", "background": True})).ok
    assert (await asyncio.wait_for(other.call("bash", {"command": "./build"}), 20)).text.endswith("built")


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("cargo build --release", ["rust"]),
        ("cargo +nightly -v build", ["rust"]),
        ("cargo fmt", []),
        ("CC=gcc make -j4 all", ["native"]),
        ("cd x && FOO=1 ./gradlew -q test", ["jvm"]),
        ("timeout 60 npm --silent run build", ["web"]),
        ("npm run lint", []),
        ("npx next build", ["web"]),
        ("python3.11 -m pytest -q tests", ["tests"]),
        ("uv run pytest", ["tests"]),
        ("bash -c 'go build ./... && xcodebuild -list'", ["xcode", "go"]),
        ("if true; then make; fi", ["native"]),
        ("echo $(cargo test)", ["rust"]),
        ("grep -rn make .", []),
        ("cat Makefile", []),
        ("", []),
        ("'\"$(", []),
    ],
)
def test_what_falls_under_a_profile(command: str, names: list[str]) -> None:
    assert Builds(SHIPPED).names(command) == names


def _settings(tmp_path: Path, host: str, repo: str) -> tuple[Builds, tuple[str, ...]]:
    (tmp_path / "config.json").write_text(host)
    (tmp_path / "config.json").chmod(0o600)
    config = load_config(None, home=tmp_path, env={}, repo_text=repo)
    builds = sandbox_settings(config).builds
    assert builds is not None
    return builds, config.notes


def test_the_host_changes_and_adds_profiles_and_a_repo_only_lowers(tmp_path: Path) -> None:
    host = {"sandbox": {"builds": {"rust": {"atOnce": 8}, "sim": {"match": ["verilator"]}}}}
    repo = {"sandbox": {"builds": {"rust": {"atOnce": 4}, "xcode": {"atOnce": 3}, "sim": {"atOnce": 2}}}}
    builds, notes = _settings(tmp_path, json.dumps(host), json.dumps(repo))
    assert builds.profiles["rust"] == Profile(4, SHIPPED["rust"].match)
    assert builds.profiles["xcode"] == SHIPPED["xcode"]
    assert builds.profiles["sim"] == Profile(1, ("verilator",))
    assert [note.partition(": ")[2].partition(" =")[0] for note in notes] == [
        "sandbox.builds.xcode.atOnce",
        "sandbox.builds.sim.atOnce",
    ]


def test_what_is_the_hosts_to_say_and_what_says_nothing(tmp_path: Path) -> None:
    theirs = '{"sandbox": {"builds": {"rust": {"match": ["true"]}}}}'
    with pytest.raises(ConfigError, match="is the host's to set"):
        _settings(tmp_path, "{}", theirs)
    with pytest.raises(ConfigError, match=r"sandbox\.builds\.new matches no command"):
        _settings(tmp_path, '{"sandbox": {"builds": {"new": {"atOnce": 1}}}}', "")


def test_the_page_lists_the_shipped_profiles() -> None:
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (`.*`) \|$", DOC.read_text(), flags=re.MULTILINE)
    told = {name: Profile(int(most), tuple(re.findall("`([^`]+)`", words))) for name, most, words in rows}
    assert told == SHIPPED
    assert configured({}) == SHIPPED
