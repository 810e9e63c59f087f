"""A Slack door on a store, connected to a workspace in memory; what comes in is kept, not worked on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from codebutler.events import MessageReceived, parse
from codebutler.settings.shape import Settings
from codebutler.store.store import Store
from codebutler.surfaces.slack.door import Slack
from codebutler.surfaces.slack.link import Link
from codebutler.testing.slack.human import Human
from codebutler.testing.slack.server import SlackTwin
from codebutler.thread.deliver import Delivery
from codebutler.thread.intake import receive
from codebutler.types import Inbound


class Desk:
    """The door, its store, and a person in the workspace."""

    def __init__(self, slack: SlackTwin, store: Store, **settings: object) -> None:
        self.slack, self.store = slack, store
        config = Settings.model_validate({"slack": slack.settings(**settings)}).slack
        self.link = Link(config, ping=0.3, pauses=(0.05, 0.1))
        self.door = Slack(self.link, config, store)
        self.door.hearing.receive = self._receive
        self.human = Human(slack)
        self.delivery = Delivery(store, [self.door])
        self._running: asyncio.Task[None] | None = None
        self.received: list[Inbound] = []

    async def _receive(self, inbound: Inbound) -> str:
        self.received.append(inbound)
        return await receive(self.store, inbound)

    async def connect(self) -> None:
        self.link.hello.clear()
        self._running = asyncio.create_task(self.link.run())
        await asyncio.wait_for(self.link.hello.wait(), 60)

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self.link.close()

    async def heard(self, conversation: str) -> list[MessageReceived]:
        """What people said in a conversation, as the log has it."""
        thread = await self.store.find("slack", conversation)
        rows = await self.store.events(thread) if thread else []
        return [e for e in (parse(r.body) for r in rows) if isinstance(e, MessageReceived)]

    async def until(self, true: Callable[[], Any]) -> None:
        """Wait for what is to happen soon."""
        async with asyncio.timeout(30):
            while not true():  # noqa: ASYNC110 - the twin has no event for everything
                await asyncio.sleep(0.01)


@pytest.fixture
async def desks(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Makes connected desks on one workspace: ``await desks(users=[…])``."""
    async with SlackTwin() as slack:
        store = await Store.open(tmp_path / "store.db")
        made: list[Desk] = []

        async def make(prepare: Callable[[SlackTwin], None] | None = None, **settings: object) -> Desk:
            if prepare is not None:
                prepare(slack)
            desk = Desk(slack, store, **settings)
            made.append(desk)
            await desk.connect()
            return desk

        yield make
        for desk in made:
            await desk.close()
        await store.close()


@pytest.fixture
async def desk(desks: Callable[..., Any]) -> Desk:
    """A connected desk."""
    made: Desk = await desks()
    return made


@pytest.fixture
def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
