"""Small signs: eyes on what is in the log, a tick on what was answered, and who is at work.

They are owed by the log, not by memory: what a crash kept from being set is set by ``mend``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codebutler.store.store import Store
from codebutler.surfaces.slack.calls import SlackAway, SlackRefused
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.troubles import of_token
from codebutler.surfaces.ticks import Ticks

if TYPE_CHECKING:
    from codebutler.surfaces.slack.link import Link

EYES, TICK = "eyes", "white_check_mark"
ABSENT = frozenset(
    {
        "unknown_method", "missing_scope", "not_allowed_token_type", "access_denied", "no_permission",
        "feature_not_enabled", "method_deprecated", "deprecated_endpoint", "accesslimited",
    }
)  # fmt: skip
"""Slack's words for a method that this workspace or app does not have at all."""
KEPT = 2_000
"""Conversations of which it is known what status stands there."""
FRESH = 60.0
"""Seconds after which the same status is said again; Slack takes it away after two minutes."""


class Signs:
    """One repo's signs. None of them is worth a delay or a failure of anything else."""

    def __init__(self, link: Link, store: Store) -> None:
        """Nothing was set yet."""
        self._link = link
        self._store = store
        self._stands: dict[str, tuple[str, float]] = {}
        """The status of a conversation, and when it was said."""
        self._has_status = True
        self._ticks = Ticks(store, SURFACE, self._react, eyes=EYES, tick=TICK)

    async def see(self, channel: str, ts: str, root: str) -> None:
        """Eyes on the message, and a status line under the thread."""
        await self._react(channel, ts, EYES)
        await self.say(f"{channel}:{root}", "is at work…")

    async def say(self, conversation: str, words: str) -> None:
        """The status line under a thread; "" takes it away. Nothing where there are none."""
        now = time.monotonic()
        stands, since = self._stands.get(conversation, ("", now))
        if not self._has_status or (stands == words and now - since < FRESH):
            return
        self._stands.pop(conversation, None)
        self._stands[conversation] = (words, now)
        while len(self._stands) > KEPT:
            del self._stands[next(iter(self._stands))]
        channel, _, root = conversation.partition(":")
        try:
            await self._link.calls.at_once(
                "assistant.threads.setStatus", channel_id=channel, thread_ts=root, status=words
            )
        except SlackRefused as error:  # in this thread, or in the whole workspace
            self._has_status = error.error not in ABSENT
        except SlackAway as error:
            self._link.log.info("no status in %s: %s", conversation, error)

    def covered(self, conversation: str) -> None:
        """A message was posted there: Slack takes the status away with it."""
        self._stands.pop(conversation, None)

    async def tick(self, thread: str) -> None:
        """A tick on what was answered, once nothing is left to do or to decide."""
        row = await self._store.thread(thread)
        for surface, conversation in await self._store.bindings(thread):
            if surface == SURFACE:
                await self.say(conversation, "")
                if row is not None:
                    await self._ticks.tick(row, conversation, eyes=False)
                    self._link.later(self.said(conversation))  # the last words may be there, and not noted

    async def said(self, conversation: str) -> None:
        """A message was delivered there, or a tick waits for one."""
        await self._ticks.said(conversation)

    async def mend(self) -> None:
        """Set what a crash kept from being set. Raises SlackAway when it broke off."""
        await self._ticks.mend()

    async def _react(self, channel: str, ts: str, name: str) -> None:
        try:
            await self._link.calls.call("reactions.add", channel=channel, timestamp=ts, name=name)
        except SlackRefused as error:  # it has one, the message is gone, or the scope is missing
            if of_token(error):  # it stays owed until there is one that works
                raise
            if error.error != "already_reacted":
                self._link.log.debug("no %s on %s:%s: %s", name, channel, ts, error)
