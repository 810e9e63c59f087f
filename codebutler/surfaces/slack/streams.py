"""What the PM is writing, shown as it grows: as one of Slack's streams, else as a message that is edited.

A draft becomes the message that it was the beginning of, or is taken away: there is never a second copy.
Its ts is in the store as long as it stands, so that the next process finds what a crash left behind.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codebutler.settings.slack import Slack as Settings
from codebutler.store.store import Store
from codebutler.surfaces.slack import blocks
from codebutler.surfaces.slack.blocks import Piece
from codebutler.surfaces.slack.calls import SlackAway, SlackBusy, SlackRefused
from codebutler.surfaces.slack.inbound import Self
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.markup import escaped, guarded, mrkdwn
from codebutler.surfaces.slack.pages import replies
from codebutler.surfaces.slack.signs import ABSENT
from codebutler.surfaces.slack.verdicts import owner_of
from codebutler.surfaces.wording import load, prefixed
from codebutler.types import Json, Outbound

if TYPE_CHECKING:
    from codebutler.surfaces.slack.link import Link

ROLES = frozenset({"pm"})
"""Whose words are for people: what others write between their steps is not."""
FIRST = 160
"""Characters before anything is shown: a word before a tool call would only flicker."""
MOST = 9_000
"""Characters of a draft; what is longer comes whole at the end."""
OPEN = 8
"""Drafts at a time; further ones come whole."""
MARGIN = 60.0
"""Seconds by which clocks may differ."""
UNKNOWN = "?"
"""Stands for the ts of a draft of which nobody knows whether it was posted."""
_HALF = re.compile(r"<[^\s>]{0,10}\Z")
"""What may yet become a call, or be none."""
GONE = frozenset({"message_not_found", "channel_not_found", "thread_not_found"})


@dataclass
class Draft:
    """A message that is being written. ``shown`` counts characters of what Slack was sent."""

    role: str
    text: str = ""
    ts: str = ""
    shown: int = 0
    native: bool = False
    over: bool = False
    """Nothing more is added to it."""
    followed: bool = False
    """Something looks after it, and shows what is new."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Streams:
    """The drafts of one repo."""

    def __init__(self, link: Link, settings: Settings, store: Store, speakers: Mapping[str, str]) -> None:
        """Nobody is writing. ``speakers``: who spoke last in a conversation; a stream is for somebody."""
        self._link = link
        self._settings = settings
        self._store = store
        self._drafts: dict[str, Draft] = {}
        self._native = True
        self._plain_in: set[str] = set()
        """Channels that take no streams."""
        self._speakers = speakers

    # ----------------------------------------------------------------------------- as it grows

    async def write(self, conversation: str, role: str, delta: str) -> None:
        """More words; none: a new reply begins. Never waits for Slack."""
        if role not in ROLES:
            return
        draft = self._drafts.get(conversation)
        if not delta:
            if draft is not None and (draft.ts or draft.followed):
                draft.over = True
                self._link.later(self.forsake(conversation))
            else:
                self._drafts[conversation] = Draft(role)
        elif draft is not None and not draft.over:
            draft.text += delta
            if not draft.followed and len(draft.text) >= FIRST and (draft.ts or self._open < OPEN):
                draft.followed = True
                self._link.later(self._follow(conversation, draft))

    @property
    def _open(self) -> int:
        return sum(1 for draft in self._drafts.values() if draft.ts)

    async def _follow(self, conversation: str, draft: Draft) -> None:
        """Show what is new, at a pace that leaves room for others, until there is nothing new."""
        try:
            while True:
                async with draft.lock:
                    if not await self._show(conversation, draft):
                        return
                await asyncio.sleep(self._settings.edit_seconds * max(1.0, self._open / 2))
        except (SlackRefused, SlackAway) as error:  # the whole message comes all the same
            draft.over = True
            self._link.log.info("the draft in %s stays as it is: %s", conversation, error)
        finally:
            draft.followed = False

    async def _show(self, conversation: str, draft: Draft) -> bool:
        """Whether there was anything to show."""
        whole = guarded(prefixed(Outbound(text=draft.text.lstrip(), role=draft.role)))
        ready = _HALF.sub("", whole[:MOST])
        if draft.over or len(ready) <= draft.shown:
            return False
        if not draft.ts:
            await self._begin(conversation, draft, ready)
        else:
            new = {"markdown_text": ready[draft.shown :]} if draft.native else _words(ready)
            method = "chat.appendStream" if draft.native else "chat.update"
            channel = conversation.partition(":")[0]
            try:
                await self._link.calls.at_once(method, channel=channel, ts=draft.ts, **new)
            except SlackBusy:
                return True
        draft.shown = len(ready)
        return True

    async def _begin(self, conversation: str, draft: Draft, ready: str) -> None:
        channel, _, root = conversation.partition(":")
        key = _key(conversation)
        if await self._store.noted(key):  # of a process that was killed while it wrote
            await self.clear(conversation, await self._messages(conversation))
        await self._store.note(key, f"{UNKNOWN}{time.time() - MARGIN:.0f}")
        try:
            draft.ts = await self._stream(conversation, channel, root, ready)
            draft.native = bool(draft.ts)
            if not draft.native:
                posted = await self._link.calls.call(
                    "chat.postMessage", post_to=channel, channel=channel, thread_ts=root,
                    metadata=blocks.metadata(""), unfurl_links=False, unfurl_media=False, **_words(ready),
                )  # fmt: skip
                draft.ts = str(posted["ts"])
        except (SlackRefused, SlackBusy):
            await self._store.note(key, "")
            raise
        await self._store.note(key, draft.ts)

    async def _stream(self, conversation: str, channel: str, root: str, ready: str) -> str:
        """The ts of a new stream, or "" where there are none."""
        if not self._native or channel in self._plain_in:
            return ""
        to: dict[str, str] = {}
        if not channel.startswith("D"):
            who = self._speakers.get(conversation) or await self._owner(conversation)
            to = {"recipient_user_id": who, "recipient_team_id": (await self._link.us()).team}
        if not all(to.values()):
            return ""
        try:
            begun = await self._link.calls.at_once(
                "chat.startStream", channel=channel, thread_ts=root, markdown_text=ready, **to
            )
        except SlackRefused as error:
            self._native = error.error not in ABSENT
            self._plain_in.add(channel)
            return ""
        return str(begun["ts"])

    async def _owner(self, conversation: str) -> str:
        """Whose thread it is, if somebody's in Slack."""
        found = await owner_of(self._link, conversation)
        state = await load(found[0].store, found[1]) if found else None
        owner = state.opened.owner if state and state.opened else None
        return owner.id if owner and owner.surface == SURFACE else ""

    # ---------------------------------------------------------------------------- as it ends

    async def become(self, conversation: str, message: Outbound, piece: Piece, mark: str) -> str:
        """Make the draft the first piece of ``message``, and return its ts; "" if none stands there now.

        Raises as ``Calls.call``; then whoever tries again has to ``sweep`` first.
        """
        draft = self._drafts.pop(conversation, None)
        if draft is None:
            return ""
        async with draft.lock:
            draft.over = True
        if draft.ts and message.role == draft.role:
            shown = await self._finish(conversation, draft, piece, mark)
            if shown:
                await self._store.note(_key(conversation), "")
                return shown
        await self.clear(conversation)
        return ""

    async def _finish(self, conversation: str, draft: Draft, piece: Piece, mark: str) -> str:
        channel = conversation.partition(":")[0]
        if draft.native:
            try:
                await self._link.calls.call("chat.stopStream", channel=channel, ts=draft.ts)
            except SlackRefused as error:  # it had its time, or somebody stopped it: it is a message now
                self._link.log.debug("the stream in %s is over: %s", conversation, error)
        for way in piece.ways:
            try:
                await self._link.calls.call(
                    "chat.update", channel=channel, ts=draft.ts, text=piece.text, blocks=way,
                    metadata=blocks.metadata(mark),
                )  # fmt: skip
            except SlackRefused as error:
                if error.error not in blocks.NO_BLOCKS:
                    break
            else:
                return draft.ts
        return ""

    async def forsake(self, conversation: str) -> None:
        """Take away a draft of which no message has come."""
        draft = self._drafts.get(conversation)
        if draft is None or await self._awaited(conversation):
            return
        async with draft.lock:
            draft.over = True
        if self._drafts.get(conversation) is draft:
            del self._drafts[conversation]
            await self.clear(conversation)

    async def _awaited(self, conversation: str) -> bool:
        waiting = await self._store.pending_posts(SURFACE, limit=1_000)
        return any(post.conversation == conversation and not post.slot for post in waiting)

    async def sweep(self, conversation: str, marked: Collection[str]) -> None:
        """Take away what an earlier process left, unless it is among ``marked``: then it became a message."""
        if conversation not in self._drafts:
            await self.clear(conversation, marked)

    async def clear(self, conversation: str, marked: Collection[str] = ()) -> None:
        """Take away the draft that is noted as standing there. Raises as ``Calls.call``."""
        key = _key(conversation)
        noted = await self._store.noted(key)
        ts = await self._lost(conversation, float(noted[1:])) if noted.startswith(UNKNOWN) else noted
        if ts and ts not in marked:
            channel = conversation.partition(":")[0]
            try:
                await self._link.calls.call("chat.delete", channel=channel, ts=ts)
            except SlackRefused as error:
                if error.error not in GONE:
                    self._link.log.warning("a draft stays in %s: %s", conversation, error)
        if noted:
            await self._store.note(key, "")

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


def _words(ready: str) -> Json:
    return {
        "text": blocks.shortened(mrkdwn(ready) or escaped(ready)),
        "blocks": [{"type": "markdown", "text": ready}],
    }


def _key(conversation: str) -> str:
    return f"{SURFACE}:draft:{conversation}"
