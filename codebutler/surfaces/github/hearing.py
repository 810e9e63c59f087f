"""The one handler behind polling and webhooks: who asks, what, and in which thread."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

from codebutler.commands.builtin import AT_GITHUB
from codebutler.errors import RepoError
from codebutler.forges.github.calls import Calls
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.forges.github.spot import web_url
from codebutler.settings.github import GitHub as Settings
from codebutler.store.store import Store
from codebutler.surfaces.github.inbound import Heard
from codebutler.surfaces.github.people import BOT, SURFACE, People
from codebutler.surfaces.github.proofs import Proofs
from codebutler.surfaces.github.reviewing import Reviewing
from codebutler.surfaces.github.reviews import gathered, unchanged
from codebutler.surfaces.github.saying import mark_line, marks_in
from codebutler.surfaces.github.seen import seen_by
from codebutler.surfaces.github.visible import title_of, visible
from codebutler.surfaces.github.wishes import APPROVALS, BEGINS, Wish, command_of, held_back, is_idle, wish_of
from codebutler.thread.audit import ASKED
from codebutler.types import Inbound, Json, Person

log = logging.getLogger("codebutler.github")
BEFORE = 20
"""Comments from before the command that come along."""
IDLE = "Nothing is under way here. `@{name} plan` begins."
NO_PULL = "`{verb}` is for pull requests, and this is an issue. `@{name} plan` begins work on it."
FOR_PULLS = frozenset({"respond", "review"})
THEIRS = "#{number} was not opened by me: merge it on its page."
CHANGED = "The text of this {what} was changed after you called me. Say it again if it still holds."
_EDITS = (
    "query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) {"
    " issueOrPullRequest(number: $number) {"
    " ... on Issue { lastEditedAt body title } ... on PullRequest { lastEditedAt body title } } } }"
)


class Hearing:
    """One repository's ears. ``receive`` is set before anything is heard."""

    def __init__(self, calls: Calls, settings: Settings, store: Store, full_name: str) -> None:
        """``full_name`` is ``owner/name``."""
        self.calls = calls
        self.settings = settings
        self.store = store
        self.full_name = full_name
        self.people = People(calls, full_name, web_url(settings))
        self.proofs = Proofs(calls, self.people, store)
        self.reviewing = Reviewing(calls, self.people, store, full_name)
        self.commands: Collection[str] = ()
        """The names of all commands."""
        self.receive: Callable[[Inbound], Awaitable[str]]
        self._later: set[asyncio.Task[None]] = set()

    async def hear(self, heard: Heard) -> bool:
        """Take it in if it asks something of us; then it is in the store when this returns.

        GitHubAway when who asks, or what, could not be found out: it may be heard again.
        """
        if heard.bot or marks_in(heard.text):
            return False
        wish = await self._wish(heard)
        if wish is None or await self.store.noted(self._key(heard)):
            return False
        if wish.verb == "link" and await self.proofs.comment(heard.login, wish.rest):
            await self._note(heard, "linked")
            self.later(self._say(heard, wish.linked(heard.login)))
            return True
        thread, conversation = await self._thread(heard)
        if thread is not None and await self._was_heard(thread, conversation, f"{SURFACE}:{heard.key}"):
            return True
        person = await self.people.writer(heard.login)
        if person is None:
            await self._refuse(heard, wish)
            return True
        if (no := await self._no_place(heard, wish, thread)) is not None:
            await self._answer(heard, person, *no)
            return True
        text = await self._words(heard, wish, thread)
        if text is None:
            what = "pull request" if heard.pull else "issue"
            await self._answer(heard, person, CHANGED.format(what=what), "the text was changed meanwhile")
            return True
        if wish.verb == "review" and heard.pull:
            await self.reviewing.expect(heard.number, heard.key)
        seen = await seen_by(self.calls, self.store, thread, self.full_name, heard) if thread else ""
        await self.receive(
            Inbound(
                surface=SURFACE, external_id=conversation, key=heard.key, author=person, text=text, seen=seen
            )
        )
        if thread is not None and wish.verb and not text.startswith("/"):
            await self._note(heard, "said to the thread", thread=thread)
        self.later(self._react(heard))
        return True

    async def is_to_hear(self, heard: Heard) -> bool:
        """Whether it asks something of us and was not dealt with yet."""
        return await self._wish(heard) is not None and not await self.store.noted(self._key(heard))

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside; that it fails stops nothing."""
        task = asyncio.create_task(self._quietly(work))
        self._later.add(task)
        task.add_done_callback(self._later.discard)
        task.add_done_callback(lambda _: work.close())  # one that was cancelled before its first step

    async def close(self) -> None:
        """Nothing is done beside any more."""
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except RepoError as error:
            log.info("%s", error)

    # ------------------------------------------------------------------------ what and where

    async def _wish(self, heard: Heard) -> Wish | None:
        us = await self.people.us()
        if heard.kind == "assigned":  # who takes an issue on by the account that we use asks us for nothing
            return Wish("plan", "") if us and heard.subject == us != heard.login else None
        if heard.kind == "labeled":
            label, ours = heard.subject.casefold(), [each.casefold() for each in self.settings.pr_labels]
            if label != (self.settings.trigger_label or "").casefold() or (heard.pull and label in ours):
                return None  # what we put on our own pull requests asks us for nothing
            return Wish("plan", "")
        names = {self.settings.mention.removeprefix("@"), "codebutler", us, us.removesuffix(BOT)} - {""}
        return wish_of(heard.text, names, self.commands)

    async def _thread(self, heard: Heard) -> tuple[str | None, str]:
        """The thread of an issue or pull request, and what its conversation is called."""
        kind = "/pull/" if heard.pull else "#"
        conversation = f"{self.full_name}{kind}{heard.number}"
        thread = await self.store.find(SURFACE, conversation)
        if thread is None and heard.pull:
            rows = [row for row in await self.store.threads() if row.pr == str(heard.number)]
            if rows:
                thread = rows[0].id
                await self.store.bind(thread, SURFACE, conversation)
        return thread, conversation

    async def _was_heard(self, thread: str, conversation: str, key: str) -> bool:
        """By the thread, or by one that it goes on from."""
        return await self.store.heard(thread, key) or await self.store.heard_before(
            SURFACE, conversation, key
        )

    async def _words(self, heard: Heard, wish: Wish, thread: str | None) -> str | None:
        """What the thread is told; None when the issue's own text was changed after the command."""
        place = f"\n\nOn this line: {visible(heard.where)}" if heard.where else ""
        if wish.verb == "review" and heard.pull:
            return await self.reviewing.request(heard.number, heard.login, wish.rest)
        if wish.verb == "respond" and heard.pull:
            place += "\n\n" + await self.review(heard.number, until=heard.at)
        if thread is not None:
            ours = heard.pull and await self._is_ours(thread, heard)
            said = (wish.rest + place).strip()
            row = await self.store.thread(thread)
            if wish.verb == "respond" and not heard.pull and row is not None and row.pr.isdigit():
                found = await self.review(int(row.pr), until=heard.at)  # it was said in the issue
                return f"/respond {said}\n\n{found}".strip()
            if wish.verb == "plan" and row is not None and row.phase == "closed":
                return f"/reopen {said}".strip()
            return self._in_thread(wish, said, ours=ours)
        issue = await self._issue(heard)
        if issue is None:
            return None
        what = "pull request" if heard.pull else "issue"
        parts = [f"{title_of(issue[0])}\n\n({what} #{heard.number} of {self.full_name})", visible(issue[1])]
        parts += [f"{heard.login} adds: {wish.rest}{place}"] if wish.rest or place else []
        parts += await self._earlier(heard)
        return "\n\n".join(part for part in parts if part)

    async def review(self, number: int, *, until: str = "9999") -> str:
        """What reviewers of a pull request want, said before ``until``, as GitHub writes times; or ""."""
        found = gathered(self.calls, self.people, self.store, self.full_name, number, until=until)
        return await found

    async def _no_place(self, heard: Heard, wish: Wish, thread: str | None) -> tuple[str, str] | None:
        """Where a command can mean nothing: what is answered, and what the audit says of it."""
        name = self.settings.mention
        if held := held_back(wish, name):
            return held, "held back by the words before it"
        if wish.verb == "link" and (thread is None or wish.rest):
            return wish.no_code(heard.login, name), "no such code"
        if thread is None and wish.verb and wish.verb not in BEGINS:
            more = AT_GITHUB if wish.verb == "help" else ""
            return f"{IDLE.format(name=name)}{more}", "nothing is under way"
        if thread is None and wish.verb in FOR_PULLS and not heard.pull and is_idle(wish.rest):
            return NO_PULL.format(name=name, verb=wish.verb), "no pull request"
        if wish.merges and heard.pull and thread and not await self._is_ours(thread, heard):
            return THEIRS.format(number=heard.number), "not our pull request"
        return None

    async def _is_ours(self, thread: str, heard: Heard) -> bool:
        """Whether it is the number of the pull request that the thread opened."""
        row = await self.store.thread(thread)
        return row is not None and row.pr == str(heard.number)

    def _in_thread(self, wish: Wish, said: str, *, ours: bool) -> str:
        """What a wish is called in a thread that exists; ``ours``: the pull request is the thread's own."""
        if wish.verb in APPROVALS:
            return command_of(wish.verb, said)
        if wish.verb == "plan":
            return said or "Plan this anew."
        if wish.verb == "respond":
            return f"/respond {said}".strip() if ours else said or "Answer the review."
        if wish.verb in self.commands:
            return command_of(wish.verb, wish.rest)
        return f"{wish.verb} {said}".strip()

    async def _issue(self, heard: Heard) -> tuple[str, str] | None:
        """Title and text as they stood when the command came; None when that cannot be had any more."""
        if heard.title is not None and heard.body is not None:
            return heard.title, heard.body
        owner, _, name = self.full_name.partition("/")
        try:
            data = await self.calls.graphql(_EDITS, owner=owner, name=name, number=heard.number)
            found: Json = (data.get("repository") or {}).get("issueOrPullRequest") or {}
            if str(found.get("lastEditedAt") or "") >= heard.at:  # times are whole seconds
                return None
        except GitHubRefused:  # a server without GraphQL does not say when a text was changed
            found = {}
        if "body" not in found:
            found = await self.calls.get(f"/repos/{self.full_name}/issues/{heard.number}")
        return await self._title(heard, str(found.get("title") or "")), str(found.get("body") or "")

    async def _title(self, heard: Heard, now: str) -> str:
        """The title as it stood when the command came: what it was called before is in its history."""
        try:
            rows = await self.calls.pages(f"/repos/{self.full_name}/issues/{heard.number}/events", most=5)
        except GitHubRefused:  # a server that keeps none
            return now
        later = [r for r in rows if r.get("event") == "renamed" and str(r.get("created_at")) >= heard.at]
        first = min(later, key=lambda row: int(row["id"]), default=None)
        return now if first is None else str((first.get("rename") or {}).get("from") or now)

    async def _earlier(self, heard: Heard) -> list[str]:
        """What was said before the command, and not changed since."""
        path = f"/repos/{self.full_name}/issues/{heard.number}/comments"
        rows = await self.calls.pages(path, most=5)
        said = []
        for row in rows:
            body = str(row.get("body") or "")
            old = str(row["created_at"]) <= heard.at and unchanged(row, heard.at)
            if heard.kind == "comment":
                old = old and int(row["id"]) < heard.comment  # times are whole seconds
            if old and not marks_in(body):
                said.append(f"> {(row.get('user') or {}).get('login')}: {visible(body)[:2_000]}")
        return ["Said there before:\n" + "\n>\n".join(said[-BEFORE:])] if said else []

    # --------------------------------------------------------------------------- small answers

    async def _refuse(self, heard: Heard, wish: Wish) -> None:
        """Who may not write gets one line in an issue, or none."""
        await self._note(heard, "no write access")
        once = f"{SURFACE}:{self.full_name}:stranger:{heard.number}:{heard.login}"
        if self.settings.reply_strangers and not await self.store.noted(once):
            await self.store.note(once, heard.at or "said")
            self.later(self._say(heard, wish.refusal(heard.login, self.settings.mention)))

    async def _answer(self, heard: Heard, person: Person, words: str, result: str) -> None:
        await self._note(heard, result)
        self.later(self._say(heard, f"@{person.id}: {words}"))

    async def _say(self, heard: Heard, words: str) -> None:
        path = f"/repos/{self.full_name}/issues/{heard.number}/comments"
        await self.calls.send("POST", path, {"body": f"{words}\n\n{mark_line(heard.key)}"})

    async def _note(self, heard: Heard, result: str, *, thread: str = "") -> None:
        """For the audit, and so that it is dealt with once: by ``thread``, or by an answer here."""
        what = {"at": heard.at, "who": heard.login, "where": f"{self.full_name}#{heard.number}"}
        said = visible(heard.text)[:200] or heard.kind
        key = f"{ASKED}{SURFACE}:{self.full_name}:{heard.key}" if thread else self._key(heard)
        note = {**what, "what": said, "result": result, **({"thread": thread} if thread else {})}
        await self.store.note(key, json.dumps(note))

    def _key(self, heard: Heard) -> str:
        return f"audit:{SURFACE}:{self.full_name}:{heard.key}"

    async def _react(self, heard: Heard) -> None:
        """The eyes say that it was heard."""
        base = f"/repos/{self.full_name}"
        path = {
            "comment": f"{base}/issues/comments/{heard.comment}/reactions",
            "line": f"{base}/pulls/comments/{heard.comment}/reactions",
        }.get(heard.kind, f"{base}/issues/{heard.number}/reactions")
        await self.calls.send("POST", path, {"content": "eyes"})
