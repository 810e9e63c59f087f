"""Conversations that begin with us: the chat side of a thread that was opened elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from codebutler.errors import DoorClosed
from codebutler.store.store import Store
from codebutler.surfaces import moving
from codebutler.surfaces.slack.blocks import mark_of, metadata
from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.link import Link
from codebutler.surfaces.slack.markup import escaped

LOOKED = 100
"""Messages of the channel in which one is looked for before it is sent again."""


class Opening:
    """Begins conversations in the repo's channel."""

    name = SURFACE

    def __init__(self, link: Link, channel: str) -> None:
        """``channel`` is the channel's id."""
        self._link = link
        self.channel = channel

    async def begin(self, text: str, *, mark: str) -> str:
        """Post plain ``text``, once for each ``mark``: strangers' words in it call nobody, and link nowhere.

        Returns the conversation below. Raises as ``Calls.call``.
        """
        return await self.once(escaped(text), mark=mark)

    async def once(self, text: str, *, mark: str) -> str:
        """As ``begin``, for mrkdwn."""
        calls = self._link.calls
        page = await calls.call(
            "conversations.history", channel=self.channel, limit=LOOKED, include_all_metadata=True
        )
        us = await self._link.us()
        for message in page.get("messages") or []:
            if us.wrote(message) and mark_of(message) == mark:
                return f"{self.channel}:{message['ts']}"
        return await self.post(text, mark=mark)

    async def post(self, text: str, *, mark: str) -> str:
        """Post mrkdwn without a look whether it stands there; returns the conversation below."""
        made = await self._link.calls.call(
            "chat.postMessage", post_to=self.channel, channel=self.channel, text=text,
            metadata=metadata(mark), unfurl_links=False, unfurl_media=False,
        )  # fmt: skip
        return f"{self.channel}:{made['ts']}"

    async def address(self, conversation: str) -> str:
        """Where people see a conversation, as a URL."""
        channel, _, ts = conversation.partition(":")
        us = await self._link.us()
        return f"{us.url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"


def placed(conversation: str) -> bool:
    """Whether it is held in Slack: CHANNEL:TS, and no name that a fork was given."""
    channel, _, ts = conversation.partition(":")
    return bool(channel) and ts.replace(".", "").isdecimal()


class Moving:
    """One repo's threads on their way to a place of their own."""

    def __init__(self, link: Link, store: Store, channels: Callable[[], Iterable[str]]) -> None:
        """``channels``: the repo's, as they are by then."""
        self._link = link
        self._store = store
        self._channels = channels
        self._one = asyncio.Lock()

    async def moved(self, name: str, mark: str) -> str:
        """See ``surfaces.moving``; where the first is not here, in one of the repo's channels.

        Raises as ``Calls.call``, and DoorClosed where no channel is known.
        """

        async def begin(beside: Sequence[str], text: str) -> str:
            home = next((there.partition(":")[0] for there in beside if placed(there)), "")
            home = home or next(iter(sorted(self._channels())), "")
            if not home:
                raise DoorClosed(f"there is no channel for {name}", fix="Set slack.channelID.")
            return await Opening(self._link, home).begin(text, mark=name)

        async with self._one:  # its first message, and the one that points to it, come at once
            return await moving.moved(self._store, SURFACE, name, mark, begin)

    async def pointed(self, text: str) -> str:
        """See ``surfaces.moving``."""
        return await moving.pointed(self._store, SURFACE, text, self._link_to)

    async def _link_to(self, thread: str, there: str) -> str:
        """Where people can follow it, or ""."""
        try:
            where = there if placed(there) else await self.moved(there, f"{thread}:")
        except (SlackRefused, DoorClosed) as error:
            self._link.log.info("%s has no place yet: %s", thread, error)
            return ""
        return f"[it is here]({await Opening(self._link, where.partition(':')[0]).address(where)})"
