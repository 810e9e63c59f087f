"""What goes with a message: its author's name, its files, and what was said in its thread before we came."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

from codebutler.filetypes import media_type, safe_name
from codebutler.store.store import Store
from codebutler.surfaces.slack.calls import Calls, SlackAway, SlackRefused
from codebutler.surfaces.slack.inbound import Self, plain
from codebutler.surfaces.slack.pages import replies
from codebutler.text import fit
from codebutler.types import Attachment, Json, Person

log = logging.getLogger("codebutler.slack")
SURFACE = "slack"
PATIENCE = 1.5
"""Seconds for a person's name: Slack waits three for the acknowledgement of what they did."""
NAMES = 2_000
"""People whose names are kept."""
FILES = 10
FILE_BYTES = 25 * 1024 * 1024
MOVED = frozenset({301, 302, 303, 307, 308})
HISTORY = 6_000
"""Characters of what was said before."""
_SIGN_IN = b"<!DOCTYPE html"


class Intake:
    """Asks Slack for what an event leaves out. What cannot be had is left out, and said."""

    def __init__(self, calls: Calls, store: Store, *, token: str, api: str) -> None:
        """``api`` is the Web API's address: files of that host are Slack's own, too."""
        self._calls = calls
        self._store = store
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

    async def files(self, given: Sequence[Json]) -> tuple[list[Attachment], list[str]]:
        """The files, kept in the store, and a line for each that could not be had."""
        kept: list[Attachment] = []
        missing: list[str] = []
        for number, file in enumerate(given):
            name = safe_name(str(file.get("name") or file.get("id") or "file"))
            try:
                data = await self._download(file, number)
            except (ValueError, SlackRefused, SlackAway) as error:
                missing.append(f"(the file {name} could not be read: {error})")
                continue
            sha = await self._store.put_blob(data)
            kept.append(Attachment(name=name, sha256=sha, media_type=media_type(data)))
        return kept, missing

    async def _download(self, file: Json, number: int) -> bytes:
        """The bytes. ValueError says why there are none."""
        if number >= FILES:
            raise ValueError(f"only the first {FILES} files of a message are read")
        if file.get("file_access") == "check_file_info":
            file = (await self._calls.call("files.info", file=str(file.get("id")))).get("file") or {}
        address = str(file.get("url_private_download") or file.get("url_private") or "")
        if int(file.get("size") or 0) > FILE_BYTES:
            raise ValueError(f"it is larger than {FILE_BYTES // 1024 // 1024} MiB")
        data = await self._fetch(address)
        if data.startswith(_SIGN_IN) and "html" not in str(file.get("mimetype")):
            raise ValueError("Slack does not give it to the app; it needs the scope files:read")
        return data

    def _ours(self, address: str) -> bool:
        """Whether the token may be shown to this address."""
        parts = urlsplit(address)
        if parts.netloc == self._host:
            return True
        host = parts.hostname or ""
        return parts.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))

    async def _fetch(self, address: str, hops: int = 3) -> bytes:
        from aiohttp import ClientError, ClientSession, ClientTimeout

        if not self._ours(address):
            raise ValueError("it is not kept by Slack")
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=60)) as session,
                session.get(address, headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status in MOVED and hops:
                    return await self._fetch(urljoin(address, answer.headers.get("Location", "")), hops - 1)
                if answer.status != 200:
                    raise ValueError(f"Slack answered HTTP {answer.status}")
                data = bytearray()
                async for chunk in answer.content.iter_chunked(1 << 16):
                    data += chunk
                    if len(data) > FILE_BYTES:
                        raise ValueError(f"it is larger than {FILE_BYTES // 1024 // 1024} MiB")
        except (ClientError, OSError, TimeoutError) as error:
            raise ValueError(f"Slack cannot be reached: {error}") from error
        return bytes(data)

    async def history(self, channel: str, root: str, *, until: str, us: Self) -> str:
        """What people said in a thread before ``until``, for whoever is called into it; or ""."""
        lines = []
        try:
            given = [message async for message in replies(self._calls, f"{channel}:{root}")]
        except (SlackRefused, SlackAway) as error:
            log.info("no history of %s:%s: %s", channel, root, error)
            return ""
        for message in given:
            if message.get("ts") == until or us.wrote(message) or not message.get("text"):
                continue
            who = (await self.person(str(message["user"]))).label if message.get("user") else "an app"
            lines.append(f"{who}: {plain(str(message['text']), us)}")
        return fit("\n".join(lines), HISTORY) if lines else ""
