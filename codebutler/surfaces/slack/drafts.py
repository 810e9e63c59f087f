"""Where drafts stand: in the store as long as they do, so that the next process finds what a crash left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codebutler.store.store import Store
from codebutler.surfaces.slack import blocks
from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.inbound import Self
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.pages import replies
from codebutler.types import Json

if TYPE_CHECKING:
    from collections.abc import Collection

    from codebutler.surfaces.slack.link import Link

MARGIN = 60.0
"""Seconds by which clocks may differ."""
UNKNOWN = "?"
"""Stands for the ts of a draft of which nobody knows whether it was posted."""
GONE = frozenset({"message_not_found", "channel_not_found", "thread_not_found"})


class Drafts:
    """Those of one repo, one in a conversation."""

    def __init__(self, link: Link, store: Store) -> None:
        """What stands there is in ``store``."""
        self._link = link
        self._store = store
        self.fixed_in: set[str] = set()
        """Channels in which one could not be taken away."""

    async def begin(self, conversation: str) -> None:
        """One is about to be posted; what a process that was killed left of another goes before."""
        if await self._store.noted(_key(conversation)):
            await self.clear(conversation, await self._messages(conversation))
        await self.stands(conversation, f"{UNKNOWN}{time.time() - MARGIN:.0f}")

    async def stands(self, conversation: str, ts: str) -> None:
        """Where the draft stands; "": there is none any more."""
        await self._store.note(_key(conversation), ts)

    async def clear(self, conversation: str, marked: Collection[str] = ()) -> str:
        """Take away the draft that is noted, unless it is among ``marked``: then it became a message.

        Returns where it stood, "" if nowhere. Raises as ``Calls.call``.
        """
        noted, channel = await self._store.noted(_key(conversation)), conversation.partition(":")[0]
        ts = await self._lost(conversation, float(noted[1:])) if noted.startswith(UNKNOWN) else noted
        if ts and ts not in marked:
            try:
                await self._link.calls.call("chat.delete", channel=channel, ts=ts)
            except SlackRefused as error:
                if error.error not in GONE:
                    self.fixed_in.add(channel)
                    self._link.log.warning("a draft stays in %s: %s", conversation, error)
        if noted:
            await self.stands(conversation, "")
        return ts

    async def _messages(self, conversation: str) -> set[str]:
        """What stands in a thread as messages of ours: a draft that became one stays."""
        return {
            str(m["ts"])
            async for m in replies(self._link.calls, conversation, include_all_metadata=True)
            if blocks.mark_of(m)
        }

    async def _lost(self, conversation: str, since: float) -> str:
        """The ts of a draft that was begun after ``since`` and whose ts nobody has learned; or ""."""
        channel, _, root = conversation.partition(":")
        us, thread = await self._link.us(), await self._store.find(SURFACE, conversation)
        sent = {post.external_id for post in await self._store.posts(thread)} if thread else set()
        page = await self._link.calls.call(
            "conversations.replies", channel=channel, ts=root, oldest=f"{since:.6f}", limit=200,
            include_all_metadata=True,
        )  # fmt: skip
        found = [str(m["ts"]) for m in page.get("messages", []) if _draft(m, root, us)]
        return next((ts for ts in reversed(found) if float(ts) > since and ts not in sent), "")


def _draft(message: Json, root: str, us: Self) -> bool:
    if not us.wrote(message) or str(message["ts"]) == root or message.get("files"):
        return False
    return not blocks.mark_of(message)


def _key(conversation: str) -> str:
    return f"{SURFACE}:draft:{conversation}"
