"""Which events are a repo's, and what they become. An event is in the store before anybody is told so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from codebutler.events import MessageReceived, parse
from codebutler.settings.shape import Access
from codebutler.settings.slack import Slack as Settings
from codebutler.store.store import Store
from codebutler.surfaces.buttons import Buttons, Ending
from codebutler.surfaces.files import taken_out
from codebutler.surfaces.loose import Unsettled
from codebutler.surfaces.slack import owners
from codebutler.surfaces.slack.asked import Asked
from codebutler.surfaces.slack.calls import SlackAway, SlackRefused
from codebutler.surfaces.slack.crosses import counted, refused
from codebutler.surfaces.slack.inbound import Heard
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.link import Link
from codebutler.surfaces.slack.loose import is_loose, put_right
from codebutler.surfaces.slack.overtaken import overtook
from codebutler.surfaces.slack.pages import replies
from codebutler.surfaces.slack.signs import Signs
from codebutler.surfaces.slack.used import ended, replace_in
from codebutler.surfaces.wording import LOOK, for_itself, load, not_theirs
from codebutler.thread.aside import set_aside
from codebutler.types import Inbound, Person

SPEAKERS = 2_000
"""Conversations of which it is known who spoke last."""
BEFORE = "Said in this thread before you were called:"


class Hearing:
    """One repo's ears."""

    def __init__(self, link: Link, settings: Settings, store: Store) -> None:
        """``receive`` is set before the link runs."""
        self.link = link
        self.settings = settings
        self.store = store
        self.channels = {c for c in (settings.channel_id, *settings.channels) if c}
        self.access = Access()
        """Who may decide what in this repo's threads."""
        self.rank = 0
        """Its place among the repos of this process: 0 gets what is said outside of everybody's channels."""
        self.foreign: AbstractSet[str] = frozenset()
        """Channels that the host gives to other repos, be they at work or not."""
        self.receive: Callable[[Inbound], Awaitable[str]]
        self.unsettled: Unsettled | None = None
        """Tells of channels that are to be this repo's and are not yet."""
        self.signs = Signs(link, store)
        self.buttons = Buttons(store, SURFACE, self._used_up)
        self.asked = Asked(link, store)
        self.speakers: dict[str, str] = {}
        """Who spoke last, by conversation."""
        self._early: dict[str, Heard] = {}
        """Changes that came before the message that they are of: Slack promises no order."""
        self._bare: set[str] = set()
        """Mentions that came without their files."""
        self.fresh: dict[str, None] = {}
        """Threads that are new here: nothing of ours can stand in them yet."""
        self._told: set[str] = set()
        """Messages whose authors were told that they may not: a mention comes twice."""
        self.strangers: set[str] = set()
        """Threads of the channel that are none of ours."""

    async def hear(self, heard: Heard) -> bool:
        """Take it in, if it is this repo's; then it is in the store when this returns."""
        if heard.kind == "cancel":
            return await self._cancel(heard)
        heard = await self._as_it_stands(heard)
        if heard.kind == "message" and self._early.get(f"{heard.channel}:{heard.ts}", heard).kind == "delete":
            return True
        thread = await self.store.find(SURFACE, heard.conversation)
        if thread is None and (heard.calls or await put_right(self, heard)):
            heard = replace(heard, kind="message")
        if thread is None and await overtook(self, heard):
            thread = await self.store.find(SURFACE, heard.conversation)
        if thread is None and (
            heard.kind != "message" or not self.opens(heard) or await owners.anothers(self, heard)
        ):
            await owners.unheard(self, heard)
            return False
        if await owners.turned_away(self, heard, ours=thread is not None):
            return True
        if thread is None and await is_loose(self, heard):
            return True
        if thread is not None and await self._known(thread, heard):
            return True
        await self.accept(heard, called=thread is None and not heard.top)
        return True

    def turn_away(self, heard: Heard, why: str) -> None:
        """Tell who called us why nothing comes of it; others were not talking to us."""
        if (heard.mention or heard.direct) and heard.key not in self._told:
            self._told = {heard.key, *list(self._told)[: SPEAKERS - 1]}
            self.link.later(self.whisper(heard.channel, heard.user, why, heard.root))

    async def _before(self, heard: Heard) -> bool:
        """Whether people said it among themselves, before they called us into their thread.

        It came along as what was said before; a "go" of that time approves nothing.
        """
        since = await self.store.noted(_since(heard)) if heard.kind == "message" else ""
        return bool(since) and float(heard.ts) < float(since)

    async def _known(self, thread: str, heard: Heard) -> bool:
        """Whether nothing is new about it."""
        if heard.kind == "edit" and await self._stands(thread, heard):
            return True
        if await self._before(heard) or await self.store.heard(thread, f"{SURFACE}:{heard.key}"):
            await self._files_after(heard)
            return True
        return False

    async def _as_it_stands(self, heard: Heard) -> Heard:
        """A change with its place; a message with a change that came before it."""
        if heard.kind != "message":
            return await self._placed(heard)
        early = self._early.get(f"{heard.channel}:{heard.ts}")
        return heard if early is None else replace(heard, text=early.text)

    async def _stands(self, thread: str, heard: Heard) -> bool:
        """Whether a change changes nothing: an unfurled link, told without the message as it was."""
        state, about = await load(self.store, thread), f"{heard.channel}:{heard.ts}"
        return state.heard.get((SURFACE, about)) == heard.text and not await self._gone(heard)

    async def _gone(self, heard: Heard) -> list[str]:
        """The files that were taken out of a message."""
        said = await self._said(heard)
        return taken_out(said.attachments, heard.files) if said else []

    async def _said(self, heard: Heard) -> MessageReceived | None:
        key = f"{SURFACE}:{heard.channel}:{heard.ts}"
        stored = await self.store.said(SURFACE, f"{heard.channel}:", key)
        said = parse(stored.body) if stored else None
        return said if isinstance(said, MessageReceived) else None

    async def _files_after(self, heard: Heard) -> None:
        """The files of a mention, whose event had none: the message's own event has them."""
        if heard.kind != "message" or not heard.files or heard.key not in self._bare:
            return
        self._bare.discard(heard.key)
        files, missing = await self.link.intake(self.store).keep(heard.files)
        who, key = await self.person(heard.user), f"{heard.key}:files"
        base = Inbound(surface=SURFACE, external_id=heard.conversation, key=key, author=who)
        await self.receive(base.model_copy(update={"text": "\n".join(missing), "attachments": files}))

    async def _placed(self, heard: Heard) -> Heard:
        """A change that need not say in which thread, or whose message it was: the log knows."""
        said = await self._said(heard)
        if said is None:
            if len(self._early) >= SPEAKERS:
                self._early.clear()
            self._early[f"{heard.channel}:{heard.ts}"] = heard
            return heard
        root = said.external_id.partition(":")[2]
        return replace(heard, root=root, user=heard.user or said.author.id)

    async def accept(self, heard: Heard, *, called: bool, since: str = "") -> None:
        """Take it in; ``called``: into the middle of a thread, whose earlier words come along.

        ``since``: what was said before that ts was not said to us; "": before the message that called.
        """
        if called or since:
            await self.store.note(_since(heard), since or heard.ts)
        if await self.store.find(SURFACE, heard.conversation) is None:
            if heard.channel not in self.channels:  # not everybody who sees those sees this one
                await set_aside(self.store, SURFACE, heard.conversation)
            self.fresh = {heard.conversation: None, **dict(list(self.fresh.items())[: SPEAKERS - 1])}
        if heard.bare:
            self._bare = {heard.key, *list(self._bare)[: SPEAKERS - 1]}
        await self.receive(await self._inbound(heard, called=called))
        self.speakers.pop(heard.conversation, None)
        self.speakers[heard.conversation] = heard.user
        while len(self.speakers) > SPEAKERS:
            del self.speakers[next(iter(self.speakers))]
        if heard.kind == "message":
            self.link.later(self.signs.see(heard.channel, heard.ts, heard.root))

    def opens(self, heard: Heard) -> bool:
        """Whether a message that belongs to no thread of ours opens one."""
        if heard.channel in self.channels:
            return heard.top or heard.mention
        return (heard.mention or heard.direct) and self.elsewhere(heard.channel)

    def elsewhere(self, channel: str) -> bool:
        """Whether this repo gets what is said to us in a channel that is not its own."""
        return self.settings.elsewhere and self.rank == 0 and not owners.claimed(self, channel)

    def allows(self, user: str) -> bool:
        """Whether this person may use the door."""
        return not self.settings.users or user in {*self.settings.users, *self.settings.admins}

    async def person(self, user: str) -> Person:
        """Who it is."""
        known = await self.link.intake(self.store).person(user)
        return known.model_copy(update={"admin": user in self.settings.admins})

    async def _inbound(self, heard: Heard, *, called: bool) -> Inbound:
        base = Inbound(
            surface=SURFACE,
            external_id=heard.conversation,
            key=heard.key,
            author=await self.person(heard.user),
        )
        about = f"{heard.channel}:{heard.ts}"
        if heard.kind == "delete":
            return base.model_copy(update={"deletes": about})
        if heard.kind == "edit":
            gone = await self._gone(heard)
            return base.model_copy(update={"edits": about, "text": heard.text, "gone": gone})
        intake = self.link.intake(self.store)
        files, missing = await intake.keep(heard.files)
        words = [heard.text, *missing]
        if called and not for_itself(heard.text):
            us = await self.link.us()
            earlier = await intake.history(heard.channel, heard.root, until=heard.ts, us=us)
            words += ["", BEFORE, earlier] if earlier else []
            words[0] = words[0] or (LOOK if earlier and not files else "")
        text = "\n".join(words).strip() or ("" if files else "/help")
        address = (await self.link.us()).link(heard.conversation)
        return base.model_copy(update={"text": text, "attachments": files, "link": address})

    async def _cancel(self, heard: Heard) -> bool:
        """A reaction names a message; its thread is that message's."""
        root = heard.root
        if await self.store.find(SURFACE, f"{heard.channel}:{root}") is None:
            root = await self._root(heard)
        conversation = f"{heard.channel}:{root}"
        thread = await self.store.find(SURFACE, conversation)
        if thread is None or not self.allows(heard.user):
            return False
        who = await self.person(heard.user)
        if why := not_theirs(self.access, await load(self.store, thread), "approve", who):
            await self.store.note(refused(heard), "1")
            self.link.later(self.whisper(heard.channel, heard.user, f"{why} {owners.SAY_IT}", root))
            return True
        if await counted(self.store, heard):
            return True
        await self.receive(
            Inbound(surface=SURFACE, external_id=conversation, key=heard.key, author=who, action="cancel")
        )
        return True

    async def _used_up(self, conversation: str, ts: str, end: Ending) -> None:
        await replace_in(self.link, conversation, ts, ended(end))

    async def _root(self, heard: Heard) -> str:
        """The thread of the message that something is about."""
        try:
            async for message in replies(self.link.calls, f"{heard.channel}:{heard.ts}", limit=1):
                return str(message.get("thread_ts") or heard.ts)
        except SlackRefused as error:
            self.link.log.info("%s cannot be read: %s", heard.conversation, error)
        return heard.ts

    async def whisper(self, channel: str, user: str, words: str, root: str = "") -> None:
        """Tell one person, where only they see it."""
        place = {"thread_ts": root} if root else {}
        try:
            await self.link.calls.call("chat.postEphemeral", channel=channel, user=user, text=words, **place)
        except (SlackRefused, SlackAway) as error:
            self.link.log.info("%s cannot be told %r: %s", user, words, error)


def _since(heard: Heard) -> str:
    return f"{SURFACE}:since:{heard.conversation}"
