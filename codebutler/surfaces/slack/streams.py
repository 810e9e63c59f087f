"""What the PM is writing, shown as it grows: as one of Slack's streams, else as a message that is edited.

A draft becomes the message that it was the beginning of, or is taken away: there is never a second copy.
drafts.py knows where it stands. What others say meanwhile comes after it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codebutler.settings.slack import Slack as Settings
from codebutler.store.store import Store
from codebutler.surfaces.slack import blocks
from codebutler.surfaces.slack.blocks import Piece
from codebutler.surfaces.slack.calls import SlackAway, SlackBusy, SlackRefused
from codebutler.surfaces.slack.drafts import GONE, Drafts
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.markup import escaped, guarded, mrkdwn
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
_HALF = re.compile(r"<[^\s>]{0,10}\Z")
"""What may yet become a call, or be none."""


@dataclass
class Draft:
    """A message that is being written. ``shown`` is what Slack was sent."""

    role: str
    text: str = ""
    ts: str = ""
    shown: str = ""
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
        self._standing = Drafts(link, store)
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
            if (
                not draft.followed
                and len(draft.text) >= FIRST
                and (draft.ts or self._may_begin(conversation))
            ):
                draft.followed = True
                self._link.later(self._follow(conversation, draft))

    def _may_begin(self, conversation: str) -> bool:
        """Whether one more is shown: not where one could be neither finished nor taken away."""
        return self._open < OPEN and conversation.partition(":")[0] not in self._standing.fixed_in

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
        if draft.over or len(ready) <= len(draft.shown):
            return False
        if not draft.ts:
            await self._begin(conversation, draft, ready)
        else:
            new = {"markdown_text": ready[len(draft.shown) :]} if draft.native else _words(ready)
            method = "chat.appendStream" if draft.native else "chat.update"
            channel = conversation.partition(":")[0]
            try:
                await self._link.calls.at_once(method, channel=channel, ts=draft.ts, **new)
            except SlackBusy:
                return True
        draft.shown = ready
        return True

    async def _begin(self, conversation: str, draft: Draft, ready: str) -> None:
        channel, _, root = conversation.partition(":")
        await self._standing.begin(conversation)
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
            await self._standing.stands(conversation, "")
            raise
        await self._standing.stands(conversation, draft.ts)

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
        draft = self._drafts.get(conversation)
        if draft is None or message.role != draft.role:
            return ""
        del self._drafts[conversation]
        async with draft.lock:
            draft.over = True
        if draft.ts:
            shown = await self._finish(conversation, draft, piece, mark)
            if shown:
                await self._standing.stands(conversation, "")
                return shown
        await self._standing.clear(conversation)
        return ""

    async def _finish(self, conversation: str, draft: Draft, piece: Piece, mark: str) -> str:
        channel, final = conversation.partition(":")[0], str(piece.blocks[0].get("text"))
        alike = len(piece.blocks) == 1 and final.startswith(draft.shown)
        whole = alike and final == draft.shown
        if draft.native:
            rest: Json = {} if whole else {"markdown_text": final[len(draft.shown) :]}
            marked = {**rest, "metadata": blocks.metadata(mark)}
            whole = await self._stop(channel, draft, marked if alike else {})
        for way in piece.ways:
            if not way and len(piece.whole) > len(piece.text):  # an edit takes less than a new message
                break
            try:
                await self._link.calls.call(
                    "chat.update", channel=channel, ts=draft.ts, text=piece.text, blocks=way,
                    metadata=blocks.metadata(mark),
                )  # fmt: skip
            except SlackRefused as error:
                if error.error not in blocks.NO_BLOCKS:
                    return draft.ts if whole and error.error not in GONE else ""
            else:
                return draft.ts
        return draft.ts if whole else ""

    async def _stop(self, channel: str, draft: Draft, more: Json) -> bool:
        """End a stream with what is still to be said; False if only ``chat.update`` can say it."""
        for last in (more, {}) if more else ({},):
            try:
                await self._link.calls.call("chat.stopStream", channel=channel, ts=draft.ts, **last)
            except SlackRefused as error:  # it had its time, or somebody stopped it: it is a message now
                self._link.log.debug("the stream in %s is over: %s", channel, error)
            else:
                return bool(last)
        return False

    async def forsake(self, conversation: str) -> None:
        """Take away a draft of which no message has come."""
        draft = self._drafts.get(conversation)
        if draft is None or await self._awaited(conversation, draft.role):
            return
        async with draft.lock:
            draft.over = True
        if self._drafts.get(conversation) is draft:
            del self._drafts[conversation]
            await self._standing.clear(conversation)

    async def _awaited(self, conversation: str, role: str) -> bool:
        """Whether the message that the draft is to become is on its way."""
        waiting = await self._store.pending_posts(SURFACE, limit=1_000)
        ours = (post for post in waiting if post.conversation == conversation and not post.slot)
        return any(Outbound.model_validate_json(post.payload).role == role for post in ours)

    async def sweep(self, conversation: str, marked: Collection[str]) -> str:
        """Take away what an earlier process left, unless it is among ``marked``: then it became a message.

        Returns the draft's ts, also that of one which is being written: it is no message yet.
        """
        draft = self._drafts.get(conversation)
        if draft is not None and (draft.ts or not draft.over):
            return draft.ts
        return await self._standing.clear(conversation, marked)


def _words(ready: str) -> Json:
    return {
        "text": blocks.shortened(mrkdwn(ready) or escaped(ready)),
        "blocks": [{"type": "markdown", "text": ready}],
    }
