"""The bot's one connection to Discord, for all doors of a process: kept up, and known to be down when it is.

discord.py keeps the gateway: heartbeats, resuming, reconnecting. Its events are read as they come over the
wire; those of one channel are heard in their order. What is missed meanwhile, catchup.py reads.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from codebutler.errors import ConfigError
from codebutler.settings.discord import Discord as Settings
from codebutler.store.store import Store
from codebutler.surfaces.discord import catalogue, inbound
from codebutler.surfaces.discord.calls import Calls, DiscordAway, DiscordRefused
from codebutler.surfaces.discord.ears import ears
from codebutler.surfaces.discord.inbound import Heard
from codebutler.surfaces.discord.intake import Intake
from codebutler.surfaces.discord.places import Places
from codebutler.surfaces.discord.spelling import Spelling
from codebutler.surfaces.discord.troubles import ALL, TOKEN, Troubles, fix_of
from codebutler.surfaces.linking import Connection
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing

PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds before each further attempt to connect."""
INTENT = (
    "Turn on the message content intent: Discord's developer portal, your application, Bot, Privileged"
    " Gateway Intents. Without it the bot does not see what people write."
)
GATEWAY = "gateway"
CHANGES = frozenset({"CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE"})
GONE = frozenset({"CHANNEL_DELETE", "THREAD_DELETE"})


