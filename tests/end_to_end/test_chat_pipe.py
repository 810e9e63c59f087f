"""``chat`` with a pipe for standard input: a script waits its turns, words that come meanwhile do not."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import Process

import pytest

from codebutler import events as ev
from codebutler.cli.piping import _read, at_once, piped
from codebutler.testing.stage import Stage
from codebutler.thread.state import ThreadState
from codebutler.types import Plan, PlanStep

TALK = """
[[scripts]]
role = "pm"
[[scripts.steps]]
text = "first answer"
[[scripts.steps]]
text = "second answer"
"""
SLOW = """
[[scripts]]
role = "pm"
[[scripts.steps]]
delay = 60
text = "too late"
"""


async def shows(process: Process, words: str) -> None:
    """Read what it prints up to these words."""
    assert process.stdout is not None
    seen = ""
    async with asyncio.timeout(40):
        while words not in seen:
            line = await process.stdout.readline()
            assert line, seen
            seen += line.decode()


@pytest.mark.parametrize("stage", [TALK], indirect=True)
async def test_the_lines_of_a_script_wait_for_one_another_and_the_chat_ends_with_them(stage: Stage) -> None:
    async with stage.process("chat") as process:
        async with asyncio.timeout(60):
            out, err = await process.communicate(b"\nWhat is this?\r\n\nAnd that?")
        assert (process.returncode, err) == (0, b"")
        assert out.index(b"first answer") < out.index(b"second answer")
        assert len(stage.server.requests) == 2


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
async def test_words_that_come_while_a_model_thinks_are_obeyed(stage: Stage) -> None:
    async with stage.process("chat") as process:
        assert process.stdin is not None
        process.stdin.write(b"What is this?\n")
        async with asyncio.timeout(40):
            while not stage.server.requests:  # noqa: ASYNC110 - of the server's own list
                await asyncio.sleep(0.02)
        process.stdin.write(b"status\n")
        await shows(process, "planning")
        process.stdin.write(b"cancel\n")
        await shows(process, "Stopped by")
        process.stdin.close()
        async with asyncio.timeout(40):
            assert await process.wait() == 0


def bursts(data: bytes) -> list[list[str]]:
    """What is read of a pipe that holds these bytes and is closed."""
    reads, writes = os.pipe()
    found: list[list[str]] = []
    os.write(writes, data)
    os.close(writes)
    _read(reads, found.append)
    os.close(reads)
    return found


def test_what_is_there_together_is_read_together() -> None:
    assert bursts(b"") == [[]]
    assert bursts("one\r\n\n zwölf \n\xe9nd".encode()) == [["one", " zwölf ", "énd"], []]
    assert bursts(b"\xff\n") == [["\ufffd"], []]


PLAN = ev.PlanProposed(plan=Plan(title="t", summary="s", steps=[PlanStep(text="x")]), hash="h", base="b")


@pytest.mark.parametrize(
    ("line", "alone", "behind"),
    [
        ("cancel", True, True),
        ("/pause", True, True),
        ("rewind 2", True, True),
        ("points", True, False),
        ("/status", True, False),
        ("use tabs", True, False),
        ("go", False, False),
        ("Yes!", False, False),
        ("/merge", False, False),
    ],
)
def test_what_is_said_at_once(line: str, alone: bool, behind: bool) -> None:
    for state in (ThreadState("t1"), ThreadState("t1", plan=PLAN)):
        assert (at_once(state, line, ahead=0), at_once(state, line, ahead=1)) == (alone, behind)


class Script:
    """A thread that is at work after every line until it is let rest, and what was said to it."""

    def __init__(self) -> None:
        self.state = ThreadState("t1")
        self.bursts: asyncio.Queue[list[str]] = asyncio.Queue()
        self.resting = asyncio.Semaphore(0)
        self.said: list[str] = []
        self.told: list[str] = []

    async def rested(self) -> None:
        await self.resting.acquire()

    async def run(self) -> None:
        async for line in piped(self, self.bursts, self.told.append):
            self.said.append(line)

    async def says(self, *lines: str) -> None:
        """Wait until exactly these lines were said."""
        async with asyncio.timeout(10):
            while len(self.said) < len(lines):  # noqa: ASYNC110 - of a list
                await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert self.said == list(lines)


async def test_a_stop_takes_back_the_lines_that_waited_before_it() -> None:
    """Said after it, they would set the work going again."""
    script = Script()
    running = asyncio.create_task(script.run())
    await script.bursts.put(["go", "resume", "use tabs"])
    await script.says("go")
    await script.bursts.put(["cancel"])
    await script.says("go", "cancel")
    assert script.told == ['Not said, because "cancel" came before its turn: "resume", "use tabs".']
    await script.bursts.put(["Something else", "and more"])
    await script.says("go", "cancel")
    script.resting.release()
    await script.says("go", "cancel", "Something else")
    script.resting.release()
    await script.bursts.put([])
    await script.says("go", "cancel", "Something else", "and more")
    script.resting.release()
    await running


async def test_a_pause_of_a_script_is_heard_while_work_is_under_way() -> None:
    script = Script()
    running = asyncio.create_task(script.run())
    await script.bursts.put(["go", "pause", "resume"])
    await script.says("go", "pause")
    script.resting.release()
    await script.bursts.put([])
    await script.says("go", "pause", "resume")
    script.resting.release()
    await running
    assert script.told == []
