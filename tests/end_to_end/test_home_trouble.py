"""A home that cannot be used, a folder that cannot be made, a file that is no scenario: one line each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codebutler.testing.stage import Stage

STRANGER = 54321
"""A user id that no passwd file has."""


def one_line(said: str) -> str:
    assert len(said.strip().splitlines()) == 1, said
    assert ".." not in said
    return said


@pytest.mark.parametrize(
    ("home", "words"), [("/proc/nope", "cannot be made"), ("/etc/passwd", "is not a folder")]
)
async def test_a_home_that_cannot_be_made(stage: Stage, home: str, words: str) -> None:
    done = await stage.cli("run", "x", "--home", home)
    assert done.code == 2
    assert words in one_line(done.stderr)
    assert "CODEBUTLER_HOME" in done.stderr
    assert not (stage.sample.repo / ".codebutler").exists()


CODE = f"""
import os, rich.console
import codebutler.cli.doctor, codebutler.cli.run
from codebutler.cli.main import main
os.setgroups([]); os.setgid({STRANGER}); os.setuid({STRANGER})
raise SystemExit(main())
"""
"""The program of a user who is not us. It may lie where only root can read: hence what it imports first."""


def as_stranger(words: list[str], where: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", CODE, *words]
    return subprocess.run(
        command, cwd=where, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def theirs(stage: Stage) -> Path:
    """The sample repo, belonging to the stranger."""
    for folder, _, files in os.walk(stage.sample.repo):
        os.chown(folder, STRANGER, STRANGER)
        for file in files:
            os.chown(Path(folder) / file, STRANGER, STRANGER)
    return stage.sample.repo


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize(
    ("home", "words"),
    [({"HOME": "/nonexistent"}, "/nonexistent/.codebutler cannot be made"), ({}, "HOME is not set")],
)
def test_a_user_without_a_home(stage: Stage, theirs: Path, home: dict[str, str], words: str) -> None:
    env = {"PATH": os.environ["PATH"], "OPENAI_BASE_URL": stage.server.url, **home}
    done = as_stranger(["run", "x"], theirs, env)
    assert done.returncode == 2
    assert words in one_line(done.stderr)
    assert "CODEBUTLER_HOME" in done.stderr


async def test_the_doctor_sees_a_home_that_is_no_folder(stage: Stage) -> None:
    done = await stage.cli("doctor", "--offline", "--json", "--home", "/etc/passwd")
    assert done.code == 1
    found = [c for c in done.lines[0]["checks"] if c["state"] == "problem"]
    assert {c["area"] for c in found} == {"home"}
    assert "is not a folder" in found[0]["text"]
    assert "CODEBUTLER_HOME" in found[0]["fix"]


def test_the_doctor_sees_a_home_on_a_read_only_disk(tmp_path: Path) -> None:
    look = f"from codebutler.service.doctor_host import *; print(folder(Path({str(tmp_path / 'home')!r})))"
    mounted = f"mount -t tmpfs -o ro none '{tmp_path}' && exec \"$@\""
    command = ["unshare", "-rm", "sh", "-c", mounted, "sh", sys.executable, "-P", "-c", look]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert f"{tmp_path} cannot be written: its disk is read-only" in done.stdout, done.stderr


@pytest.mark.parametrize("folder", ["/proc/x", "/etc/passwd", "/etc/passwd/x"])
async def test_a_demo_that_has_no_place(stage: Stage, folder: str) -> None:
    done = await stage.cli("demo", "--folder", folder, "--yes")
    assert done.code == 2
    assert f"cannot be made in {folder}" in one_line(done.stderr)


async def test_a_file_that_is_no_scenario(stage: Stage) -> None:
    done = await stage.cli("scripted", "README.md", "--check")
    assert done.code == 2
    assert "README.md is no scenario" in one_line(done.stderr)
