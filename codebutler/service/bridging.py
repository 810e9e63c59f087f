"""One thread, two doors: an issue at GitHub and a conversation in a chat, whichever of them came first."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from codebutler.errors import CodeButlerError
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.service.github_side import GitHubSide
from codebutler.store.store import Store
from codebutler.surfaces.github.people import SURFACE
from codebutler.surfaces.github.visible import title_of, visible
from codebutler.thread.issues import ADOPTED, AS_IT_STANDS
from codebutler.types import Inbound, Json, Person, Record

log = logging.getLogger("codebutler.bridging")
Receive: TypeAlias = Callable[[Inbound], Awaitable[str]]
ADOPT, DONE = "adopt:", "done"
"""Notes of issues that were named in chats: the wish, until it is done."""


class Wish(Record):
    """Issue ``number`` was named in a chat's ``thread``, by somebody."""

    thread: str
    number: int
    by: Person


class Chat(Protocol):
    """A chat door that can begin a conversation by itself."""

    @property
    def name(self) -> str:
        """The surface's name."""
        ...

    async def begin(self, text: str, *, mark: str) -> str:
        """Begin a conversation with ``text``, once for each ``mark``; returns what it is called."""
        ...

    async def address(self, conversation: str) -> str:
        """Its URL."""
        ...


class Bridge:
    """Binds threads of one repo to both sides."""

    def __init__(self, store: Store, github: GitHubSide, chats: Sequence[Chat]) -> None:
        """Nothing is bound yet."""
        self._store = store
        self._github = github
        self._chats = chats
        full = re.escape(github.hearing.full_name)
        self._named = re.compile(
            rf"\bhttps?://[^\s/|>]+/{full}/(?:issues|pull)/(?P<there>\d{{1,9}})\b"
            r"|\b(?:plan|implement):?\s+(?:issue\s+)?#(?P<here>\d{1,9})\b",
            re.IGNORECASE,
        )

    def from_github(self, receive: Receive) -> Receive:
        """What comes from GitHub gets a conversation in each chat."""

        async def received(inbound: Inbound) -> str:
            thread = await receive(inbound)
            if thread and self._chats and not await self._store.noted(f"partner:{thread}"):
                await self._store.note(f"partner:{thread}", "wanted")
                self._github.hearing.later(self._partner(thread, inbound.external_id))
            return thread

        return received

    def from_chat(self, receive: Receive) -> Receive:
        """What is said in a chat about an issue, by its address or as "plan #12", is shown there too."""

        async def received(inbound: Inbound) -> str:
            thread = await receive(inbound)
            named = self._named.search(inbound.text)
            number = int(named["there"] or named["here"]) if named is not None else 0
            key = f"{ADOPT}{thread}:{number}"
            if thread and number and inbound.key and not await self._store.noted(key):
                wish = Wish(thread=thread, number=number, by=inbound.author)
                await self._store.note(key, wish.model_dump_json())
                self._github.hearing.later(self._adopt(wish))
            return thread

        return received

    async def resume(self) -> None:
        """Open what a crash kept from being opened."""
        for bound in await self._store.bound(SURFACE):
            if bound.phase != "closed" and await self._store.noted(f"partner:{bound.thread}") == "wanted":
                self._github.hearing.later(self._partner(bound.thread, bound.external_id))
        for noted in await self._store.notes(ADOPT):
            if noted != DONE:
                self._github.hearing.later(self._adopt(Wish.model_validate_json(noted)))

    async def _partner(self, thread: str, external_id: str) -> None:
        row = await self._store.thread(thread)
        there = dict(await self._store.bindings(thread))
        if row is None:
            return
        kind = "Pull request" if "/pull/" in external_id else "Issue"
        number = external_id.replace("/pull/", "#").rpartition("#")[2]
        for chat in self._chats:
            if chat.name not in there:
                text = f"{kind} #{number}: {row.title}\n{self._github.page(external_id)}"
                conversation = await chat.begin(text, mark=f"partner:{thread}")
                await self._store.bind(thread, chat.name, conversation)
                await self._link(thread, chat, conversation)
        await self._store.note(f"partner:{thread}", "opened")

    async def _adopt(self, wish: Wish) -> None:
        """The issue's own words come into the thread, and its status onto the issue."""
        try:
            await self._bring(wish.thread, wish.number, wish.by)
        except GitHubRefused as error:  # no such issue, or none that we may see: it is not asked for again
            log.info("#%d is left out: %s", wish.number, error)
        await self._store.note(f"{ADOPT}{wish.thread}:{wish.number}", DONE)

    async def _bring(self, thread: str, number: int, by: Person) -> None:
        hearing = self._github.hearing
        issue: Json = await hearing.calls.get(f"/repos/{hearing.full_name}/issues/{number}")
        place = f"{hearing.full_name}{'/pull/' if 'pull_request' in issue else '#'}{number}"
        bound = await self._store.find(SURFACE, place)
        if bound not in (None, thread):
            return  # it has a thread of its own: one issue, one thread
        await self._store.bind(thread, SURFACE, place)
        await self._store.note(f"partner:{thread}", "opened")
        words = AS_IT_STANDS.format(number=number) + title_of(str(issue.get("title") or ""))
        text = f"{words}\n\n{visible(str(issue.get('body') or ''))}"
        await hearing.receive(
            Inbound(surface=SURFACE, external_id=place, key=ADOPTED + thread, author=by, text=text)
        )

    async def _link(self, thread: str, chat: Chat, conversation: str) -> None:
        """For the pull request's text. Without it all else works."""
        try:
            await self._store.note(f"link:{thread}:{chat.name}", await chat.address(conversation))
        except CodeButlerError as error:
            log.info("%s has no address: %s", conversation, error)
