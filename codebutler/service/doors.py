"""The doors that a daemon serves, by what is configured. Whoever runs the engine knows no door by name.

A door's modules are loaded when it is configured: without any, that is 80 of them less at the start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from codebutler.config import Config
from codebutler.service.unsettled import Unsettled
from codebutler.store.store import Store
from codebutler.thread.engine import Engine
from codebutler.thread.shelving import make_room
from codebutler.thread.thread import Listener
from codebutler.types import Surface

if TYPE_CHECKING:
    from codebutler.service.bridging import Chat
    from codebutler.service.github_side import GitHubSide
    from codebutler.surfaces.discord.door import Discord
    from codebutler.surfaces.discord.link import Link as DiscordLink
    from codebutler.surfaces.slack.door import Slack
    from codebutler.surfaces.slack.link import Link as SlackLink

CATCH_UP = 10.0
"""Seconds that threads wait at the start for what the platforms have to tell."""


class Links(Struct, frozen=True):
    """The connections to platforms; each serves all repos of a process."""

    slack: SlackLink | None = None
    discord: DiscordLink | None = None

    async def run(self) -> None:
        """Hear what comes, and what came while nobody listened, until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self.slack is not None:
                from codebutler.surfaces.slack.catchup import CatchUp as SlackCatchUp

                group.create_task(self.slack.run())
                group.create_task(SlackCatchUp(self.slack).run())
            if self.discord is not None:
                from codebutler.surfaces.discord.catchup import CatchUp as DiscordCatchUp

                group.create_task(self.discord.run())
                group.create_task(DiscordCatchUp(self.discord).run())

    async def caught_up(self) -> None:
        """What was said before the connections is heard."""
        for link in (self.slack, self.discord):
            if link is not None:
                await link.caught_up.wait()

    async def close(self) -> None:
        """Let go of everything."""
        for link in (self.slack, self.discord):
            if link is not None:
                await link.close()


def open_links(config: Config) -> Links:
    """The connections whose tokens are there. ConfigError when one cannot tell whose requests come."""
    links = Links()
    if config.slack.bot_token and (config.slack.app_token or config.slack.listen):
        from codebutler.surfaces.slack.link import Link as SlackLink

        links = replace(links, slack=SlackLink(config.slack))
    if config.discord.token:
        from codebutler.surfaces.discord.link import Link as DiscordLink

        links = replace(links, discord=DiscordLink(config.discord))
    return links


class Doors:
    """One repo's doors."""

    def __init__(
        self, config: Config, store: Store, links: Links, *, rank: int = 0, github: GitHubSide | None = None
    ) -> None:
        """Each door joins its connection here. ``rank`` 0 gets what is for no repo in particular."""
        self._links = links
        self._slack: Slack | None = None
        self._discord: Discord | None = None
        if links.slack is not None:
            from codebutler.surfaces.slack.door import Slack

            self._slack = Slack(links.slack, config.slack, store)
        if links.discord is not None:
            from codebutler.surfaces.discord.door import Discord

            self._discord = Discord(links.discord, config.discord, store)
        self._chats: Sequence[Slack | Discord] = [d for d in (self._slack, self._discord) if d is not None]
        for door in self._chats:
            door.hearing.rank = rank
            door.hearing.access = config.access
            door.hearing.foreign = config.serve.channels.keys() - door.hearing.channels
        self._github = github
        self._store = store
        self._bridge: Bridge | None = None
        if github is not None:
            from codebutler.service.bridging import Bridge

            self._bridge = Bridge(store, github, self._openings(config))
        self._where: dict[str, list[tuple[Slack | Discord, str]]] = {}
        """The conversations of threads that write at present."""

    def _openings(self, config: Config) -> list[Chat]:
        """Where threads that began elsewhere are shown."""
        found: list[Chat] = []
        if self._links.slack is not None and config.slack.channel_id:
            from codebutler.surfaces.slack.opening import Opening

            found.append(Opening(self._links.slack, config.slack.channel_id))
        if self._links.discord is not None and config.discord.channel_id:
            from codebutler.surfaces.discord.partner import Partner

            found.append(Partner(self._links.discord, config.discord.channel_id))
        return found

    @property
    def surfaces(self) -> Sequence[Surface]:
        """For the engine."""
        return [*self._chats, *([self._github.door] if self._github is not None else [])]

    def attach(self, engine: Engine) -> None:
        """What comes in goes to ``engine``."""
        for door in self._chats:
            bridged = self._bridge.from_chat(engine.receive) if self._bridge is not None else engine.receive
            door.hearing.receive = bridged
            door.hearing.unsettled = Unsettled(engine.host.repo)
        if self._discord is not None:
            from codebutler.surfaces.discord.office import Office

            host = engine.host
            make = partial(make_room, host)
            self._discord.hearing.office = Office(host.config, host.houses, host.router, make)
        if self._github is not None and self._bridge is not None:
            self._github.attach(self._bridge.from_github(engine.receive), engine.kick)
            engine.host.objection = self._github.objection
            engine.host.review = self._github.hearing.review

    async def listen(self) -> None:
        """Hear what doors without a connection of their own bring, until cancelled."""
        if self._github is not None and self._bridge is not None:
            await self._bridge.resume()
            await self._github.run()

    def leave(self) -> None:
        """Nothing more comes in."""
        if self._links.slack is not None and self._slack is not None:
            self._links.slack.leave(self._slack.hearing)
        if self._links.discord is not None and self._discord is not None:
            self._links.discord.leave(self._discord.hearing)

    async def caught_up(self) -> None:
        """What was changed or taken back while nobody listened is heard before anybody goes on."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP):
                await self._links.caught_up()

    def rested(self, thread: str) -> None:
        """A thread has nothing more to do for now."""
        self._where.pop(thread, None)
        for door in self._chats:
            door.rested(thread)

    @property
    def listener(self) -> Listener | None:
        """Who shows what roles are writing; None when no door does."""
        return self._listen if self._chats else None

    async def _listen(self, thread: str, role: str, delta: str) -> None:
        if not delta or thread not in self._where:
            doors = {door.name: door for door in self._chats}
            bound = await self._store.bindings(thread)
            self._where[thread] = [(doors[name], there) for name, there in bound if name in doors]
        for door, conversation in self._where[thread]:
            await door.stream(conversation, role, delta)
