"""Serving repos: each with a lock, a store and an engine of its own, all with one connection to Slack.

What breaks in one repo is told and tried again, and touches no other. With a single repo there is nobody to
spare: its error ends the process, and whoever supervises that starts it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codebutler import logs
from codebutler.commands.builtin import REGISTRY
from codebutler.config import Config
from codebutler.errors import CodeButlerError, ConfigError, StoreGone, UsageError
from codebutler.models import client
from codebutler.service.app import Place, find_place, open_host
from codebutler.service.applock import connection_to, slack_app
from codebutler.service.claims import Claims
from codebutler.service.doors import Doors, Links, open_links
from codebutler.service.github_side import github_side, github_webhooks
from codebutler.service.keeping import lost_notice, name_of
from codebutler.service.narrate import narrator
from codebutler.service.owner import Owner, ask_for_way, holder
from codebutler.settings.slack import lacking
from codebutler.shortage import shortage
from codebutler.thread.engine import Engine
from codebutler.thread.host import Host

if TYPE_CHECKING:
    from codebutler.surfaces.github.webhooks import Webhooks

log = logging.getLogger("codebutler.serve")
POLL = 0.2
"""Seconds between looks whether the repo is free."""
PAUSES = (2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds before a repo that broke is tried again, the first time, the second time …"""
SLACK_OFF = "Slack is off: {0} is not set."
NO_CHANNEL = (
    "no {0} channel is this repo's own ({1}.channelID in its committed config.json, or serve.channels):"
    " only mentions and direct messages open threads"
)
Say = Callable[[str], None]


