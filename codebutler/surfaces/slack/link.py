"""The app's one connection to Slack, for all doors of a process: kept up, and known to be down when it is.

An event is acknowledged when the door that it is for has it in its store; one that fails comes again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from codebutler.errors import ConfigError
from codebutler.settings.slack import COPY_ID
from codebutler.settings.slack import Slack as Settings
from codebutler.store.store import Store
from codebutler.surfaces.linking import Connection
from codebutler.surfaces.slack import inbound, requests, setup
from codebutler.surfaces.slack.calls import SECONDS, Calls, SlackAway, SlackRefused
from codebutler.surfaces.slack.inbound import Heard, Self
from codebutler.surfaces.slack.intake import Intake
from codebutler.surfaces.slack.owners import by_claim, find_channel
from codebutler.surfaces.slack.sdk import closed, quiet, route, tokenless
from codebutler.surfaces.slack.troubles import Troubles, fix_of_connection
from codebutler.types import Json

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.socket_mode.aiohttp import SocketModeClient

    from codebutler.surfaces.slack.hearing import Hearing

PING = 7.0
"""Seconds between pings; a socket that answers none for four of them is given up (28 s)."""
LOOK = 1.0
"""Seconds between looks at the connection."""
PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds before each further attempt to connect."""


class Link(Connection["Hearing", Heard]):
    """``us()``, ``calls`` and ``intake`` work at once; events come while ``run`` runs."""

    def __init__(self, settings: Settings, *, ping: float = PING, pauses: tuple[float, ...] = PAUSES) -> None:
        """Nothing is connected yet. ConfigError when a token is missing, or what requests are signed with."""
        for key, value in (("botToken", settings.bot_token), ("appToken", settings.app_token)):
            if value is None and not (key == "appToken" and settings.listen):
                raise ConfigError(f"slack.{key} is not set", fix="codebutler init slack asks for it.")
        super().__init__(logging.getLogger("codebutler.slack"))
        self._secret = requests.signed_with(settings)
        self.settings = settings
        self._ping = ping
        self._pauses = pauses
        self._session: ClientSession | None = None
        self._calls: Calls | None = None
        self._troubles: Troubles | None = None
        self._us: Self | None = None
        self._asking = asyncio.Lock()
        self._barred = ""
        """What keeps it from connecting, as admins were told."""
        self._intakes: dict[Store, Intake] = {}
        self._lanes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """What is said in one thread is heard one after the other."""

    def join(self, door: Hearing) -> None:
        """One more repo hears what comes. One that comes late hears what it has missed."""
        if self.connected.is_set():
            self.later(find_channel(door))
        super().join(door)

    # ------------------------------------------------------------------------------- the Web API

    @property
    def token(self) -> str:
        """The bot token."""
        return self.settings.bot_token.get_secret_value() if self.settings.bot_token else ""

    @property
    def calls(self) -> Calls:
        """The Web API."""
        if self._calls is None:
            from aiohttp import ClientSession, ClientTimeout
            from slack_sdk.web.async_client import AsyncWebClient

            self._session = ClientSession(timeout=ClientTimeout(total=SECONDS))
            client = AsyncWebClient(
                token=self.token,
                base_url=f"{self.settings.base_url}/",
                session=self._session,
                retry_handlers=[],  # the SDK's own would post twice when only the answer was lost
                logger=quiet(),
            )
            route(client, self.settings.base_url)
            self._calls = Calls(client, gap=self.settings.post_seconds)
        return self._calls

    @property
    def troubles(self) -> Troubles:
        """Where admins are told."""
        if self._troubles is None:
            channel, admins = self.settings.admin_channel or "", self.settings.admins
            self._troubles = Troubles(self.calls, channel=channel, admins=admins)
        return self._troubles

    async def us(self) -> Self:
        """Who the token makes us. Raises as ``Calls.call``."""
        async with self._asking:
            if self._us is None:
                told = await self.calls.call("auth.test")
                url = str(told.get("url") or "https://slack.com/")
                user, bot, team = (str(told.get(name) or "") for name in ("user_id", "bot_id", "team_id"))
                self._us = Self(user, bot, team, url)
            return self._us

    def intake(self, store: Store) -> Intake:
        """What asks Slack for names and files, into ``store``."""
        if store not in self._intakes:
            self._intakes[store] = Intake(self.calls, store, token=self.token, api=self.settings.base_url)
        return self._intakes[store]

    # ------------------------------------------------------------------------------------ events

    async def event(self, event: Json) -> None:
        """Hand an event to the door that it is for."""
        heard = inbound.read(event, await self.us())
        if heard is None:
            return
        lane = self._lanes.setdefault(heard.conversation, asyncio.Lock())
        async with lane:  # Slack's library hands all on at once, and one may ask for a name or a file
            await self.take(heard)

    async def take(self, heard: Heard) -> bool:
        """Whether it was anybody's. What fails in one repo keeps no other from hearing it."""
        return await self.in_turn(await by_claim(self.doors, heard), heard)

    async def app(self) -> AsyncApp:
        """The bolt application with all handlers. What it acknowledges is in a store."""
        from slack_bolt.async_app import AsyncApp
        from slack_bolt.authorization import AuthorizeResult

        from codebutler.surfaces.slack.hands import register

        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            us = await self.us()
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=team_id,
                bot_user_id=us.user,
                bot_id=us.bot,
                bot_token=self.token,
            )

        app = AsyncApp(
            authorize=authorize,
            client=tokenless(self.settings.base_url),
            signing_secret=self._secret,
            process_before_response=True,
            logger=quiet(),
        )
        register(app, self)
        return app

    # -------------------------------------------------------------------------------- connection

    async def run(self) -> None:
        """Be connected until cancelled; whatever breaks, connect again.

        ConfigError when Slack refuses a token at the start: whoever starts it can mend that.
        """
        app = await self.app()
        failures, begun = 0, False
        while True:
            try:
                await self.us()
                for door in self.doors:
                    await find_channel(door)
                if not begun:
                    self.later(self._know_people())
                if self.settings.listen:
                    await requests.serve(app, self.settings.listen, self._secret, self.hello, self.connected)
                failures, begun = 0 if await self._connection(app) else failures + 1, True
            except SlackRefused as error:
                fix, self._barred = fix_of_connection(error), f"connection {error.error}"
                if not begun and fix:
                    raise ConfigError(error.message, fix=fix) from error
                failures += 1
                await self.troubles.tell(self._barred, f"{error} {fix}")
            except SlackAway as error:
                failures += 1
                self.log.warning("%s", error)
            self.connected.clear()
            await asyncio.sleep(self._pauses[min(failures, len(self._pauses) - 1)] if failures else 0)

    async def _know_people(self) -> None:
        """Tell of whom the settings name and nobody is: whoever is meant would be met by silence."""
        named = dict.fromkeys((*self.settings.users, *self.settings.admins))
        for words in await setup.unknown(self.calls, named):
            await self.troubles.tell(words, f"{words}. {COPY_ID}")

    async def _connection(self, app: AsyncApp) -> bool:
        """One client's life: it reconnects by itself, or is given up. Whether it was ever connected."""
        from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler

        assert self.settings.app_token is not None  # noqa: S101 - checked at the start
        secret = self.settings.app_token.get_secret_value()
        opened = await self.calls.call("apps.connections.open", app_token=secret)
        handler = AsyncSocketModeHandler(
            app,
            secret,
            web_client=self.calls.client,
            ping_interval=self._ping,
            logger=quiet(),
        )
        client = handler.client
        client.message_listeners.append(self._listen)
        client.wss_uri = str(opened["url"])
        route(client, client.wss_uri)
        connect: Callable[[], Coroutine[Any, Any, None]] = client.connect
        connecting = asyncio.create_task(connect())
        try:
            return await self._watch(client)
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await closed(client)

    async def _watch(self, client: SocketModeClient) -> bool:
        """Until the client has been without a connection for too long."""
        ever, last = False, time.monotonic()
        while time.monotonic() - last < 4 * self._ping:
            await asyncio.sleep(min(LOOK, self._ping))
            if await client.is_connected():
                if ever and not self.connected.is_set():  # a server that does not say hello
                    self._met()
                ever, last = True, time.monotonic()
            else:
                self.connected.clear()
        return ever

    async def _listen(self, _client: object, message: Json, _raw: str | None = None) -> None:
        if message.get("type") == "hello":
            self._met()

    def _met(self) -> None:
        self.troubles.mended(self._barred)
        self.connected.set()
        self.hello.set()

    async def close(self) -> None:
        """Let go of everything; ``run`` is cancelled before."""
        for task in list(self._later):
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
