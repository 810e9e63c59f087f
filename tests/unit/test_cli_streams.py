"""Callers that close standard input, output or error, as cron and ``ssh -n`` may."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CODE = (
    "import os, sys\n"
    "from codebutler.cli.main import main\n"
    "code = main(['--version'])\n"
    "sys.stdout.flush(); sys.stderr.flush(); sys.stdin.isatty(); sys.stdin.read()\n"
    "numbers = [os.fstat(number).st_rdev for number in range(3)]\n"
    "raise SystemExit(code if os.open('mine', os.O_CREAT | os.O_WRONLY) > 2 else 9)\n"
)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault_and_no_file_gets_their_numbers(tmp_path: Path, closed: str) -> None:
    words = ["bash", "-c", f'"$0" -P -c "$1" </dev/null {closed}', sys.executable, CODE]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (done.stdout != "") is (">&-" not in closed.replace("2>&-", ""))
