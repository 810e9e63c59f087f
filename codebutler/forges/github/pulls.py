"""Pull requests as GitHub sends them, and as a forge shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from codebutler.errors import RepoError
from codebutler.forges.base import PrState, PullRequest
from codebutler.forges.github.again import PAUSE, TRIES
from codebutler.forges.github.calls import Calls
from codebutler.forges.github.refusals import GitHubAway, GitHubRefused
from codebutler.types import Json

BODY = 65_536
"""Characters that the body of a pull request, an issue or a comment may have."""
TITLE = 256
_READY = (
    "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { id } } }"
)
_DRAFT = (
    "mutation($id: ID!) { convertPullRequestToDraft(input: {pullRequestId: $id}) { pullRequest { id } } }"
)


def shown(found: Json) -> PullRequest:
    """A pull request of the API as a record."""
    return PullRequest(
        number=int(found["number"]),
        branch=str(found["head"]["ref"]),
        base=str(found["base"]["ref"]),
        head=str(found["head"]["sha"]),
        title=str(found["title"]),
        body=str(found.get("body") or ""),
        state=state_of(found),
        url=str(found.get("html_url") or ""),
        draft=bool(found.get("draft")),
        merged_sha=str(found.get("merge_commit_sha") or "") if state_of(found) == "merged" else "",
    )


def state_of(found: Json) -> PrState:
    """Lists say only when it was merged, single ones also that it was."""
    if found.get("merged") or found.get("merged_at"):
        return "merged"
    return "closed" if found["state"] == "closed" else "open"


def in_conflict(found: Json) -> bool:
    """Whether it cannot be merged for its changes, and not for a rule."""
    return found.get("mergeable") is False and found.get("mergeable_state") in {"dirty", None, "unknown"}


def fitting(text: str, most: int = BODY) -> str:
    """A text that GitHub takes; its middle gives way."""
    if len(text) <= most:
        return text
    note = "\n\n… cut here: the rest is in the thread …\n\n"
    head = (most - len(note)) * 2 // 3
    return text[:head] + note + text[-(most - len(note) - head) :]


class Pulls:
    """The pull requests of one repository."""

    def __init__(self, calls: Calls, full_name: str) -> None:
        """``full_name`` is ``owner/name``."""
        self._calls = calls
        self.path = f"/repos/{full_name}"
        self._owner = full_name.partition("/")[0]

    async def of_branch(self, branch: str, *, state: str) -> Sequence[Json]:
        """Those of a branch of this repository, the newest first."""
        head = f"{self._owner}:{branch}"
        found = await self._calls.pages(
            f"{self.path}/pulls", head=head, state=state, sort="created", direction="desc"
        )
        return [pull for pull in found if pull["head"]["ref"] == branch]

    async def get(self, number: int) -> Json:
        """One of them. RepoError if there is none."""
        try:
            found: Json = await self._calls.get(f"{self.path}/pulls/{number}")
        except GitHubRefused as error:
            if error.status != 404:
                raise
            raise RepoError(
                f"there is no pull request #{number}", fix="See: codebutler pr list --state all"
            ) from error
        return found

    async def open(self, *, branch: str, base: str, title: str, body: str, draft: bool) -> tuple[Json, bool]:
        """Open one for a branch that has none, and whether it was opened now.

        Where GitHub stumbles it is looked for, and opened again if it is not there, up to three times in all.
        """
        for found in await self.of_branch(branch, state="open"):
            return found, False
        wish = {"title": title[:TITLE], "body": fitting(body), "head": branch, "base": base, "draft": draft}
        try:
            return await self._made(branch, wish)
        except GitHubRefused as error:
            if error.status == 422 and "already exists" in error.said:
                for found in await self.of_branch(branch, state="open"):
                    return found, False
            if draft and "draft" in error.said.lower():  # such as a private repository of a free plan
                return await self.open(branch=branch, base=base, title=title, body=body, draft=False)
            raise

    async def _made(self, branch: str, wish: Json) -> tuple[Json, bool]:
        tried = 0
        while True:
            try:
                made: Json = await self._calls.send("POST", f"{self.path}/pulls", wish)
            except GitHubAway as error:
                for found in await self.of_branch(branch, state="open"):
                    return found, True
                tried += 1
                if error.after or tried == TRIES:
                    raise
            else:
                return made, True
            await asyncio.sleep(PAUSE * 2 ** (tried - 1))

    async def set_draft(self, found: Json, *, draft: bool) -> None:
        """Only GraphQL can; RepoError when it did not help."""
        if bool(found.get("draft")) == draft:
            return
        try:
            await self._calls.graphql(_DRAFT if draft else _READY, write=True, id=found["node_id"])
        except GitHubRefused as error:
            after = await self._calls.send(
                "PATCH", f"{self.path}/pulls/{found['number']}", {"draft": draft}
            )  # what servers without GraphQL understand
            if bool(after.get("draft")) != draft:
                word = "a draft" if draft else "ready for review"
                raise RepoError(
                    f"pull request #{found['number']} cannot be made {word}: {error.said}",
                    fix="Press the button on its page",
                ) from error
