"""``codebutler serve``: the daemon. Runs the repo's turns for every door until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from codebutler.cli.common import add_place, tell_of_lost
from codebutler.cli.stopping import on_stop
from codebutler.commands.builtin import REGISTRY
from codebutler.errors import CodeButlerError, ConfigError, StoreGone, UsageError
from codebutler.models import client
from codebutler.service.app import Place, find_place, open_host
from codebutler.service.doors import Doors, keep_connected, slack_link
from codebutler.service.owner import Owner, ask_for_way, holder
from codebutler.surfaces.slack.link import Link
from codebutler.thread.engine import Engine
from codebutler.thread.host import Host

HELP = "Run the repo's threads until stopped."
CATCH_UP = 10.0
"""Seconds that threads wait at the start for what Slack has to tell."""
POLL = 0.2
"""Seconds between looks whether the repo is free."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Where."""
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 after SIGINT or SIGTERM; a second one ends at once. Exit 1 when the store is lost."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    place = await find_place(args.repo.resolve(), home=args.home)
    told = asyncio.Event()
    on_stop(told.set)
    owner = await _take(place, told)
    if owner is None:
        return 0
    host = await open_host(place)
    await tell_of_lost(place, host.store)
    link = slack_link(place.config)
    doors = Doors(place.config, host.store, link)
    if link is None and place.config.slack.bot_token is not None:
        print(
            "Slack is off: slack.appToken is not set, nor slack.listen with slack.signingSecret.", flush=True
        )
    engine = Engine(host, REGISTRY, doors.surfaces, doors.listener, rested=doors.rested)
    doors.attach(engine)
    ahead = asyncio.create_task(_load_ahead(host))
    await owner.listen(engine.kick, away=host.breaker.away)
    running = asyncio.create_task(_run_engine(engine, link))
    stopping = asyncio.create_task(told.wait())
    listening = asyncio.create_task(keep_connected(link) if link is not None else told.wait())
    print(f"codebutler serves {place.repo.root}; Ctrl-C stops it.", flush=True)
    await asyncio.wait({running, stopping, listening}, return_when=asyncio.FIRST_COMPLETED)
    broken = next((t.exception() for t in (running, listening) if t.done() and not t.cancelled()), None)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await engine.close(patience=place.config.threads.stop_seconds)
    for task in (running, stopping):
        task.cancel()
    await asyncio.gather(running, stopping, ahead, return_exceptions=True)
    if link is not None:
        await link.close()
    await owner.release()
    await host.close()
    if broken is not None:
        cause = _first(broken)
        if isinstance(cause, (StoreGone, ConfigError)):
            raise cause
        raise CodeButlerError(f"serving ended by itself: {cause}") from broken
    return 0


async def _run_engine(engine: Engine, link: Link | None) -> None:
    """What was taken back or changed while nobody listened is heard before anybody goes on."""
    if link is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP):
                await link.caught_up.wait()
    await engine.run()


async def _load_ahead(host: Host) -> None:
    """What asks a model takes long to load: begin while git and the disk are waited for. Only when due."""
    if await host.store.ready_threads():
        await client.load()


async def _take(place: Place, told: asyncio.Event) -> Owner | None:
    """The repo's lock, for which a ``chat`` or ``run`` is asked to give way; None when told to stop."""
    asked = False
    while (owner := Owner.take(place.repo, place.home, serves=True)) is None and not told.is_set():
        pid, serves = holder(place.repo)
        if serves:
            raise UsageError(
                f"another process ({pid}) serves {place.repo.root}",
                fix="Stop it first, or talk to it: codebutler chat.",
            )
        if not asked:
            who = f"process {pid}" if pid else "another process"
            print(f"{who} runs the threads of {place.repo.root}; waiting until its step is done.", flush=True)
        asked = True
        await ask_for_way(place.repo.root, place.home)
        await asyncio.sleep(POLL)
    return owner


def _first(error: BaseException) -> BaseException:
    """What went wrong, out of the group in which tasks hand it on."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
