"""What the Coder made of a review goes back to where it was said: answered, resolved, and asked for again."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterable, Iterator

from msgspec import Struct

from codebutler.errors import RepoError
from codebutler.events import Event, FrameEnded, MendBegun, MendRequested, Pushed
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.store.store import Store
from codebutler.surfaces.github.hearing import Hearing
from codebutler.surfaces.github.reviews import answered_key, review_threads
from codebutler.surfaces.github.saying import mark_line, marks_in, quiet
from codebutler.thread.state import ThreadState
from codebutler.types import Json

log = logging.getLogger("codebutler.github")
LONGEST = 4_000
"""Characters of one answer."""
UNSAID = (
    "Nothing was said in answer to these points of the review:\n{points}\n\n"
    "`@{us} respond` has them looked at again."
)
_POINT = re.compile(r"^- \[[cr]\d{1,18}\].*$", re.MULTILINE)
_ASKED = re.compile(r"^- \[([cr]\d{1,18})\]", re.MULTILINE)
_ANSWER = re.compile(
    r"^[ \t*-]*\[([cr]\d{1,18})\][ \t*]*(fixed|declined|answered)[ \t*]*[:\u2013-][ \t*]*(\S.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id } } }"


class Answer(Struct, frozen=True):
    """What was made of one point: ``how`` is fixed, declined or answered."""

    how: str
    words: str


class _Run(Struct):
    """One run of the Coder for a request: its last words, and the commit that it pushed, "" for none."""

    wish: MendRequested
    frame: str
    text: str = ""
    commit: str = ""


def _seen_to(events: Iterable[Event]) -> Iterator[_Run]:
    """The runs that ended, in order. Requests wait for one another."""
    wishes: deque[MendRequested] = deque()
    run: _Run | None = None
    for event in events:
        if isinstance(event, MendRequested):
            wishes.append(event)
        elif isinstance(event, MendBegun) and wishes:
            run = _Run(wishes.popleft(), event.frame)
        elif run is not None and isinstance(event, Pushed):
            run.commit = event.commit
        elif run is not None and isinstance(event, FrameEnded) and event.frame == run.frame:
            run.text = event.text
            yield run
            run = None


def answers(text: str, asked: str) -> dict[str, Answer]:
    """The Coder's last words, by the mark of a point that was put to it; the first answer to each counts."""
    known = set(_ASKED.findall(asked))
    found: dict[str, Answer] = {}
    for mark, how, words in _ANSWER.findall(text):
        if mark in known:
            found.setdefault(mark, Answer(how.lower(), words.strip()[:LONGEST]))
    return found


class Replying:
    """Answers to reviews, for one repository."""

    def __init__(self, hearing: Hearing, store: Store) -> None:
        """Nothing is said yet."""
        self._calls, self._people, self._store = hearing.calls, hearing.people, store
        self._name, self._us = hearing.full_name, hearing.settings.mention.removeprefix("@")
        self._path = f"/repos/{hearing.full_name}"

    async def see_to(self, state: ThreadState, pull: Json) -> None:
        """Say what was made of each review that a Coder's run has seen to, once; its work is pushed."""
        for run in _seen_to(event for _, _, event in state.live):
            if run.wish.about == "review":
                await self._answer(state.id, pull, run)

    async def _answer(self, thread: str, pull: Json, run: _Run) -> None:
        key = f"answered:{thread}:{run.frame}"
        if await self._store.noted(key):
            return
        found, commit = answers(run.text, run.wish.text), run.commit
        number = int(pull["number"])
        await self._in_place(f"{key}:", number, found, commit)
        await self._on_the_whole(f"{key}:reviews", number, found, commit)
        left = [row[2:] for row in _POINT.findall(run.wish.text) if _ASKED.findall(row)[0] not in found]
        if left:
            await self._once(
                f"{key}:left", number, UNSAID.format(points="\n".join(map(_place, left)), us=self._us)
            )
        if any(answer.how == "fixed" for answer in found.values()):
            await self._ask_again(number, str((pull.get("user") or {}).get("login")))
        await self._store.note(key, "said")

    async def _in_place(self, key: str, number: int, found: dict[str, Answer], commit: str) -> None:
        """Below each comment on a line; what was fixed is resolved."""
        points = {mark: answer for mark, answer in found.items() if mark.startswith("c")}
        if not points:
            return
        rows = await self._calls.pages(f"{self._path}/pulls/{number}/comments")
        standing = {mark for row in rows if await self._is_ours(row) for mark in marks_in(_body(row))}
        threads = await review_threads(self._calls, self._name, number)
        for mark, answer in points.items():
            line, comment = mark_line(key + mark), int(mark[1:])
            if line not in standing and any(int(row["id"]) == comment for row in rows):
                body = f"{_said(answer, commit)}\n\n{line}"
                path = f"{self._path}/pulls/{number}/comments/{comment}/replies"
                await self._calls.send("POST", path, {"body": body})
            thread = threads.get(comment)
            if answer.how == "fixed" and commit and thread is not None and not thread.resolved:
                await self._quietly_resolve(thread.id)

    async def _on_the_whole(self, key: str, number: int, found: dict[str, Answer], commit: str) -> None:
        """What reviews said as a whole is answered in one comment."""
        points = [(mark, answer) for mark, answer in found.items() if mark.startswith("r")]
        if not points:
            return
        said = "\n".join(f"- {_said(answer, commit)}" for _, answer in points)
        await self._once(key, number, f"To the review:\n{said}")
        for mark, _ in points:
            await self._store.note(answered_key(self._name, mark), "said")

    async def _once(self, key: str, number: int, words: str) -> None:
        """A comment on the pull request, unless it stands there already."""
        path, line = f"{self._path}/issues/{number}/comments", mark_line(key)
        ours = [row for row in await self._calls.pages(path) if line in marks_in(_body(row))]
        if not [row for row in ours if await self._is_ours(row)]:
            await self._calls.send("POST", path, {"body": f"{words}\n\n{line}"})

    async def _ask_again(self, number: int, author: str) -> None:
        """Who reviewed is asked to look again; one who cannot be asked is left out."""
        rows = await self._calls.pages(f"{self._path}/pulls/{number}/reviews")
        who = dict.fromkeys(
            str(row["user"]["login"]) for row in rows if row.get("user") and not marks_in(_body(row))
        )
        for login in who:
            if login == author:
                continue
            try:
                path = f"{self._path}/pulls/{number}/requested_reviewers"
                await self._calls.send("POST", path, {"reviewers": [login]})
            except RepoError as error:
                log.info("#%s: %s cannot be asked again: %s", number, login, error)

    async def _quietly_resolve(self, thread: str) -> None:
        try:
            await self._calls.graphql(_RESOLVE, write=True, id=thread)
        except GitHubRefused as error:  # a server without GraphQL; the answer stands all the same
            log.info("a review's thread stays open: %s", error)

    async def _is_ours(self, row: Json) -> bool:
        return bool(marks_in(_body(row))) and await self._people.wrote(row.get("user") or {})


def _said(answer: Answer, commit: str) -> str:
    where = f" in `{commit[:12]}`" if commit and answer.how == "fixed" else ""
    head = {"fixed": f"Fixed{where}: ", "declined": "Not changed: "}.get(answer.how, "")
    return quiet(head + answer.words)


def _place(point: str) -> str:
    """Where a point stands and who made it, of the line by which the Coder was told of it."""
    words = point.partition("] ")[2].partition("): ")[0]
    return f"- {quiet(words)})"


def _body(row: Json) -> str:
    return str(row.get("body") or "")
