"""bash over several calls: a directory that stays, jobs in the background, output while it comes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.types import ToolResult


async def _bash(executor: Executor, **arguments: Any) -> ToolResult:
    return await executor.call("bash", arguments)


async def _role(executor: Executor, command: str, role: str = "coder", **more: Any) -> ToolResult:
    return await executor.call("bash", {"command": command, **more}, session=role)


async def test_a_role_stays_where_it_went(executor: Executor, folder: Path) -> None:
    (folder / "sub dir's").mkdir()
    moved = await _role(executor, 'cd "sub dir\'s"; echo x; exit 3')
    assert moved.text == "x\n[exit code 3]\n[now in sub dir's]"
    assert (await _role(executor, "pwd")).text == f"{folder}/sub dir's"
    assert (await _role(executor, "pwd", "lead")).text == str(folder)
    assert (await _bash(executor, command="pwd")).text == str(folder)
    assert (await _role(executor, "cd /tmp")).text == "[now in /tmp]"
    assert (await _role(executor, "(cd /); pwd")).text == "/tmp"
    assert (await _role(executor, "set -eux; cd ..; false")).text.endswith(
        "+ false\n[exit code 1]\n[now in /]"
    )


async def test_a_directory_that_has_gone_means_the_root(executor: Executor, folder: Path) -> None:
    await _role(executor, "mkdir gone; cd gone; rmdir ../gone")
    assert (await _role(executor, "pwd; trap 'echo bye' EXIT")).text == f"{folder}\nbye"


async def test_the_directory_outlives_the_executor(executor: Executor, folder: Path) -> None:
    await _role(executor, "mkdir sub; cd sub")
    await executor.call("bash", {"command": "kill -9 1; sleep 1"})
    assert executor._client is not None
    executor._client.kill()
    await _bash(executor, command="true")
    assert (await _role(executor, "pwd")).text == f"{folder}/sub"


@pytest.mark.parametrize(
    "trick",
    [
        "mkfifo $n",
        "ln -s /etc/passwd $n",
        "mkdir $n",
        "printf '/a\\n/b' > $n",
        "head -c 100000 /dev/zero > $n",
        "echo relative > $n",
        "echo /etc/passwd > $n",
    ],
)
async def test_a_forged_directory_does_no_harm(executor: Executor, folder: Path, trick: str) -> None:
    find = "n=$(trap -p EXIT | grep -o '/codebutler/state/cwd-[0-9a-f]*'); test -n \"$n\" && trap - EXIT"
    assert (await _role(executor, f"{find} && {trick}", timeout=5)).ok
    assert (await _role(executor, "pwd", timeout=5)).text.split("\n")[-1] == str(folder)


async def test_a_job_outlives_its_call_and_is_read_and_stopped(executor: Executor, folder: Path) -> None:
    command = "echo up; while sleep 0.05; do echo tick >> ticks; done"
    started = await _bash(executor, command=command, background=True)
    assert started.ok
    assert started.text == "up\n[job 1 runs, 0 s]"
    for _ in range(3):  # each ends with a sweep of everything else
        assert (await _bash(executor, command="sleep 300 & setsid sleep 300 & true")).ok
    assert (await _bash(executor, command="pgrep -c -f '^sleep 300'")).text.startswith("0")
    size = (folder / "ticks").stat().st_size
    await asyncio.sleep(0.5)
    assert (folder / "ticks").stat().st_size > size
    assert (await _bash(executor, job=1)).text.startswith("[job 1 runs")
    stopped = await _bash(executor, job=1, stop=True)
    assert stopped.text.startswith("[job 1 ended, exit code 137")
    size = (folder / "ticks").stat().st_size
    await asyncio.sleep(0.3)
    assert (folder / "ticks").stat().st_size == size


async def test_stopping_a_job_ends_all_that_it_started(executor: Executor) -> None:
    stubborn = "setsid setsid sh -c 'trap \"\" TERM; setsid sleep 301 & sleep 301; sleep 301'"
    tree = f"{stubborn} & (sleep 301 &) ; sleep 301"
    await _bash(executor, command=tree, background=True)
    assert (await _bash(executor, command="pgrep -c '^sleep'")).text == "4"
    await _bash(executor, job=1, stop=True)
    assert (await _bash(executor, command="pgrep -c '^sleep'")).text.startswith("0")


async def test_what_a_finished_job_leaves_is_killed(executor: Executor) -> None:
    await _bash(executor, command="setsid sleep 302 & sleep 0.1", background=True)
    ended = await _bash(executor, job=1, timeout=10)
    assert ended.text.startswith("[job 1 ended, exit code 0")
    assert (await _bash(executor, command="pgrep -c '^sleep'")).text.startswith("0")


async def test_a_job_that_cannot_start_says_so_at_once(executor: Executor) -> None:
    failed = await _bash(executor, command="no-such-program", background=True)
    assert not failed.ok
    assert "not found\n[job 1 ended, exit code 127" in failed.text


async def test_waiting_for_a_job_ends_with_it_and_others_do_not_wait(executor: Executor) -> None:
    await _bash(executor, command="sleep 1.5; seq 1 5000", background=True)
    began = time.monotonic()
    waiting = asyncio.create_task(_bash(executor, job=1, timeout=60))
    assert (await _bash(executor, command="echo next")).text == "next"
    assert not waiting.done()
    ended = await waiting
    assert time.monotonic() - began < 10
    assert "lines, " in ended.text
    whole = await executor.call("read", {"path": ended.details["full_output"], "offset": 4000, "limit": 1})
    assert whole.text.startswith("4000\t4000\n")


async def test_jobs_are_few_and_known_by_number(executor: Executor) -> None:
    assert "no job 7" in (await _bash(executor, job=7)).text
    assert "or else 'job'" in (await _bash(executor)).text
    assert "or else 'job'" in (await _bash(executor, job=1, command="true")).text
    started = [await _bash(executor, command="sleep 60", background=True) for _ in range(9)]
    assert [each.ok for each in started] == [True] * 8 + [False]
    assert "stop one" in started[-1].text


async def test_a_jobs_endless_output_is_bounded(executor: Executor) -> None:
    await _bash(executor, command="yes | head -c 50000000; echo end", background=True)
    ended = await _bash(executor, job=1, timeout=20)
    assert ended.details["output_bytes"] > 50_000_000
    assert len(ended.text) < 26_000
    size = await _bash(executor, command=f"stat -c %s {ended.details['full_output']}")
    assert int(size.text) <= 8 * 1024 * 1024


async def test_output_is_shown_while_it_comes(executor: Executor) -> None:
    pieces: list[tuple[float, str]] = []
    began = time.monotonic()

    def note(text: str) -> None:
        pieces.append((time.monotonic() - began, text))

    command = "echo first; sleep 1; echo second; sleep 1; seq 1 100000; sleep 0.6"
    result = await executor.call("bash", {"command": command}, on_output=note)
    assert result.ok
    assert pieces[0][1] == "first\n"
    assert pieces[0][0] < 1.5
    assert "second" in "".join(text for _, text in pieces)
    assert len(pieces) < 8
    assert max(len(text) for _, text in pieces) <= 2048
    assert pieces[-1][1].endswith("\n100000\n")


async def test_a_quick_command_shows_nothing_on_the_way(executor: Executor) -> None:
    pieces: list[str] = []
    await executor.call("bash", {"command": "echo quick"}, on_output=pieces.append)
    assert pieces == []
