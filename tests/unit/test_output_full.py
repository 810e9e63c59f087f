"""What the system has no more of, space or open files, is one line and not a traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codebutler.testing.stage import PROGRAM

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("words", [("--version",), ("--help",), ("config",)])
def test_output_that_cannot_be_written_is_one_line(words: tuple[str, ...], tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    env = {"HOME": str(tmp_path), "CODEBUTLER_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    with FULL.open("wb") as full:
        done = subprocess.run(
            [*PROGRAM, *words], cwd=tmp_path, env=env, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr.decode() == f"codebutler {words[0]}: standard output: No space left on device.\n"


def test_too_few_open_files_is_one_line(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    env = {"HOME": str(tmp_path), "CODEBUTLER_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    few = ["sh", "-c", 'ulimit -n 8; exec "$@"', "sh", *PROGRAM, "threads"]
    done = subprocess.run(few, cwd=tmp_path, env=env, capture_output=True, check=False)
    line = "codebutler threads: Too many open files. Raise the limit (ulimit -n 1024) and try again.\n"
    assert (done.returncode, done.stderr.decode()) == (1, line)
