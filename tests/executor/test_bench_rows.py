"""``codebutler bench executor``: every row is measured, on folders that are small here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codebutler import assets
from codebutler.bench.clock import Rounds
from codebutler.bench.executor import SIZES, measure
from codebutler.bench.rows import Row, table
from codebutler.bench.searches import ARGUMENTS
from codebutler.sandbox.settings import SandboxSettings


async def test_every_row_is_measured() -> None:
    said: list[str] = []
    rows = await measure(Rounds(1, said.append), SandboxSettings(), sizes=(60,))
    titles = [row.title for row in rows if row.title != "its share (Pss)"]  # root alone can see that one
    assert titles == [
        "executor start",
        "read, 100 lines",
        "read, 400 lines",
        "edit, 400 lines",
        "bash true",
        "resident, idle thread",
        "100 MB of output: growth of executor, daemon and kept file",
        "worktree of 60 files, ready",
        "grep, 60 files",
        "grep, 60 files, a match in each",
    ]
    assert all(row.value > 0 for row in rows)
    assert {"bash true", "a repo of 60 files is made"} <= set(said)
    assert SIZES == (2_000, 50_000)


def test_a_row_keeps_its_target_or_says_that_it_does_not() -> None:
    kept = Row("a", 2.6, "ms", 1.3, "ratio", floor=2.0, beside="ripgrep")
    missed = Row("b", 2.7, "ms", 1.3, "ratio", floor=2.0)
    plain = Row("c", 1234.5, "MB", 1000)
    assert [kept.met, missed.met, plain.met] == [True, False, False]
    lines = table([kept, missed, plain]).splitlines()
    assert lines[2] == "| a | 2.60 ms | 2.00 ms (ripgrep) | 1.30x | ≤ 1.3x | ok |"
    assert lines[4] == "| c | 1,234 MB |  |  | ≤ 1000 MB | missed |"
    assert missed.json()["ratio"] == 1.35
    assert not missed.json()["met"]


def test_ripgrep_alone_gets_the_tools_own_arguments() -> None:
    source = assets.text("tools", "searching.py")
    assert [each for each in ARGUMENTS if each != "--context=0" and f'"{each}"' not in source] == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["turns", "--bench", "/nowhere"], "no benchmark at /nowhere"),
        (["executor", "--rounds", "0"], "--rounds"),
    ],
)
def test_what_cannot_be_measured_is_said_first(
    codebutler: list[str], tmp_path: Path, words: list[str], complaint: str
) -> None:
    done = subprocess.run(
        [*codebutler, "bench", *words], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert complaint in done.stderr
