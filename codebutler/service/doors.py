"""The doors that a daemon serves, by what is configured. Whoever runs the engine knows no door by name."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from codebutler.config import Config
from codebutler.service.bridging import Bridge
from codebutler.service.github_side import GitHubSide
from codebutler.store.store import Store
from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.surfaces.slack.door import Slack
from codebutler.surfaces.slack.link import Link
from codebutler.surfaces.slack.opening import Opening
from codebutler.thread.engine import Engine
from codebutler.thread.thread import Listener
from codebutler.types import Surface

CATCH_UP = 10.0
"""Seconds that threads wait at the start for what Slack has to tell."""


def slack_link(config: Config) -> Link | None:
    """The connection to Slack, if its tokens are there. One serves all repos of a process."""
    slack = config.slack
    whole = slack.bot_token and (slack.app_token or (slack.listen and slack.signing_secret))
    return Link(slack) if whole else None


class Doors:
    """One repo's doors."""

    def __init__(
        self, config: Config, store: Store, link: Link | None, *, rank: int = 0,
        github: GitHubSide | None = None,
    ) -> None:  # fmt: skip
        """A door joins its connection here. ``rank`` 0 gets what is for no repo in particular."""
        self._link = link
        self._github = github
        self._slack = Slack(link, config.slack, store) if link is not None else None
        if self._slack is not None:
            self._slack.hearing.rank = rank
            self._slack.hearing.access = config.access
        self._store = store
        chats = (
            [Opening(link, config.slack.channel_id)] if link is not None and config.slack.channel_id else []
        )
        self._bridge = Bridge(store, github, chats) if github is not None else None
        self._where: dict[str, list[str]] = {}
        """The Slack conversations of threads that write at present."""

    @property
    def surfaces(self) -> Sequence[Surface]:
        """For the engine."""
        github = self._github.door if self._github is not None else None
        return [door for door in (self._slack, github) if door is not None]

    def attach(self, engine: Engine) -> None:
        """What comes in goes to ``engine``."""
        if self._slack is not None:
            chat = self._bridge.from_chat(engine.receive) if self._bridge is not None else engine.receive
            self._slack.hearing.receive = chat
        if self._github is not None and self._bridge is not None:
            self._github.attach(self._bridge.from_github(engine.receive))

    async def listen(self) -> None:
        """Hear what doors without a connection of their own bring, until cancelled."""
        if self._github is not None and self._bridge is not None:
            await self._bridge.resume()
            await self._github.run()

    def leave(self) -> None:
        """Nothing more comes in."""
        if self._link is not None and self._slack is not None:
            self._link.leave(self._slack.hearing)

    async def caught_up(self) -> None:
        """What was changed or taken back while nobody listened is heard before anybody goes on."""
        if self._link is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CATCH_UP):
                    await self._link.caught_up.wait()

    def rested(self, thread: str) -> None:
        """A thread has nothing more to do for now."""
        self._where.pop(thread, None)
        if self._slack is not None:
            self._slack.rested(thread)

    @property
    def listener(self) -> Listener | None:
        """Who shows what roles are writing; None when no door does."""
        return self._listen if self._slack is not None else None

    async def _listen(self, thread: str, role: str, delta: str) -> None:
        if self._slack is None:
            return
        if not delta or thread not in self._where:
            bound = await self._store.bindings(thread)
            self._where[thread] = [there for surface, there in bound if surface == self._slack.name]
        for conversation in self._where[thread]:
            await self._slack.stream(conversation, role, delta)


async def keep_connected(link: Link) -> None:
    """Hear what comes, and what came while nobody listened, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())
        group.create_task(CatchUp(link).run())
