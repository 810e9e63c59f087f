"""grep beside ripgrep itself, with the arguments that the tool gives it, in the same folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from codebutler.bench.calls import called
from codebutler.bench.clock import Rounds, alternate
from codebutler.bench.rows import Row
from codebutler.bench.samples import EVERYWHERE, RARE
from codebutler.sandbox import host
from codebutler.sandbox.executor import Executor

ARGUMENTS = (
    "--no-config", "--hidden", "--no-require-git", "--no-ignore-global", "--glob=!.git", "--color=never",
    "--line-number", "--column", "--heading", "--with-filename", "--null", "--max-columns=10000",
    "--max-columns-preview", "--context=0",
)  # fmt: skip
"""What the tool gives ripgrep for a plain search; a test compares."""


async def rows(executor: Executor, folder: Path, files: int, rounds: Rounds) -> list[Row]:
    """A search that finds little, and one that finds a line in each file, of which 250 are shown."""
    return [
        await _row(executor, folder, rounds, RARE, f"grep, {files:,} files"),
        await _row(executor, folder, rounds, EVERYWHERE, f"grep, {files:,} files, a match in each"),
    ]


async def _row(executor: Executor, folder: Path, rounds: Rounds, pattern: str, title: str) -> Row:
    rounds.said(title)
    command = [str(host.ripgrep()), *ARGUMENTS, f"--regexp={pattern}", "--", "."]

    async def ours() -> None:
        await called(executor, "grep", {"pattern": pattern})

    def floor() -> None:
        subprocess.run(command, cwd=folder, capture_output=True, check=True, env={})

    value, least = await alternate(rounds.of(11), ours, floor)
    return Row(title, value, "ms", 1.3, "ratio", floor=least, beside="ripgrep")
