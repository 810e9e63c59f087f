"""What goes with a message: its author's name, its files, and what was said in its thread before we came."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

from codebutler.store.store import Store
from codebutler.surfaces.files import Files
from codebutler.surfaces.slack.calls import Calls, SlackAway, SlackRefused
from codebutler.surfaces.slack.inbound import Self, words
from codebutler.surfaces.slack.pages import replies
from codebutler.surfaces.wording import unsaid
from codebutler.text import fit
from codebutler.types import Json, Person

log = logging.getLogger("codebutler.slack")
SURFACE = "slack"
PATIENCE = 1.5
"""Seconds for a person's name: Slack waits three for the acknowledgement of what they did."""
NAMES = 2_000
"""People whose names are kept."""
HISTORY = 6_000
"""Characters of what was said before."""
_SIGN_IN = b"<!DOCTYPE html"


class Intake(Files):
    """Asks Slack for what an event leaves out. What cannot be had is left out, and said."""

    def __init__(self, calls: Calls, store: Store, *, token: str, api: str) -> None:
        """``api`` is the Web API's address: files of that host are Slack's own, too."""
        super().__init__(store, "Slack", name="name")
        self._calls = calls
        self._token = token
        self._host = urlsplit(api).netloc
        self._names: dict[str, str] = {}

    async def person(self, user: str) -> Person:
        """Who it is; without a name if Slack does not say."""
        if user not in self._names:
            if len(self._names) >= NAMES:
                self._names.clear()
            try:
                async with asyncio.timeout(PATIENCE):
                    known = (await self._calls.at_once("users.info", user=user)).get("user") or {}
            except (SlackRefused, SlackAway, TimeoutError) as error:
                log.info("no name of %s: %s", user, str(error) or "Slack is slow")
                return Person(surface=SURFACE, id=user)
            profile = known.get("profile") or {}
            names = (
                profile.get("display_name"),
                profile.get("real_name"),
                known.get("real_name"),
                known.get("name"),
            )
            self._names[user] = next((str(name) for name in names if name), "")
        return Person(surface=SURFACE, id=user, name=self._names[user])

    async def download(self, file: Json) -> bytes:
        """The bytes. ValueError, SlackRefused and SlackAway say why there are none."""
        if file.get("file_access") == "check_file_info":
            file = (await self._calls.call("files.info", file=str(file.get("id")))).get("file") or {}
        address = str(file.get("url_private_download") or file.get("url_private") or "")
        data = await self.fetch(address, file.get("size"), {"Authorization": f"Bearer {self._token}"})
        if data.startswith(_SIGN_IN) and "html" not in str(file.get("mimetype")):
            raise ValueError("Slack does not give it to the app; it needs the scope files:read")
        return data

    def ours(self, address: str) -> bool:
        """Whether the token may be shown to this address."""
        parts = urlsplit(address)
        if parts.netloc == self._host:
            return True
        host = parts.hostname or ""
        return parts.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))

    async def history(self, channel: str, root: str, *, until: str, us: Self) -> str:
        """What people said in a thread before ``until``, for whoever is called into it; or ""."""
        lines = []
        try:
            given = [message async for message in replies(self._calls, f"{channel}:{root}")]
        except (SlackRefused, SlackAway) as error:
            if isinstance(error, SlackRefused) and error.error == "thread_not_found":
                return ""  # it is gone with its first message: there is nothing to read
            log.warning("no history of %s:%s: %s", channel, root, error)
            return unsaid(error)
        for message in given:
            if message.get("ts") == until or us.wrote(message) or not (said := words(message, us)):
                continue
            who = (await self.person(str(message["user"]))).label if message.get("user") else "an app"
            lines.append(f"{who}: {said}")
        return fit("\n".join(lines), HISTORY) if lines else ""