class Crew:
    """Serves ``repos`` until ``told``. ``say`` tells a person at the terminal."""

    def __init__(
        self, repos: Sequence[Path], config: Config, told: asyncio.Event, say: Say,
        *, log_json: bool | None = None, pauses: Sequence[float] = PAUSES,
    ) -> None:  # fmt: skip
        """``config`` is the host's own; each repo's is laid over it."""
        self._repos = repos
        self._config = config
        self._told = told
        self._say = say
        self._flags = {"serve.logJson": log_json}
        self._pauses = pauses
        self._claims = Claims(config)
        self._links = Links()
        self._webhooks: Webhooks | None = None
        self._tried = [asyncio.Event() for _ in repos]
        self._stop = asyncio.Event()
        """Told to stop, and nothing comes in any more."""

    async def run(self) -> None:
        """Until told to stop. Raises what ended the only repo, or the doors."""
        with connection_to(slack_app(self._config), self._config):
            self._links = open_links(self._config)
            self._webhooks = github_webhooks(self._config)
            if self._links.slack is None and (lacks := lacking(self._config.slack)):
                logs.say("WRN", SLACK_OFF.format(lacks))
            ended = await self._all()
        for error in ended:
            if isinstance(error, Exception):
                raise _why(error)

    async def _all(self) -> Sequence[BaseException | None]:
        """Everything until the end, and what each part ended by: the connection first, then the repos."""
        alone = len(self._repos) == 1
        serving = [
            asyncio.create_task(self._serve(rank) if alone else self._again_and_again(rank))
            for rank in range(len(self._repos))
        ]
        connecting = asyncio.create_task(self._connect())
        telling = asyncio.create_task(self._told.wait())
        try:
            await asyncio.wait({*serving, connecting, telling}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            telling.cancel()
            connecting.cancel()
            ends = list(await asyncio.gather(connecting, return_exceptions=True))
            self._stop.set()
            ends += await asyncio.gather(*serving, return_exceptions=True)
            await asyncio.gather(telling, return_exceptions=True)
            await self._links.close()
        return [end if isinstance(end, BaseException) else None for end in ends]

    async def settled(self) -> None:
        """Every repo has had its first try."""
        for tried in self._tried:
            await tried.wait()

    async def _connect(self) -> None:
        """The connection that all doors share, once every repo has had its first try."""
        await self.settled()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stop.wait())
            group.create_task(self._links.run())
            if self._webhooks is not None:
                group.create_task(self._webhooks.run())

    async def _again_and_again(self, rank: int) -> None:
        """One of several: whatever ends it but the word to stop, it is tried again."""
        failures = 0
        while not self._stop.is_set():
            try:
                await self._serve(rank)
            except CodeButlerError as error:
                log.error("%s is not served: %s", self._repos[rank], error)  # noqa: TRY400 - it says all
            except Exception:  # a fault of ours in one repo must neither touch another nor stay silent
                log.exception("%s is not served", self._repos[rank])
            self._tried[rank].set()
            if self._stop.is_set():
                return
            pause = self._pauses[min(failures, len(self._pauses) - 1)]
            failures += 1
            try:
                async with asyncio.timeout(pause):
                    await self._stop.wait()
            except TimeoutError:
                continue

    async def _serve(self, rank: int) -> None:
        """One repo, from its lock to its end."""
        place = await find_place(self._repos[rank], home=self._config.home, flags=self._flags)
        logs.REPO.set(name_of(place.repo))
        place = self._claims.settle(place, alone=len(self._repos) == 1)
        slack = place.config.slack
        if self._links.slack is not None and not (slack.channel_id or slack.channels or slack.channel_name):
            logs.say("WRN", NO_CHANNEL.format("Slack", "slack"))
        discord = place.config.discord
        if self._links.discord is not None and not (discord.channel_id or discord.channels):
            logs.say("WRN", NO_CHANNEL.format("Discord", "discord"))
        owner = await self._take(place, rank)
        if owner is None:
            return
        try:
            host = await open_host(place)
        except BaseException:
            await owner.release()
            raise
        host.store.witness = narrator(host.log)
        notice = lost_notice(place.repo, place.home, present=await host.store.identity())
        if notice:
            logs.say("WRN", notice)
        await self._work(place, owner, host, rank)

    async def _work(self, place: Place, owner: Owner, host: Host, rank: int) -> None:
        """Turns, until told to stop or until the engine ends by itself; then all is put away."""
        github = await github_side(place, host.store, self._webhooks)
        doors = Doors(place.config, host.store, self._links, rank=rank, github=github)
        engine = Engine(host, REGISTRY, doors.surfaces, doors.listener, rested=doors.rested)
        doors.attach(engine)
        ahead = asyncio.create_task(_load_ahead(host))
        running = asyncio.create_task(_run(engine, doors))
        hearing = asyncio.create_task(doors.listen())
        stopping = asyncio.create_task(self._stop.wait())
        losing = asyncio.create_task(owner.lost())
        try:
            await owner.listen(engine.kick, away=host.breaker.away)
            self._say(f"codebutler serves {place.repo.root}; Ctrl-C stops it.")
            self._tried[rank].set()
            await asyncio.wait({running, stopping, losing}, return_when=asyncio.FIRST_COMPLETED)
            if losing.done():
                raise CodeButlerError(
                    f"the lock of {place.repo.root} was deleted: another process may run its threads by now",
                    fix="Let one serve it, and leave .codebutler/lock alone.",
                )
        finally:
            doors.leave()
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            try:
                await engine.close(patience=place.config.threads.stop_seconds)
            finally:
                for task in (running, stopping, losing):
                    task.cancel()
                ended = await asyncio.gather(running, stopping, losing, ahead, return_exceptions=True)
                await owner.release()
                await host.close()
        if isinstance(ended[0], Exception):
            raise _why(ended[0])

    async def _take(self, place: Place, rank: int) -> Owner | None:
        """The repo's lock, for which a ``chat`` or ``run`` is asked to give way; None when told to stop."""
        asked = False
        while (owner := Owner.take(place.repo, place.home, serves=True)) is None and not self._stop.is_set():
            pid, serves = holder(place.repo)
            if serves:
                raise UsageError(
                    f"another process ({pid}) serves {place.repo.root}",
                    fix="Stop it first, or talk to it: codebutler chat.",
                )
            if not asked:
                who = f"process {pid}" if pid else "another process"
                self._say(f"{who} runs the threads of {place.repo.root}; waiting until its step is done.")
            asked = True
            if len(self._repos) > 1:
                self._tried[rank].set()  # the others need not wait for this one
            await ask_for_way(place.repo.root, place.home)
            await asyncio.sleep(POLL)
        return owner


async def _run(engine: Engine, doors: Doors) -> None:
    await doors.caught_up()
    await engine.run()


async def _load_ahead(host: Host) -> None:
    """What asks a model takes long to load: begin while git and the disk are waited for. Only when due."""
    if await host.store.ready_threads():
        await client.load()


def _why(error: BaseException) -> Exception:
    """What went wrong, out of the group in which tasks hand it on, for people."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, (StoreGone, ConfigError, UsageError)):
        return error
    wrapped = CodeButlerError(f"serving ended by itself: {shortage(error) or error}")
    wrapped.__cause__ = error
    return wrapped
