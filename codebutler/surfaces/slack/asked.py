"""Requests by slash command: in the store before Slack hears that they are known, and opened once each.

Slack waits three seconds for its acknowledgement; a busy channel's pace may hold the thread's first message
for longer. So the thread comes later, and who asked is told where it is.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from codebutler.store.store import Store
from codebutler.surfaces.slack.calls import SlackAway, SlackRefused
from codebutler.surfaces.slack.inbound import plain, told_apart
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.markup import escaped
from codebutler.surfaces.slack.opening import Opening
from codebutler.surfaces.slack.sdk import quiet, route
from codebutler.surfaces.slack.troubles import barred
from codebutler.types import Inbound, Json

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing
    from codebutler.surfaces.slack.link import Link

KEPT = 86_400.0
"""Seconds for which it is known that a request was opened: Slack does not repeat it later than that."""
AGAIN = 5.0
"""Seconds after which a request that Slack gave no answer to is looked at again."""


def key_of(body: Json) -> str:
    """What a slash command is known by, however often it comes."""
    said = told_apart(*(body.get(name) for name in ("channel_id", "user_id", "text")))
    return f"command:{body.get('trigger_id') or body.get('response_url') or uuid4().hex}:{said}"


class Asked:
    """One repo's requests."""

    def __init__(self, link: Link, store: Store) -> None:
        """Nothing is being opened yet."""
        self._link = link
        self._store = store
        self._keeping = asyncio.Lock()
        self._opening: set[str] = set()

    async def keep(self, door: Hearing, body: Json) -> None:
        """Keep the request; its thread opens soon, once, however often this is called."""
        key = key_of(body)
        fields = {"channel": "channel_id", "user": "user_id", "text": "text", "answer": "response_url"}
        asked: Json = {name: str(body.get(field) or "").strip() for name, field in fields.items()}
        asked["text"] = plain(asked["text"], await self._link.us())
        async with self._keeping:
            if await self._store.noted(_note(key)):
                return
            await self._write({**asked, "key": key, "when": time.time()})
        self._link.later(self._soon(door, {**asked, "key": key, "when": time.time()}))

    async def _write(self, asked: Json) -> None:
        await self._store.note(_note(str(asked["key"])), json.dumps(asked))

    async def _soon(self, door: Hearing, asked: Json) -> None:
        try:
            await self._open(door, asked, again=False)
        except SlackAway as error:
            self._link.log.warning("a request waits for the next look: %s", error)
            await asyncio.sleep(AGAIN)
            self._link.hello.set()

    async def mend(self, door: Hearing) -> None:
        """Open what an outage or a crash kept from it. Raises SlackAway when it broke off."""
        for row in await self._store.notes(_note("")):
            asked: Json = json.loads(row)
            if not asked.get("done"):
                await self._open(door, asked, again=True)
            elif float(asked["when"]) < time.time() - KEPT:
                await self._store.note(_note(str(asked["key"])), "")

    async def _open(self, door: Hearing, asked: Json, *, again: bool) -> None:
        """Open it, unless that is under way. ``again``: its first message may stand there already."""
        key = str(asked["key"])
        if key in self._opening:
            return
        self._opening.add(key)
        try:
            words = await self._opened(door, asked, again=again)
            await self._write({**asked, "done": True})
        finally:
            self._opening.discard(key)
        place = {name: str(asked[name]) for name in ("answer", "channel", "user")}
        await tell(door, words, **place)

    async def _opened(self, door: Hearing, asked: Json, *, again: bool) -> str:
        """A new thread, whose first message is ours, in the person's words; what to tell them."""
        key, user, text = str(asked["key"]), str(asked["user"]), str(asked["text"])
        opening = Opening(self._link, str(asked["channel"]))
        try:
            begin = opening.once if again else opening.post
            conversation = await begin(f"<@{user}> asks: {escaped(text)}", mark=key)
        except SlackRefused as error:
            return f"{barred(opening.channel, error)}\nYou wrote: {escaped(text)}"
        address, author = (await self._link.us()).link(conversation), await door.person(user)
        said = Inbound(surface=SURFACE, external_id=conversation, key=key, author=author, text=text)
        await door.receive(said.model_copy(update={"link": address}))
        return f"Your thread: {address}"


async def tell(door: Hearing, words: str, *, answer: str, channel: str, user: str, root: str = "") -> None:
    """Answer a person by ``answer``, their command's own address, which lives for half an hour.

    It works where we are no member; without it they are told where only they see it.
    """
    from aiohttp import ClientError
    from slack_sdk.webhook.async_client import AsyncWebhookClient

    if answer:
        client = AsyncWebhookClient(answer, logger=quiet(), retry_handlers=[])
        route(client, client.url)
        try:
            if (await client.send(text=words, response_type="ephemeral")).status_code == 200:
                return
        except (ClientError, OSError, TimeoutError) as error:
            door.link.log.info("no answer to a command: %s", error)
    await door.whisper(channel, user, words, root)


def _note(key: str) -> str:
    return f"{SURFACE}:asked:{key}"
