"""What goes with a message: its files, and what was said around it before we came."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from codebutler.store.store import Store
from codebutler.surfaces.discord import saying
from codebutler.surfaces.discord.calls import Calls, DiscordAway, DiscordRefused
from codebutler.surfaces.discord.spelling import Spelling
from codebutler.surfaces.files import Files
from codebutler.surfaces.wording import unsaid
from codebutler.text import fit
from codebutler.types import Json

log = logging.getLogger("codebutler.discord")
HISTORY = 6_000
"""Characters of what was said before."""
BEFORE = 50
"""Messages of it."""
STARTER = 21
"""The type of a row that only points to the message from which its thread was made."""
HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""Where Discord keeps files."""


class Intake(Files):
    """Asks Discord for what an event leaves out. What cannot be had is left out, and said."""

    def __init__(self, calls: Calls, store: Store, spelling: Spelling) -> None:
        """Files of the API's own host are Discord's, too."""
        super().__init__(store, "Discord", name="filename")
        self._calls = calls
        self._spelling = spelling
        self._host = urlsplit(calls.base).netloc

    async def download(self, file: Json) -> bytes:
        """The bytes; no token goes along, as the address is signed. ValueError says why there are none."""
        return await self.fetch(str(file.get("url") or ""), file.get("size"), hops=0)

    def ours(self, address: str) -> bool:
        """Whether Discord keeps files there."""
        parts = urlsplit(address)
        return parts.netloc == self._host or (parts.scheme == "https" and parts.netloc in HOSTS)

    async def history(self, channel: str, *, before: str, us: str, ours: bool = False) -> str:
        """What people said in a channel or thread before a message; or "". ``ours``: and what we said."""
        try:
            rows = await self._calls.call(
                "GET", "/channels/{channel_id}/messages", query={"before": before, "limit": BEFORE},
                channel_id=channel,
            )  # fmt: skip
        except (DiscordRefused, DiscordAway) as error:
            log.warning("no history of %s: %s", channel, error)
            return unsaid(error)
        lines = []
        for row in sorted(rows, key=lambda row: int(row["id"])):
            message = self._spelling.spelt(await self._meant(row), us)
            author = message.get("author") or {}
            said = saying.words(message, us)
            if (ours or author.get("id") != us) and said:
                lines.append(f"{saying.name_of(author, {}) or 'somebody'}: {said}")
        return fit("\n".join(lines), HISTORY) if lines else ""

    async def _meant(self, row: Json) -> Json:
        """The message itself; for the sign at the head of a thread, the one that the thread was made from."""
        if int(row.get("type") or 0) != STARTER:
            return row
        if found := row.get("referenced_message"):
            return dict(found)
        about = row.get("message_reference") or {}
        try:
            return dict(
                await self._calls.call(
                    "GET", "/channels/{channel_id}/messages/{message_id}",
                    channel_id=str(about.get("channel_id")), message_id=str(about.get("message_id")),
                )
            )  # fmt: skip
        except (DiscordRefused, DiscordAway) as error:
            log.warning("the message that a thread was made from cannot be read: %s", error)
            return {"content": unsaid(error)}
