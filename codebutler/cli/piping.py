"""Standard input that is no terminal: lines of a script, each in its turn, and words that come while it runs.

What is there together is a script: each line waits until the thread rests from the one before, but "pause",
which only means something while work is under way. A line that comes by itself meanwhile is said at once,
unless it only fits a thread at rest, such as "go"; one that stops the work takes back the lines before it.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import CancelledError
from typing import Protocol

from codebutler.commands import words
from codebutler.commands.builtin import REGISTRY
from codebutler.events import MessageReceived
from codebutler.surfaces.terminal import NAME, os_person
from codebutler.thread.intake import LOOKS, STOPS
from codebutler.thread.points import short
from codebutler.thread.state import ThreadState

TOGETHER = 0.2
"""Seconds of silence after which what comes next is not of the same script any more."""
AHEAD = 1_000
"""Lines that are read ahead at most."""
_CHUNK = 65_536


class Talk(Protocol):
    """What a script is said to."""

    @property
    def state(self) -> ThreadState:
        """The thread's, as far as it was followed."""
        ...

    async def rested(self) -> None:
        """Wait until the thread is at rest."""
        ...


async def piped(
    session: Talk, bursts: asyncio.Queue[list[str]], tell: Callable[[str], None]
) -> AsyncGenerator[str, None]:
    """Lines of ``bursts``, each when it is to be said; ends once the thread rests from the last.

    ``tell`` hears in words of lines that will not be said.
    """
    waiting: deque[str] = deque()
    resting: asyncio.Task[None] | None = None
    coming: asyncio.Task[list[str]] | None = None
    ended = False
    try:
        while waiting or resting or not ended:
            if waiting and (resting is None or _command(session.state, waiting[0]) == "pause"):
                yield waiting.popleft()
                resting = _anew(session, resting)
                continue
            if coming is None and not ended and len(waiting) < AHEAD:
                coming = asyncio.create_task(bursts.get())
            await asyncio.wait(_open(resting, coming), return_when=asyncio.FIRST_COMPLETED)
            if resting is not None and resting.done():
                resting.result()
                resting = None
            if coming is None or not coming.done():
                continue
            lines, coming = coming.result(), None
            ended = not lines
            if (
                resting is not None
                and len(lines) == 1
                and at_once(session.state, lines[0], ahead=len(waiting))
            ):
                if waiting:
                    tell(_taken_back(lines[0], waiting))
                    waiting.clear()
                yield lines[0]
                resting = _anew(session, resting)
            else:
                waiting += lines
    finally:
        left = _open(resting, coming)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _anew(session: Talk, resting: asyncio.Task[None] | None) -> asyncio.Task[None]:
    """Wait for the rest after what was said just now: an earlier look may have been a moment before it."""
    if resting is not None:
        resting.cancel()
    return asyncio.create_task(session.rested())


def _taken_back(stop: str, lines: Iterable[str]) -> str:
    names = ", ".join(f'"{short(line)}"' for line in lines)
    return f'Not said, because "{stop.strip()}" came before its turn: {names}.'


def _command(state: ThreadState, line: str) -> str:
    """The name of the command that a line is now; "" for mere words."""
    said = MessageReceived(surface=NAME, external_id="", author=os_person(), text=line)
    command = REGISTRY.read(state, said)
    return "" if command is None else command.name


def at_once(state: ThreadState, line: str, *, ahead: int) -> bool:
    """Whether a line is for work that is under way. Only what stops it overtakes lines ``ahead`` of it."""
    command = _command(state, line)
    if command in STOPS:
        return True
    if ahead:
        return False
    return command in LOOKS if command else words.normal(line) not in words.AT_REST


def _open(*tasks: asyncio.Task[None] | asyncio.Task[list[str]] | None) -> list[asyncio.Task[object]]:
    return [task for task in tasks if task is not None]


def bursts_of(source: int) -> asyncio.Queue[list[str]]:
    """Lines of a file descriptor as they come, what comes together in one list; an empty one at the end."""
    queue: asyncio.Queue[list[str]] = asyncio.Queue(maxsize=1)
    loop = asyncio.get_running_loop()

    def put(lines: list[str]) -> None:
        putting = queue.put(lines)
        try:
            asyncio.run_coroutine_threadsafe(putting, loop).result()
        except (RuntimeError, CancelledError):  # the loop is closed: nobody listens any more
            putting.close()

    # of its own, and a daemon: a read of a silent pipe can be ended by nothing but the end of the process
    threading.Thread(target=_read, args=(source, put), name="standard input", daemon=True).start()
    return queue


def _read(source: int, put: Callable[[list[str]], None]) -> None:
    """Until the end of ``source``; what is no UTF-8 is shown as such, blank lines say nothing."""
    text, data = b"", b"-"
    while data:
        data = os.read(source, _CHUNK)
        text += data
        full = len(text) >= _CHUNK and b"\n" in text
        if data and not full and select.select([source], [], [], TOGETHER)[0]:
            continue
        whole, _, text = text.rpartition(b"\n") if data else (text, b"", b"")
        lines = (line.rstrip("\r") for line in whole.decode(errors="replace").split("\n"))
        if said := [line for line in lines if line.strip()]:
            put(said)
    put([])
