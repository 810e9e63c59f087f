"""Merging at GitHub: squash with the expected head, rules and merge queues respected, never forced."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence

from codebutler.errors import InMergeQueue, RepoError
from codebutler.forges.base import Patient
from codebutler.forges.github.calls import Calls
from codebutler.forges.github.pulls import Pulls, state_of
from codebutler.forges.github.refusals import GitHubAway, GitHubRefused
from codebutler.repo.words import commit_message, signature
from codebutler.types import Json, Person

SETTLE = 20.0
"""Seconds that GitHub gets to find out whether two branches conflict."""
LAG = 2.0
"""Seconds that it gets to see a push."""
LOOK = 0.5
"""Seconds between looks; more after a few."""
AWAITED = re.compile(
    r"required status checks?\b[^\n]*\b(?:expected|in progress|pending|queued)", re.IGNORECASE
)
"""What GitHub says of checks that are still to come."""
AWAITED_WAY = "Say merge again once they have passed, unless codebutler serve runs, which does so itself"
_COMMENT = re.compile(r"^<!--.*?-->\n?", re.DOTALL | re.MULTILINE)
"""What a page does not show: nothing for a commit's message."""
_ENQUEUE = (
    "mutation($id: ID!, $head: GitObjectID!) {"
    " enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head})"
    " { mergeQueueEntry { position state } } }"
)

_IN_QUEUE = "query($id: ID!) { node(id: $id) { ... on PullRequest { isInMergeQueue } } }"
_DEQUEUE = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { mergeQueueEntry { position } } }"


class Merging:
    """One repository's merges. ``queue_seconds``: how long one waits for a merge queue."""

    def __init__(self, calls: Calls, pulls: Pulls, *, queue_seconds: float) -> None:
        """Nothing happens yet."""
        self._calls = calls
        self._pulls = pulls
        self._queue_seconds = queue_seconds

    async def merge(
        self, number: int, *, expected_head: str, co_authors: Sequence[Person], patient: Patient | None = None
    ) -> str:
        """The commit that the pull request became. RepoError says what stands in the way."""
        found = await self._settled(number, expected_head)
        if state_of(found) != "open":
            return _landed(found)
        if found["head"]["sha"] != expected_head:
            raise RepoError(
                f"{found['head']['ref']} is at {found['head']['sha'][:12]}, "
                f"and {expected_head[:12]} was to be merged",
                fix="Look at what came in and say merge again",
            )
        await self._pulls.set_draft(found, draft=False)
        title = f"{found['title']} (#{number})"
        body = _COMMENT.sub("", str(found.get("body") or ""))
        text = commit_message(title, body, [signature(p) for p in co_authors])
        subject, _, rest = text.partition("\n")
        wish = {"sha": expected_head, "merge_method": "squash", "commit_title": subject}
        try:
            wish["commit_message"] = rest.strip()
            said = await self._calls.send("PUT", f"{self._pulls.path}/pulls/{number}/merge", wish)
        except GitHubAway:
            after = await self._pulls.get(number)
            if state_of(after) != "merged":
                raise
            return _landed(after)
        except GitHubRefused as error:
            return await self._refused(found, expected_head, error, patient)
        return str(said["sha"])

    async def _settled(self, number: int, expected_head: str) -> Json:
        """The pull request once GitHub has seen our push, and knows whether it can be merged."""
        until, pause = time.monotonic() + SETTLE, LOOK
        while True:
            found = await self._pulls.get(number)
            seen = found["head"]["sha"] == expected_head and found.get("mergeable") is not None
            if state_of(found) != "open" or seen or time.monotonic() > until:
                return found
            if found["head"]["sha"] != expected_head:
                until = min(until, time.monotonic() + LAG)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 4.0)

    async def _refused(
        self, found: Json, expected_head: str, error: GitHubRefused, patient: Patient | None
    ) -> str:
        number, base = found["number"], found["base"]["ref"]
        now = await self._pulls.get(number)
        if state_of(now) == "merged":
            return _landed(now)
        if "merge queue" in error.said.lower():
            return await self._queued(now, expected_head, patient)
        if error.status == 409:
            raise RepoError(
                f"{now['head']['ref']} moved meanwhile",
                fix="Look at what came in and say merge again",
            ) from error
        if now.get("mergeable") is False or now.get("mergeable_state") == "dirty":
            raise RepoError(
                f"the branch conflicts with {base}",
                fix=f"Say rebase: the Coder brings it onto {base}. Then say merge again",
            ) from error
        if error.status == 405:
            when = AWAITED_WAY if AWAITED.search(error.said) else "Say merge again once that is so"
            raise RepoError(
                f"GitHub does not merge #{number} into {base} yet: {error.said}",
                fix=f"{when}: {base}'s rules ask for it on the last commit, which may be the journal that "
                "merge has added",
            ) from error
        raise error

    async def _queued(self, found: Json, expected_head: str, patient: Patient | None) -> str:
        """The merge queue takes it, and lands it once its checks have passed."""
        number = found["number"]
        place = None
        if not await self._is_queued(found):  # by an earlier word
            said = await self._calls.graphql(_ENQUEUE, write=True, id=found["node_id"], head=expected_head)
            place = ((said.get("enqueuePullRequest") or {}).get("mergeQueueEntry") or {}).get("position")
        until, pause = time.monotonic() + self._queue_seconds, LOOK
        while True:
            now = await self._pulls.get(number)
            if state_of(now) != "open":
                return _landed(now)
            if time.monotonic() > until or (patient is not None and not await patient()):
                where = f" at place {place}" if place else ""
                raise InMergeQueue(
                    f"#{number} is in the merge queue{where}; its checks have not passed yet",
                    fix="Say merge again later: it finishes what the queue has landed. Cancel takes it out",
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10.0)

    async def leave_queue(self, number: int) -> bool:
        """Take it out of the merge queue, if it is open and in one. RepoError when that cannot be done."""
        found = await self._pulls.get(number)
        if state_of(found) != "open":
            return False
        try:
            if not await self._is_queued(found):
                return False
            await self._calls.graphql(_DEQUEUE, write=True, id=found["node_id"])
        except GitHubRefused as error:
            if await self._has_left(found):  # it may say no and have done it
                return True
            raise RepoError(
                f"#{number} cannot be taken out of the merge queue: {error.said}",
                fix="Press the button on its page",
            ) from error
        return True

    async def _has_left(self, found: Json) -> bool:
        """Whether it is open and in no queue, as far as can be known now."""
        try:
            return (
                not await self._is_queued(found)
                and state_of(await self._pulls.get(found["number"])) == "open"
            )
        except GitHubRefused:
            return False

    async def _is_queued(self, found: Json) -> bool:
        try:
            said = await self._calls.graphql(_IN_QUEUE, id=found["node_id"])
        except GitHubRefused as error:
            if "isInMergeQueue" in error.said:  # a server that knows of no queue
                return False
            raise
        return bool((said.get("node") or {}).get("isInMergeQueue"))


def _landed(found: Json) -> str:
    if state_of(found) == "closed":
        raise RepoError(f"pull request #{found['number']} is closed")
    return str(found["merge_commit_sha"])
