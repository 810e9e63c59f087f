"""What goes with a message: its files, and what was said around it before we came."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from codebutler.filetypes import media_type, safe_name
from codebutler.store.store import Store
from codebutler.surfaces.discord import inbound
from codebutler.surfaces.discord.calls import Calls, DiscordAway, DiscordRefused
from codebutler.text import fit
from codebutler.types import Attachment, Json

log = logging.getLogger("codebutler.discord")
FILES = 10
FILE_BYTES = 25 * 1024 * 1024
HISTORY = 6_000
"""Characters of what was said before."""
BEFORE = 50
"""Messages of it."""
HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""Where Discord keeps files."""


class Intake:
    """Asks Discord for what an event leaves out. What cannot be had is left out, and said."""

    def __init__(self, calls: Calls, store: Store) -> None:
        """Files of the API's own host are Discord's, too."""
        self._calls = calls
        self._store = store
        self._host = urlsplit(calls.base).netloc

    async def files(self, given: Sequence[Json]) -> tuple[list[Attachment], list[str]]:
        """The files, kept in the store, and a line for each that could not be had."""
        kept: list[Attachment] = []
        missing: list[str] = []
        for number, file in enumerate(given):
            name = safe_name(str(file.get("filename") or file.get("id") or "file"))
            try:
                data = await self._download(file, number)
            except ValueError as error:
                missing.append(f"(the file {name} could not be read: {error})")
                continue
            sha = await self._store.put_blob(data)
            kept.append(Attachment(name=name, sha256=sha, media_type=media_type(data)))
        return kept, missing

    async def _download(self, file: Json, number: int) -> bytes:
        """The bytes. ValueError says why there are none."""
        if number >= FILES:
            raise ValueError(f"only the first {FILES} files of a message are read")
        address = str(file.get("url") or "")
        parts = urlsplit(address)
        if parts.netloc != self._host and (parts.scheme != "https" or parts.netloc not in HOSTS):
            raise ValueError("it is not kept by Discord")
        if int(file.get("size") or 0) > FILE_BYTES:
            raise ValueError(f"it is larger than {FILE_BYTES // 1024 // 1024} MiB")
        return await _fetch(address)

    async def history(self, channel: str, *, before: str, us: str, ours: bool = False) -> str:
        """What people said in a channel or thread before a message; or "". ``ours``: and what we said."""
        try:
            rows = await self._calls.call(
                "GET", "/channels/{channel_id}/messages", query={"before": before, "limit": BEFORE},
                channel_id=channel,
            )  # fmt: skip
        except (DiscordRefused, DiscordAway) as error:
            log.info("no history of %s: %s", channel, error)
            return ""
        lines = []
        for message in sorted(rows, key=lambda row: int(row["id"])):
            author = message.get("author") or {}
            if (ours or author.get("id") != us) and message.get("content"):
                who = inbound.name_of(author, {}) or "somebody"
                lines.append(f"{who}: {inbound.plain(str(message['content']), message, us)}")
        return fit("\n".join(lines), HISTORY) if lines else ""


async def _fetch(address: str) -> bytes:
    """No token goes along: addresses of files are signed."""
    from aiohttp import ClientError, ClientSession, ClientTimeout

    data = bytearray()
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=60)) as session,
            session.get(address, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise ValueError(f"Discord answered HTTP {answer.status}")
            async for chunk in answer.content.iter_chunked(1 << 16):
                data += chunk
                if len(data) > FILE_BYTES:
                    raise ValueError(f"it is larger than {FILE_BYTES // 1024 // 1024} MiB")
    except (ClientError, OSError, TimeoutError) as error:
        raise ValueError(f"Discord cannot be reached: {error}") from error
    return bytes(data)
