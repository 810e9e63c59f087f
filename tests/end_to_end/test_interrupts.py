"""Ctrl-C at any moment of a command: one line and exit 130, never a traceback."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codebutler.testing.stage import PROGRAM, Stage

CODE = """
import os
from codebutler.cli.main import main
os.write(1, b"@")
raise SystemExit(main())
"""
"""The console script, saying when its imports are done: what comes before is the interpreter's own start."""
DELAYS = [0.1 * step for step in range(13)]
"""Seconds from there: through all imports, into the command, past its end."""


async def interrupted(words: tuple[str, ...], delay: float, env: dict[str, str], where: Path) -> str:
    """Send SIGINT after ``delay``; what is wrong with how the program ended, or ""."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", CODE, *words, cwd=where, env=env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readexactly(1) == b"@"
    await asyncio.sleep(delay)
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), 60)
    said = err.decode()
    if process.returncode == -signal.SIGINT and "cli/main.py" not in said:
        return ""  # it had said so, and not yet called main
    lines = [x for x in said.splitlines() if not x.startswith("The thread is kept")]
    if process.returncode == 130 and lines == ["interrupted"]:
        return ""
    if "Traceback" not in said and "interrupted" not in said and process.returncode == 0:
        return ""  # it was done before
    return f"{words} after {delay:.2f} s: exit {process.returncode}: {said}"


SLOW = """
[[scripts]]
role = "pm"
[[scripts.steps]]
delay = 60
text = "too late"
"""


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
@pytest.mark.parametrize(
    "words", [("--help",), ("run", "What is this?"), ("doctor", "--offline"), ("threads",)]
)
async def test_ctrl_c_is_one_line_and_130(stage: Stage, words: tuple[str, ...], *, full: bool) -> None:
    delays = DELAYS if full else DELAYS[::2]
    wrong = [await interrupted(words, delay, stage.env(), stage.sample.repo) for delay in delays]
    assert not any(wrong), "\n".join(filter(None, wrong))


async def test_a_program_that_was_told_to_ignore_it_goes_on(stage: Stage) -> None:
    """As ``nohup`` and a shell's ``&`` start it."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "config", "--json", cwd=stage.sample.repo, env=stage.env(), stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    await asyncio.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert out.startswith(b"{")


async def test_output_that_nobody_takes_leaves_the_way_to_go_on(stage: Stage) -> None:
    """As with ``| head -1``."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "run", "What is this?", "--json", cwd=stage.sample.repo, env=stage.env(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    pipe = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined] # asyncio has no other way
    pipe.close()
    assert process.stderr is not None
    said = (await asyncio.wait_for(process.stderr.read(), 60)).decode()
    assert await process.wait() == 1
    assert said.startswith("The thread is kept; go on with: codebutler run --thread t")
    assert said.count("\n") == 1
