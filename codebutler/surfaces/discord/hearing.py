"""Which events are a repo's, and what they become. An event is in the store before anybody is told so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from msgspec.structs import replace

from codebutler.commands.words import SHUT, normal
from codebutler.settings.discord import Discord as Settings
from codebutler.settings.shape import Access
from codebutler.store.store import Store
from codebutler.surfaces import turned
from codebutler.surfaces.buttons import Buttons
from codebutler.surfaces.discord import direct, looks, loose
from codebutler.surfaces.discord.calls import HAS_THREAD, UNKNOWN_CHANNEL, DiscordRefused
from codebutler.surfaces.discord.inbound import SURFACE, Heard, came_along
from codebutler.surfaces.discord.link import Link
from codebutler.surfaces.discord.office import Office
from codebutler.surfaces.discord.office import place as guild_place
from codebutler.surfaces.discord.people import People
from codebutler.surfaces.discord.places import FORUMS, PRIVATE, Place, address, parent_of, room
from codebutler.surfaces.discord.signs import Signs
from codebutler.surfaces.discord.talks import Talks, goes_on, keeps_out, spoken, under
from codebutler.surfaces.discord.troubles import or_said
from codebutler.surfaces.discord.used import give_way
from codebutler.surfaces.files import taken_out
from codebutler.surfaces.loose import Unsettled
from codebutler.surfaces.wording import LOOK, for_itself, load, not_theirs
from codebutler.thread.aside import set_aside
from codebutler.thread.houses import settle
from codebutler.types import Inbound, Person

ARCHIVE_MINUTES = 10_080
CLOSED = "🔒"
"""On what is not for its author to say."""
PUTS_AWAY = SHUT | {"done"}
"""Words after which a thread need not stay in sight, once it is stopped or closed."""
BEFORE = "Said here before you were called:"


class Hearing:
    """One repo's ears."""

    def __init__(self, link: Link, settings: Settings, store: Store) -> None:
        """``receive`` is set before the link runs."""
        self.link = link
        self.settings = settings
        self.store = store
        self.channels = {c for c in (settings.channel_id, *settings.channels) if c}
        self.rank = 0
        """Its place among the repos of this process: 0 gets what is said outside of everybody's channels."""
        self.access = Access()
        """Who may decide what in threads."""
        self.foreign: AbstractSet[str] = frozenset()
        """Channels that the host gives to other repos."""
        self.office: Office
        """What admins' commands need; set before the link runs."""
        self.receive: Callable[[Inbound], Awaitable[str]]
        self.unsettled: Unsettled | None = None
        self.people = People(link, settings)
        self.talks = Talks(store)
        self.opening: set[str] = set()
        """Requests by command that are being opened."""
        self.signs = Signs(link, store, self.talks)
        self.buttons = Buttons(store, SURFACE, partial(give_way, link, self.talks))

    async def hear(self, heard: Heard) -> bool:
        """Take it in, if it is this repo's; then it is in the store when this returns."""
        place = await self._place(heard)
        if place is None:
            return False
        conversation = await self.conversation(place, heard)
        thread = await self.store.find(SURFACE, conversation) if conversation else None
        if heard.kind in {"delete", "cancel"}:
            return thread is not None and await self._about(heard, place, conversation)
        if thread is None and heard.kind == "edit" and (heard.mention or await loose.put_right(self, heard)):
            heard = replace(heard, kind="message")  # who forgot to call us has put it right
        begins = thread is not None or await self._begins(heard, place, conversation)
        if not begins or await self._among_people(heard, place):
            return False
        if await turned.kept(self.store, SURFACE, f"{heard.channel}:{heard.id}"):
            return True
        if not await self.allows(heard.user, heard.roles, heard.guild or place.guild):
            await turned.keep(self.store, SURFACE, heard)
            self._refuse(heard, place)
            return True
        if await self._is_known(thread, heard, place, conversation):
            return True
        if thread is None and self._is_talk(place):
            await self.talks.begin(conversation)
        if thread is not None and not await self._steers(heard, place, conversation, thread):
            await turned.keep(self.store, SURFACE, heard)
            self.link.later(self.signs.react(heard.channel, heard.id, CLOSED))
            return True
        await self.accept(heard, place, conversation, called=thread is None and heard.mention)
        return True

    async def accept(self, heard: Heard, place: Place, conversation: str, *, called: bool) -> None:
        """Take it in; ``called``: into a talk whose earlier words come along."""
        await self.settle(place, conversation)
        await self.signs.shut(conversation, on=normal(heard.text) in PUTS_AWAY)
        if called:
            await self.store.note(f"{SURFACE}:since:{conversation}", heard.id)
        await self.receive(await self._inbound(heard, place, conversation, called=called))
        if heard.kind == "message":
            self.link.later(self._received(heard, place, conversation))

    async def _is_known(self, thread: str | None, heard: Heard, place: Place, conversation: str) -> bool:
        """Whether it is in the log, or came along as what people said among themselves before they called us.

        A "go" of that time approves nothing; one outside of all threads neither, as its author hears.
        """
        if thread is None:
            return await loose.is_loose(self, heard, place)
        if await self.store.heard(thread, f"{SURFACE}:{heard.key}"):
            return True
        since = await self.store.noted(f"{SURFACE}:since:{conversation}") if heard.kind == "message" else ""
        return bool(since) and int(heard.id) < int(since)

    async def _received(self, heard: Heard, place: Place, conversation: str) -> None:
        """Say that it is in the log, where its thread is."""
        talk = await self.talks.state(conversation) == "open"
        if not place.thread and not place.direct and not talk:
            await or_said(self.open_thread(conversation), self.link.calls, heard.channel, heard.id)
        await self.signs.see(conversation, heard.channel, heard.id)
        if place.direct:
            await direct.explain(self, heard, conversation)

    async def open_thread(self, conversation: str) -> None:
        """Open the thread of a conversation's first message, named after the task. Again is a no-op."""
        thread = await self.store.find(SURFACE, conversation)
        row = await self.store.thread(thread) if thread else None
        try:
            await self.link.calls.call(
                "POST",
                "/channels/{channel_id}/messages/{message_id}/threads",
                body={"name": looks.name(row.title if row else ""), "auto_archive_duration": ARCHIVE_MINUTES},
                channel_id=parent_of(conversation),
                message_id=room(conversation)[1],
            )
        except DiscordRefused as error:
            if error.code != HAS_THREAD:
                raise

    async def _place(self, heard: Heard) -> Place | None:
        try:
            return await self.link.places.of(heard.channel)
        except DiscordRefused as error:
            if error.code != UNKNOWN_CHANNEL:
                raise
            return None

    async def _begins(self, heard: Heard, place: Place, conversation: str) -> bool:
        """Whether it opens a thread here."""
        if heard.kind != "message" or not self.opens(heard, place):
            self.link.later(loose.not_yet(self, heard, place))
            return False
        return not await self._anothers(conversation)

    def _refuse(self, heard: Heard, place: Place) -> None:
        """Tell who may not use us, if they called us; in a channel or thread of ours a sign says it."""
        if heard.mention or place.direct:
            self.link.later(self.people.turn_away(heard.user))
        else:
            self.link.later(self.signs.react(heard.channel, heard.id, CLOSED))

    async def _among_people(self, heard: Heard, place: Place) -> bool:
        """Whether it is for another person: by its first word, or as a reply in a thread of people's own."""
        if heard.mention or place.direct or heard.kind != "message":
            return False
        own = place.thread and place.parent not in self.channels and place.owner != await self.link.us()
        return heard.aside or (own and bool(heard.quote))

    async def conversation(self, place: Place, heard: Heard) -> str:
        """The conversation that a message belongs to, or would open."""
        if place.direct:
            return await direct.conversation(self, place.id, heard)
        if place.thread:
            return f"{place.parent}:{place.id}"
        about = f"{place.id}:{heard.id}"
        if heard.kind in {"message", "cancel"} and (there := await goes_on(self, heard, place)):
            return there
        if heard.kind == "message":
            return await under(self.store, heard, place) or about
        said = await spoken(self.store, f"{place.id}:", about)
        return said.external_id if said is not None else about

    def _is_talk(self, place: Place) -> bool:
        """Whether a message there begins a talk: a mention in a channel that is not the repo's."""
        return not place.thread and not place.direct and place.id not in self.channels

    async def _steers(self, heard: Heard, place: Place, conversation: str, thread: str) -> bool:
        """Whether this person is heard: in what has become work from a talk, who asked and who approves."""
        if await self.talks.state(conversation) != "thread":
            return True
        who = await self.people.person(heard.user, heard.name, heard.roles, heard.guild or place.guild)
        return not await keeps_out(self, who, conversation, thread)

    def opens(self, heard: Heard, place: Place) -> bool:
        """Whether a message that belongs to no thread of ours opens one."""
        home = place.parent if place.thread else place.id
        if home in self.channels:
            return heard.mention or not place.thread or heard.id == place.id
        guild = heard.guild or place.guild
        if guild and self.settings.guild_id not in {None, guild}:
            return False  # whoever invites the bot into a guild of theirs must not spend here
        return (heard.mention or place.direct) and self.elsewhere(home)

    def elsewhere(self, channel: str) -> bool:
        """Whether it takes requests from a channel that is nobody's."""
        theirs = channel in self.foreign or any(channel in door.channels for door in self.link.doors)
        return self.settings.elsewhere and self.rank == 0 and not theirs

    async def settle(self, place: Place, conversation: str) -> None:
        """Keep whose settings count in a conversation, its guild's, and whether all may know of it."""
        if place.guild and not place.direct:
            await settle(self.store, SURFACE, conversation, guild_place(place.guild))
        if place.direct or place.type == PRIVATE or parent_of(conversation) not in self.channels:
            await set_aside(self.store, SURFACE, conversation)

    async def _anothers(self, conversation: str) -> bool:
        """Whether another repo of this process has the thread."""
        others = [door for door in self.link.doors if door is not self]
        return any([await door.store.find(SURFACE, conversation) is not None for door in others])

    async def allows(
        self, user: str, roles: Sequence[str] | None, guild: str, *, manages: bool = False
    ) -> bool:
        """Whether this person may use the door. Whoever ``manages`` the guild is not bound by its roles."""
        home = guild or self.settings.guild_id or ""  # who writes directly is whoever they are there
        listed = () if manages else (await self.office.house(home)).roles
        return await self.people.allows(user, roles, guild, listed)

    async def _inbound(self, heard: Heard, place: Place, conversation: str, *, called: bool) -> Inbound:
        author = await self.people.person(heard.user, heard.name, heard.roles, heard.guild or place.guild)
        base = Inbound(surface=SURFACE, external_id=conversation, key=heard.key, author=author)
        if heard.kind == "edit":
            about = f"{heard.channel}:{heard.id}"
            said = await spoken(self.store, conversation, about)
            gone = taken_out(said.attachments, heard.files, name="filename") if said else []
            text = heard.text + came_along(said.text, heard.quote, BEFORE) if said else heard.text
            return base.model_copy(update={"edits": about, "text": text, "gone": gone})
        intake = self.link.intake(self.store)
        files, missing = await intake.keep(heard.files)
        words = [heard.text, *missing]
        if heard.quote and await spoken(self.store, conversation, f"{heard.channel}:{heard.reply}") is None:
            words += ["", heard.quote]
        if called and not place.direct and not for_itself(heard.text):
            us = await self.link.us()
            ours = self._is_talk(place)
            earlier = await intake.history(heard.channel, before=heard.id, us=us, ours=ours)
            words += ["", BEFORE, earlier] if earlier else []
            words[0] = words[0] or (LOOK if earlier and not heard.quote and not files else "")
        if place.thread and place.type and heard.id == place.id and await self._in_forum(place):
            words.insert(0, place.name)
        bare = "What can you do here?" if self._is_talk(place) else "/help"
        text = "\n".join(words).strip() or ("" if files else bare)
        first = "" if not place.direct else heard.id
        link = address(self.link.calls.base, heard.guild or place.guild, room(conversation)[0], first)
        return base.model_copy(update={"text": text, "attachments": files, "link": link})

    async def _in_forum(self, place: Place) -> bool:
        return (await self.link.places.of(place.parent)).type in FORUMS

    async def _about(self, heard: Heard, place: Place, conversation: str) -> bool:
        """A message was taken back, or a reaction says to cancel."""
        about = f"{heard.channel}:{heard.id}"
        base = Inbound(
            surface=SURFACE, external_id=conversation, key=heard.key, author=Person(surface="", id="")
        )
        if heard.kind == "delete":
            said = await spoken(self.store, conversation, about)
            if said is None:
                return False
            await self.receive(base.model_copy(update={"deletes": about, "author": said.author}))
            return True
        guild = heard.guild or place.guild
        if not await self.allows(heard.user, heard.roles, guild):
            return True
        author = await self.people.person(heard.user, heard.name, heard.roles, guild)
        thread = await self.store.find(SURFACE, conversation)
        if thread and not_theirs(self.access, await load(self.store, thread), "approve", author):
            return True
        await self.receive(base.model_copy(update={"author": author, "action": "cancel"}))
        return True
