"""bash: exit codes, time, output of any size, and nobody left behind."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from codebutler.sandbox.executor import Executor
from codebutler.types import ToolResult


async def _bash(executor: Executor, command: str, **more: object) -> ToolResult:
    return await executor.call("bash", {"command": command, **more})


async def test_output_and_exit_code(executor: Executor, folder: Path) -> None:
    good = await _bash(executor, "pwd; echo err >&2")
    bad = await _bash(executor, "echo no; exit 3")
    assert (good.ok, good.text) == (True, f"{folder}\nerr")
    assert (bad.ok, bad.text, bad.details["exit_code"]) == (False, "no\n[exit code 3]", 3)
    assert (await _bash(executor, "true")).text == "(no output)"
    assert "[exit code 137]" in (await _bash(executor, "kill -9 $$")).text


async def test_a_timeout_keeps_what_was_said(executor: Executor) -> None:
    began = time.monotonic()
    result = await _bash(executor, "echo begun; sleep 60", timeout=0.3)
    assert time.monotonic() - began < 5
    assert (result.ok, result.text) == (False, "begun\n[stopped: timed out after 0.3 s]")


async def test_a_timeout_that_is_no_number_is_refused(executor: Executor) -> None:
    for wrong in (float("nan"), float("inf"), -1, "soon", "NaN", "-1", True):
        assert "timeout must be" in (await _bash(executor, "sleep 5", timeout=wrong)).text


async def test_arguments_past_every_limit_are_refused(executor: Executor) -> None:
    result = await executor.call("write", {"path": "big", "content": "x" * 31 * 1024 * 1024})
    assert "too large" in result.text
    assert (await _bash(executor, "test ! -e big")).ok


async def test_survivors_are_killed(executor: Executor) -> None:
    command = "(setsid sh -c 'trap \"\" TERM HUP; sleep 300' & sleep 300 & nohup sleep 300 &) ; echo done"
    began = time.monotonic()
    assert (await _bash(executor, command)).text == "done"
    assert time.monotonic() - began < 5
    left = await _bash(executor, "ls /proc | grep -c '^[0-9]'")
    assert int(left.text) <= 4  # the executor, bash, ls and grep


async def test_long_output_keeps_both_ends_and_a_file(executor: Executor) -> None:
    result = await _bash(executor, "seq 1 100000")
    assert len(result.text) < 26_000
    assert result.text.startswith("1\n2\n")
    assert result.text.endswith("\n100000")
    assert "lines," in result.text
    where = result.details["full_output"]
    assert f"all in {where}" in result.text
    window = await executor.call("read", {"path": where, "offset": 50_000, "limit": 1})
    assert window.text.startswith("50000\t50000\n")


async def test_many_short_lines_are_capped_too(executor: Executor) -> None:
    result = await _bash(executor, "yes | head -2000")
    assert result.text.count("\n") < 700
    assert "full_output" in result.details


async def test_endless_output_is_bounded(executor: Executor) -> None:
    result = await _bash(executor, "yes | head -c 100000000; tail -1 /proc/1/status >/dev/null; echo end")
    assert result.text.endswith("end")
    assert result.details["output_bytes"] > 100_000_000
    assert len(result.text) < 26_000


async def test_commands_have_no_input(executor: Executor) -> None:
    assert (await _bash(executor, "cat; read x || echo none", timeout=5)).text == "none"


async def test_bytes_that_are_no_text_are_shown_somehow(executor: Executor) -> None:
    assert (await _bash(executor, r"printf 'a\xff\x00b'")).ok


async def test_commands_take_turns_and_searches_do_not_wait(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("needle\n")
    slow = asyncio.create_task(_bash(executor, "echo 1 >> log; sleep 1; echo 2 >> log"))
    await asyncio.sleep(0.2)
    quick = asyncio.create_task(_bash(executor, "echo 3 >> log"))
    began = time.monotonic()
    found = await executor.call("grep", {"pattern": "needle"})
    assert found.text == "a.txt:1:needle"
    assert time.monotonic() - began < 0.7
    await asyncio.gather(slow, quick)
    assert (folder / "log").read_text().split() == ["1", "2", "3"]


async def test_cancelling_kills_the_command(executor: Executor, folder: Path) -> None:
    task = asyncio.create_task(_bash(executor, "while sleep 0.05; do echo x >> ticks; done"))
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await _bash(executor, "true")).ok
    size = (folder / "ticks").stat().st_size
    await asyncio.sleep(0.3)
    assert size > 0
    assert (folder / "ticks").stat().st_size == size


async def test_the_usual_work_is_possible(executor: Executor, folder: Path) -> None:
    """Controls: a border that breaks everyday commands would be turned off."""
    (folder / "test_x.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n  def test(self): pass\n"
    )
    loopback = 'import socket as s; c = s.create_server(("", 0)); s.create_connection(c.getsockname())'
    for command in (
        "python3 -m unittest -q",
        f"python3 -c '{loopback}'",
        "python3 -c 'import multiprocessing as m; print(m.Pool(2).map(abs, [1]))'",
        "echo x > /tmp/x && echo y > ~/y && mktemp",
        "git init -q /tmp/r && cd /tmp/r && echo a > a && git add a && git commit -qm a && git stash list",
        "test -w . && test -c /dev/null && echo > /dev/null && head -c1 /dev/urandom >/dev/null",
        "chmod +x test_x.py && ln -s test_x.py l && mv l m && rm m && mkdir -p a/b && rm -r a",
        "date && id && whoami && hostname && nproc && tar czf t.tgz test_x.py && tar xzf t.tgz",
        "mkfifo f && (echo x > f &) && cat f",
        "rg --version",
    ):
        result = await _bash(executor, command)
        assert result.ok, f"{command}: {result.text}"
