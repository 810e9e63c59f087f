"""Behind the reduced border nothing outlives what started it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.launch import give_to
from codebutler.sandbox.settings import SandboxSettings

REDUCED = SandboxSettings(tier="reduced")
UID = REDUCED.uid if os.geteuid() == 0 else os.geteuid()
OWN = f".{os.getpid()}"
"""A fraction of a second, by which this run's sleepers are told from those of others."""


async def test_nothing_outlives_its_call(reduced: Executor) -> None:
    """Whatever it does to its session, parent or signals; also a chain in which each starts the next."""
    chain = reduced.worktree / "chain.sh"
    chain.write_text("trap '' TERM HUP\nsetsid bash chain.sh \"$1\" > /dev/null 2>&1 &\n")
    for start in (f"(setsid sleep 977{OWN} &) &", f"setsid bash chain.sh 977{OWN} > /dev/null 2>&1 &"):
        await reduced.call("bash", {"command": f"{start} sleep 0.2"})
        assert _running("977") == []


async def test_a_job_outlives_its_call_and_nothing_else_does(reduced: Executor) -> None:
    job = await reduced.call(
        "bash", {"command": f"sleep 978{OWN} & sleep 979{OWN}; wait", "background": True}
    )
    number = job.details["job"]
    await reduced.call("bash", {"command": f"setsid sleep 976{OWN} > /dev/null 2>&1 &"})
    assert (_running("976"), len(_running("978")), len(_running("979"))) == ([], 1, 1)
    stopped = await reduced.call("bash", {"job": number, "stop": True})
    assert "ended" in stopped.text
    assert _running("97[89]") == []


@pytest.mark.parametrize("how", ["close", "keeper", "executor"])
async def test_nothing_outlives_the_executor(reduced: Executor, how: str) -> None:
    victim = subprocess.Popen(["sleep", "60"], user=UID if os.geteuid() == 0 else None)
    call = asyncio.create_task(
        reduced.call("bash", {"command": f"(setsid sleep 975{OWN} &); sleep 974{OWN}"})
    )
    await _number("97[45]", 2)
    if how == "close":
        await reduced.close()
    elif how == "keeper":
        os.kill(reduced.pid, signal.SIGTERM)
    else:
        os.kill(_below(reduced.pid), signal.SIGKILL)
    assert not (await call).ok
    await _number("97[45]", 0)
    assert victim.poll() is None, "whatever is done to the whole border stays within it"
    victim.kill()
    victim.wait()
    if how != "close":
        assert (await reduced.call("bash", {"command": "echo back"})).text == "back"


@pytest.mark.usefixtures("reduced_host")
@pytest.mark.parametrize("who", ["daemon", "executor"])
async def test_nothing_outlives_whoever_ends_first(codebutler: list[str], open_tmp: Path, who: str) -> None:
    """Killed, while its pipes are still open. Nobody but the keeper sees that the executor has gone."""
    work = open_tmp / "work"
    work.mkdir()
    give_to(work, UID)
    command = [*codebutler, "executor", "--worktree", str(work)]
    call = (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"bash","arguments":'
        f'{{"command":"(setsid sleep 973{OWN} &); sleep 972{OWN}"}}}}}}\n'
    )
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as daemon:
        assert daemon.stdin is not None
        daemon.stdin.write(call.encode())
        daemon.stdin.flush()
        await _number("97[23]", 2)
        os.kill(daemon.pid if who == "daemon" else _below(_below(daemon.pid)), signal.SIGKILL)
        await _number("97[23]", 0)


def _below(pid: int) -> int:
    """The only child of a process."""
    return int(subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, check=True).stdout)


def _running(seconds: str) -> list[str]:
    pattern = f"^(sleep|bash chain.sh) {seconds}{OWN}$"
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, check=False)
    return found.stdout.decode().split()


async def _number(seconds: str, wanted: int) -> None:
    """Until so many of them run."""
    until = time.monotonic() + 20
    while len(_running(seconds)) != wanted and time.monotonic() < until:  # noqa: ASYNC110 - they are no tasks of ours
        await asyncio.sleep(0.05)
    assert len(_running(seconds)) == wanted
