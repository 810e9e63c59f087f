"""A Discord door on a store, connected to a guild in memory; what comes in is kept, not worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from codebutler.config import load_config
from codebutler.events import MessageDeleted, MessageEdited, MessageReceived, parse
from codebutler.models.routing import Router
from codebutler.settings.shape import Settings
from codebutler.store.store import Store
from codebutler.surfaces.discord.catchup import CatchUp
from codebutler.surfaces.discord.door import Discord
from codebutler.surfaces.discord.link import Link
from codebutler.surfaces.discord.office import Office
from codebutler.testing.discord.human import Human
from codebutler.testing.discord.server import DiscordTwin
from codebutler.thread.deliver import Delivery
from codebutler.thread.houses import Houses
from codebutler.thread.intake import receive
from codebutler.types import Inbound, Person


class Desk:
    """The door, its store, and a person in the guild."""

    def __init__(self, twin: DiscordTwin, store: Store, **settings: object) -> None:
        self.twin, self.store, self.guild = twin, store, twin.guild
        config = Settings.model_validate({"discord": twin.settings(**settings)}).discord
        self.link = Link(config, pauses=(0.05, 0.1))
        self.door = Discord(self.link, config, store)
        self.door.hearing.receive = self._receive
        self.houses = Houses(store)
        whole = load_config(None, home=store.path.parent, env={}, repo_text="")
        self.door.hearing.office = Office(whole, self.houses, Router(whole), self._make_room)
        self.human = Human(twin)
        self.delivery = Delivery(store, [self.door])
        self.catchup = CatchUp(self.link, again=0.05)
        self._running: list[asyncio.Task[None]] = []
        self.received: list[Inbound] = []

    async def _receive(self, inbound: Inbound) -> str:
        thread = await receive(self.store, inbound)
        self.received.append(inbound)
        return thread

    async def _make_room(self, by: Person, days: float) -> str:
        return f"room by {by.label} after {days:g}"

    async def connect(self) -> None:
        self._running = [asyncio.create_task(self.link.run()), asyncio.create_task(self.catchup.run())]
        await asyncio.wait_for(self.link.caught_up.wait(), 60)

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.link.close()

    async def heard(self, conversation: str) -> list[MessageReceived | MessageEdited | MessageDeleted]:
        """What people said in a conversation, as the log has it."""
        thread = await self.store.find("discord", conversation)
        rows = await self.store.events(thread) if thread else []
        kinds = (MessageReceived, MessageEdited, MessageDeleted)
        return [e for e in (parse(r.body) for r in rows) if isinstance(e, kinds)]

    async def until(self, true: Callable[[], Any]) -> None:
        """Wait for what is to happen soon."""
        async with asyncio.timeout(30):
            while not true():  # noqa: ASYNC110 - the twin has no event for everything
                await asyncio.sleep(0.01)


@pytest.fixture
async def twin() -> AsyncIterator[DiscordTwin]:
    """The guild, before a desk is in it."""
    async with DiscordTwin() as twin:
        yield twin


@pytest.fixture
async def desks(twin: DiscordTwin, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Makes connected desks in one guild: ``await desks(users=[…])``."""
    store = await Store.open(tmp_path / "store.db")
    made: list[Desk] = []

    async def make(**settings: object) -> Desk:
        desk = Desk(twin, store, **settings)
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
