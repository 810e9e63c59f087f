"""A doctor always comes to a verdict: a part that breaks is a line, and the other parts are looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codebutler.errors import ModelRefused
from codebutler.service.doctor_check import Check, ok
from codebutler.service.doctor_tour import Tour

FINE = ok("disk", "fine")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModelRefused("no credit"), "no credit"),
        (UnicodeError(), "UnicodeError"),
        (PermissionError(13, "Permission denied", "/closed"), "/closed: Permission denied"),
        (RecursionError(), "RecursionError"),
    ],
)
async def test_a_part_that_breaks_is_a_problem_and_no_end(error: Exception, said: str) -> None:
    async def breaking() -> list[Check]:
        raise error

    async def broken() -> tuple[int, list[Check]]:
        raise error

    async def whole() -> Check:
        return FINE

    tour = Tour()
    await tour.look("models", breaking())
    assert await tour.find("roles", broken(), 7) == 7
    await tour.look("disk", whole())
    first, second, third = tour.checks
    assert (first.state, second.state, third) == ("problem", "problem", FINE)
    assert (said in first.text, bool(first.fix), tour.has_problem("disk")) == (True, True, False)


def _doctor(cwd: Path, env: dict[str, str], before: str = "") -> tuple[int, dict[str, str]]:
    """Exit code, and area → problem."""
    code = f"import os; {before}\nfrom codebutler.cli.main import main; raise SystemExit(main())"
    words = ["doctor", "--offline", "--json"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *words],
        cwd=cwd, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert {"python", "ripgrep", "disk", "sandbox"} <= {c["area"] for c in report["checks"]}
    return done.returncode, {c["area"]: c["text"] for c in report["checks"] if c["state"] == "problem"}


def test_a_machine_without_git(tmp_path: Path) -> None:
    code, found = _doctor(tmp_path, {"HOME": str(tmp_path), "PATH": "/nowhere"})
    assert (code, {"git", "repo"} <= set(found)) == (1, True)
    assert "could not be started" in found["git"] or "not found" in found["git"] or "git" in found["git"]


def test_a_home_that_nobody_knows(tmp_path: Path) -> None:
    env = {"CODEBUTLER_HOME": "~nobody-of-that-name/x", "PATH": os.environ.get("PATH", "/usr/bin:/bin")}
    code, found = _doctor(tmp_path, env)
    assert (code, "CODEBUTLER_HOME is ~nobody-of-that-name/x" in found["home"]) == (1, True)


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    env = {"HOME": str(tmp_path), "PATH": os.environ.get("PATH", "/usr/bin:/bin")}
    code, found = _doctor(gone, env, "os.rmdir(os.getcwd())")
    assert (code, "No such file or directory" in found["repo"]) == (1, True)
