"""Conversations that begin with us: the Discord side of a thread that was opened elsewhere."""

from __future__ import annotations

from codebutler.surfaces.discord import looks
from codebutler.surfaces.discord.calls import HAS_THREAD, DiscordRefused
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.link import Link
from codebutler.surfaces.discord.places import DM, FORUMS, Place, address, room
from codebutler.surfaces.discord.signs import OPEN_TAGS, TAGS
from codebutler.types import Json

LOOKED = 100
"""Messages, or posts of a forum, among which one is looked for before it is sent again."""
ARCHIVE_MINUTES = 10_080
TAG_NEEDED = 40067


class Partner:
    """Begins conversations in the repo's channel or forum."""

    name = SURFACE

    def __init__(self, link: Link, channel: str) -> None:
        """``channel`` is the channel's id."""
        self._link = link
        self._channel = channel

    async def begin(self, text: str, *, mark: str, title: str = "", again: bool = True) -> str:
        """Post ``text``, once for each ``mark``; returns its conversation. Raises as ``Calls.call``.

        The thread is called ``title``, else as the first line. Not ``again``: it cannot stand there yet.
        """
        home = await self._link.places.of(self._channel)
        sent: Json = {"content": text[: looks.CONTENT], "allowed_mentions": looks.NOBODY}
        title = looks.name(title or text.partition("\n")[0])
        if home.type in FORUMS:
            post = await self._in_forum(home, title) if again else ""
            return f"{home.id}:{post or await self._posted_in(home, title, sent)}"
        stands = await self._standing(looks.nonce(mark, 0), text) if again else ""
        message = stands or await self._posted(sent, mark)
        if home.direct:
            return f"{DM}{home.id}:{message}"
        try:
            await self._link.calls.call(
                "POST", "/channels/{channel_id}/messages/{message_id}/threads",
                channel_id=home.id, message_id=message,
                body={"name": title, "auto_archive_duration": ARCHIVE_MINUTES},
            )  # fmt: skip
        except DiscordRefused as error:
            if error.code != HAS_THREAD:
                raise
        return f"{home.id}:{message}"

    async def join(self, conversation: str, user: str) -> None:
        """Put the thread among those that a person sees: Discord does so only for who began it."""
        if not conversation.startswith(DM):
            await self._link.calls.call(
                "PUT", "/channels/{channel_id}/thread-members/{user_id}",
                channel_id=room(conversation)[0], user_id=user,
            )  # fmt: skip

    async def _posted(self, sent: Json, mark: str) -> str:
        body = {**sent, "nonce": looks.nonce(mark, 0), "enforce_nonce": True}
        made = await self._link.calls.call(
            "POST", "/channels/{channel_id}/messages", body=body, channel_id=self._channel
        )
        return str(made["id"])

    async def _standing(self, nonce: str, text: str) -> str:
        """The message of an attempt that broke off, or ""."""
        rows = await self._link.calls.call(
            "GET", "/channels/{channel_id}/messages", query={"limit": LOOKED}, channel_id=self._channel
        )
        us = await self._link.us()
        ours = [row for row in rows if (row.get("author") or {}).get("id") == us]
        found = [r for r in ours if r.get("nonce") == nonce or looks.same(r, {"content": text})]
        return str(found[0]["id"]) if found else ""

    async def _in_forum(self, forum: Place, title: str) -> str:
        """Our post of that title, or ""."""
        us = await self._link.us()
        active = await self._link.calls.call("GET", "/guilds/{guild_id}/threads/active", guild_id=forum.guild)
        for thread in active.get("threads") or []:
            ours = str(thread.get("parent_id")) == forum.id and str(thread.get("owner_id")) == us
            if ours and thread.get("name") == title:
                return str(thread["id"])
        return ""

    async def _posted_in(self, forum: Place, title: str, sent: Json) -> str:
        """A forum's new post; with a tag where the forum wants one."""
        calls = self._link.calls
        body: Json = {"name": title, "message": sent, "auto_archive_duration": ARCHIVE_MINUTES}
        try:
            made = await calls.call("POST", "/channels/{channel_id}/threads", body=body, channel_id=forum.id)
        except DiscordRefused as error:
            if error.code != TAG_NEEDED:
                raise
            known = await calls.call("GET", "/channels/{channel_id}", channel_id=forum.id)
            tags = [tag for tag in known.get("available_tags") or [] if not tag.get("moderated")]
            live = [tag for tag in tags if str(tag.get("name")).lower() not in TAGS] or tags
            fitting = [tag for tag in tags if str(tag.get("name")).lower() in OPEN_TAGS] or live
            body["applied_tags"] = [str(tag["id"]) for tag in fitting[:1]]
            made = await calls.call("POST", "/channels/{channel_id}/threads", body=body, channel_id=forum.id)
        return str(made["id"])

    async def address(self, conversation: str) -> str:
        """Where people see a conversation, as a URL."""
        home = await self._link.places.of(self._channel)
        return address(self._link.settings.base_url, home.guild, conversation.partition(":")[2])
