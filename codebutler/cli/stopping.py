"""SIGINT, SIGTERM, SIGHUP: the first one asks the command to come to an end, the second one ends it at once.

A terminal that is closed may say so twice, by SIGHUP: that alone does not count as the second one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from codebutler.cli.main import INTERRUPTED


def on_stop(stop: Callable[[], None]) -> None:
    """Call ``stop`` at the first signal. One that the program was started to ignore stays ignored."""
    loop = asyncio.get_running_loop()
    told = False

    def handle(number: signal.Signals) -> None:
        nonlocal told
        if told and number == signal.SIGHUP:
            return
        if told:
            os.write(2, b"interrupted\n")
            os._exit(INTERRUPTED)
        told = True
        stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, handle, number)


def _watch_children() -> None:
    """Let the event loop itself wait for children, as newer Pythons do, and not a thread for each of them."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        try:
            os.close(os.pidfd_open(os.getpid()))
        except OSError:  # an old kernel, or a container that forbids it
            return
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())


def run(main: Coroutine[Any, Any, int]) -> int:
    """As ``asyncio.run``; a signal cancels ``main``, and KeyboardInterrupt is raised when all is put away."""
    told = False

    async def stoppable() -> int:
        task = asyncio.ensure_future(main)

        def stop() -> None:
            nonlocal told
            told = True
            task.cancel()

        on_stop(stop)
        return await task

    _watch_children()
    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        if told:
            raise KeyboardInterrupt from None
        raise