class Link(Connection["Hearing", Heard]):
    """``us()``, ``calls``, ``places`` and ``intake`` work at once; events come while ``run`` runs."""

    doors: list[Hearing]

    def __init__(self, settings: Settings, *, pauses: tuple[float, ...] = PAUSES) -> None:
        """Nothing is connected yet. ConfigError when the token is missing."""
        if settings.token is None:
            raise ConfigError("discord.token is not set", fix="codebutler init discord says how to get one.")
        super().__init__(logging.getLogger("codebutler.discord"))
        self.settings = settings
        self.calls = Calls(settings.base_url, self.token)
        self.places = Places(self.calls)
        self.spelling = Spelling(self.places)
        self.troubles = Troubles(self.calls, channel=settings.admin_channel or "", admins=settings.admins)
        self._pauses = pauses
        self._begun = False
        """Discord has let us in since the start."""
        self._application = ""
        self._guilds: set[str] = set()
        self._intakes: dict[Store, Intake] = {}
        self._lanes: dict[str, asyncio.Task[None]] = {}

    @property
    def token(self) -> str:
        """The bot's token."""
        return self.settings.token.get_secret_value() if self.settings.token else ""

    async def us(self) -> str:
        """The bot's own user id. Raises as ``Calls.call``."""
        if not self.calls.me:
            await self.calls.call("GET", "/users/@me")
        return str(self.calls.me["id"])

    async def application(self) -> str:
        """The application's id. Raises as ``Calls.call``."""
        if not self._application:
            given = await self.calls.call("GET", "/oauth2/applications/@me")
            self._application = str(given["id"])
        return self._application

    async def guilds(self) -> list[str]:
        """The guilds in which the bot is. Raises as ``Calls.call``."""
        if self._guilds:
            return sorted(self._guilds)
        return [str(guild["id"]) for guild in await self.calls.call("GET", "/users/@me/guilds")]

    def intake(self, store: Store) -> Intake:
        """What asks Discord for files and earlier words, into ``store``."""
        if store not in self._intakes:
            self._intakes[store] = Intake(self.calls, store, self.spelling)
        return self._intakes[store]

    # ------------------------------------------------------------------------------------ events

    def told(self, raw: str) -> None:
        """Something came over the wire."""
        payload = json.loads(raw)
        kind, event = payload.get("t"), payload.get("d")
        if not isinstance(event, dict) or not kind:
            return
        if kind in {"READY", "RESUMED"}:
            self._begun = True
            self.connected.set()
            self.hello.set()
            self.troubles.mended(GATEWAY)
            if kind == "READY":
                self._guilds = {str(guild.get("id")) for guild in event.get("guilds") or []}
                self._application = str((event.get("application") or {}).get("id") or self._application)
                self.later(self._register())
        elif kind == "GUILD_CREATE":
            for channel in [*(event.get("channels") or []), *(event.get("threads") or [])]:
                self.places.note({"guild_id": event.get("id"), **channel})
            self.spelling.note(event.get("roles") or [])
            self._joined(str(event.get("id")))
        elif kind in {"GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE"}:
            self.spelling.note([event.get("role") or {}])
        elif kind in GONE or kind in CHANGES:
            self._changed(event, gone=kind in GONE)
        elif kind == "INTERACTION_CREATE":
            from codebutler.surfaces.discord import hands

            self.later(hands.interaction(self, event))
        else:
            self._in_order(kind, event)

    def _joined(self, guild: str) -> None:
        """A guild that was not there at the start has just let the bot in."""
        ours = self.settings.guild_id in {None, guild}
        if guild not in self._guilds and ours:
            self.later(self._register(guild))
        self._guilds.add(guild)

    async def _register(self, *guilds: str) -> None:
        """The commands, tried again while Discord has no answer."""
        for pause in self._pauses:
            try:
                await catalogue.register(self, guilds)
            except DiscordAway as error:
                self.log.warning("the commands wait: %s", error)
                await asyncio.sleep(pause)
            else:
                return

    def _changed(self, channel: Json, *, gone: bool) -> None:
        """A channel or thread is other than it was."""
        if gone:
            name = str(channel.get("id"))
            self.places.forget(name)
            if any(name in door.channels for door in self.doors):
                self.hello.set()  # a look finds that it cannot be read, and tells whoever can mend it
            return
        place = self.places.note(channel)
        if place.thread and place.archived:
            for door in self.doors:
                self.later(door.signs.wake(place))

    def _in_order(self, kind: str, event: Json) -> None:
        """What happens in one channel is heard one after the other."""
        channel = str(event.get("channel_id") or "")
        before = self._lanes.get(channel)
        task = asyncio.create_task(self._hear(before, kind, event))
        self._lanes[channel] = task
        task.add_done_callback(lambda done: self._over(channel, done))

    def _over(self, channel: str, done: asyncio.Task[None]) -> None:
        if self._lanes.get(channel) is done:
            del self._lanes[channel]

    async def _hear(self, before: asyncio.Task[None] | None, kind: str, event: Json) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            us = await self.us()
            heard = inbound.read(kind, self.spelling.spelt(event, us), us)
            if heard is not None:
                await self.take(heard)
        except Exception as error:  # noqa: BLE001 - whatever it is, the message is read again from the channel
            self.log.warning("an event waits for the next look: %s", error)
            await asyncio.sleep(self._pauses[0])
            self.hello.set()

    async def take(self, heard: Heard) -> bool:
        """Whether it was anybody's. What fails in one repo keeps no other from hearing it."""
        return await self.in_turn(list(self.doors), heard)

    # -------------------------------------------------------------------------------- connection

    async def run(self) -> None:
        """Be connected until cancelled; whatever breaks, connect again.

        ConfigError when Discord refuses token or intents at the start: whoever starts it can mend that.
        """
        failures = 0
        while True:
            try:
                await self.us()
                await self._connection()
                failures = 0
            except ConfigError as error:
                if not self._begun:
                    raise
                failures += 1
                await self.troubles.hit(GATEWAY, f"{error.message}. {error.fix}")
            except DiscordRefused as error:
                if not self._begun and error.status == 401:
                    raise ConfigError(error.message, fix=TOKEN) from error
                failures += 1
                key = ALL if error.status == 401 else GATEWAY
                await self.troubles.hit(key, f"{error} {fix_of(error)}", about=GATEWAY)
            except DiscordAway as error:
                failures += 1
                self.log.warning("%s", error)
            self.connected.clear()
            await asyncio.sleep(self._pauses[min(failures, len(self._pauses) - 1)] if failures else 0)

    async def _connection(self) -> None:
        """One client's life: it resumes and reconnects by itself, or is given up."""
        import discord
        from aiohttp import ClientError

        await self._find_gateway()
        client = ears(self.told, self.connected.clear)
        try:
            async with client:
                await client.http.static_login(self.token)
                await client.connect(reconnect=True)
        except discord.PrivilegedIntentsRequired as error:
            raise ConfigError("Discord does not let the bot read messages", fix=INTENT) from error
        except discord.LoginFailure as error:
            raise ConfigError("Discord refuses the bot's token", fix=TOKEN) from error
        except discord.ConnectionClosed as error:
            if error.code == 4004:
                raise ConfigError("Discord refuses the bot's token", fix=TOKEN) from error
            raise DiscordAway(f"Discord closed the gateway with {error.code}") from error
        except (discord.DiscordException, ClientError, OSError, TimeoutError) as error:
            raise DiscordAway(f"Discord's gateway cannot be reached: {error}") from error
        except Exception as error:  # what discord.py cannot read must not end the doors of other repos
            raise DiscordAway(f"Discord's gateway sends what cannot be read: {error!r}") from error

    async def _find_gateway(self) -> None:
        """discord.py dials its default gateway without asking: put the server's own in its place."""
        from discord.gateway import DiscordWebSocket
        from yarl import URL

        address = self.settings.gateway_url
        if address is None:
            try:
                given = await self.calls.call("GET", "/gateway/bot")
            except DiscordRefused as error:
                if error.status == 401:
                    raise
                given = await self.calls.call("GET", "/gateway")
            address = str(given["url"])
        DiscordWebSocket.DEFAULT_GATEWAY = URL(address)

    async def close(self) -> None:
        """Let go of everything; ``run`` is cancelled before."""
        tasks = [*self._later, *self._lanes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.calls.close()
