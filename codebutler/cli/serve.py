"""``codebutler serve``: the daemon. Runs the repo's turns for every door until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable

from codebutler.cli.common import add_place
from codebutler.commands.builtin import REGISTRY
from codebutler.errors import CodeButlerError, UsageError
from codebutler.service.app import find_place, open_host
from codebutler.service.owner import Owner
from codebutler.thread.engine import Engine

HELP = "Run the repo's threads until stopped."


def configure(parser: argparse.ArgumentParser) -> None:
    """Where."""
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 after SIGINT or SIGTERM; a second one ends at once."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    place = await find_place(args.repo.resolve(), home=args.home)
    owner = Owner.take(place.repo, place.home)
    if owner is None:
        raise UsageError(
            f"another process serves {place.repo.root}", fix="Stop it first, or talk to it: codebutler chat."
        )
    host = await open_host(place)
    engine = Engine(host, REGISTRY, [])
    await owner.listen(engine.kick)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stopper(stop, number))
    running = asyncio.create_task(engine.run())
    print(f"codebutler serves {place.repo.root}; Ctrl-C stops it.", flush=True)
    await asyncio.wait({running, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    broken = running.exception() if running.done() and not running.cancelled() else None
    await engine.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await owner.release()
    await host.close()
    if broken is not None:
        raise CodeButlerError(f"serving ended by itself: {broken}") from broken
    return 0


def _stopper(stop: asyncio.Event, number: int) -> Callable[[], None]:
    def handle() -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()

    return handle
