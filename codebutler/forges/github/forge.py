"""Pull requests at GitHub. The token reaches git in the environment of the one process that needs it."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import quote

from codebutler.errors import RepoError
from codebutler.forges.base import MergeResult, Patient, PrState, PullRequest
from codebutler.forges.github.again import patiently
from codebutler.forges.github.calls import Calls
from codebutler.forges.github.merging import Merging
from codebutler.forges.github.owners import LARGEST, PLACES, owners_of
from codebutler.forges.github.pulls import TITLE, Pulls, fitting, shown
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.forges.github.spot import Spot
from codebutler.repo import objects
from codebutler.repo.discover import Repo
from codebutler.repo.git import need_oid, resolve
from codebutler.repo.transfer import fetch, ls_remote, push
from codebutler.settings.github import GitHub
from codebutler.types import Json, Person

log = logging.getLogger("codebutler.github")


class GitHubForge:
    """See ``Forge``. ``url`` is explicit in every push and fetch, and holds no credentials."""

    name = "github"

    def __init__(self, repo: Repo, spot: Spot, settings: GitHub, calls: Calls) -> None:
        """``calls`` has the credentials."""
        self._repo = repo
        self._spot = spot
        self._settings = settings
        self._calls = calls
        self._pulls = Pulls(calls, spot.full_name)
        self._merging = Merging(calls, self._pulls, queue_seconds=settings.queue_seconds)

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return self._spot.full_name

    async def check(self) -> str:
        """That pull requests can be opened there; what to know of it, or "". RepoError: why they cannot."""
        name = self._spot.full_name
        try:
            found: Json = await self._calls.get(f"/repos/{name}")
        except GitHubRefused as error:
            if error.status != 404:
                raise
            raise RepoError(
                f"GitHub shows no repository {name} to this token",
                fix="Check the remote's address, and that the token may see the repository",
            ) from error
        if found.get("archived"):
            raise RepoError(
                f"{name} is archived: it takes no pushes", fix="Unarchive it, or use another remote"
            )
        rights = found.get("permissions") or {}
        if not rights.get("push", True):
            raise RepoError(
                f"this token may not push to {name}",
                fix="Ask for write access, or fork it and make the fork the remote: git remote set-url "
                f"{self._repo.remote_name} URL",
            )
        default = str(found.get("default_branch") or self._repo.default_branch)
        if default != self._repo.default_branch:
            there = self._repo.remote_name
            return (
                f"{name}'s default branch is {default}, here it is {self._repo.default_branch}: "
                f"git fetch {there} && git remote set-head {there} --auto"
            )
        return ""

    # ------------------------------------------------------------------------------------ git

    async def push(self, branch: str, sha: str, *, expect: str | None) -> None:
        """Point the branch at ``sha``."""
        need_oid(sha, "what to push")
        if branch == self._repo.default_branch:
            raise RepoError(f"{branch} is the default branch: work goes to a branch of its own")
        gitdir, url, ref = self._repo.gitdir, self._spot.git_url, _ref(branch)
        token = await self._calls.access.password()
        async with self._explained(branch):
            await patiently(lambda: push(gitdir, url=url, sha=sha, ref=ref, expect=expect, token=token))

    async def fetch(self, branch: str) -> str:
        """GitHub's tip of ``branch``; its objects come here without a ref."""
        token, url = await self._calls.access.password(), self._spot.git_url
        gitdir, ref = self._repo.gitdir, _ref(branch)
        async with self._explained(branch):
            there = await patiently(lambda: ls_remote(gitdir, url, ref, token=token))
            tip = there.get(ref, "")
            if tip and await resolve(gitdir, tip) is None:
                await patiently(lambda: fetch(gitdir, url, [ref], token=token))
        return tip

    @asynccontextmanager
    async def _explained(self, branch: str) -> AsyncIterator[None]:
        """What git says of GitHub's refusals, in words with a fix."""
        try:
            yield
        except RepoError as error:
            said, name = error.message, self._spot.full_name
            if "GH006" in said or "GH013" in said or "rotected branch" in said:
                raise RepoError(
                    f"{name} protects {branch}: {said[-200:]}",
                    fix="Leave codebutler/* out of the protection rules, or let the token pass them",
                ) from error
            if re.search(r"(?:error:|HTTP) 403\b", said) or "denied to" in said:
                await self.check()  # knows better, for one of a repository that was archived
                raise RepoError(
                    f"GitHub lets this token not push to {name}",
                    fix="Give it write access to contents (and to workflows, if those change)",
                ) from error
            if "Authentication failed" in said or "could not read Username" in said:
                raise RepoError(
                    f"GitHub does not take this token for git at {name}",
                    fix="Renew github.token (GITHUB_TOKEN)",
                ) from error
            raise

    # --------------------------------------------------------------------------- pull requests

    async def open_pr(
        self, branch: str, base: str, title: str, body: str, *, draft: bool = False
    ) -> PullRequest:
        """Open a PR for a pushed branch, or return the open one that it has."""
        if branch == base:
            raise RepoError(f"{branch} cannot be merged into itself")
        try:
            found, _ = await self._pulls.open(branch=branch, base=base, title=title, body=body, draft=draft)
        except GitHubRefused as error:
            raise await self._why_not(error, branch, base) from error
        await self._label(found)
        if not found.get("draft"):
            await self._ask_owners(found)
        return shown(found)

    async def _why_not(self, error: GitHubRefused, branch: str, base: str) -> RepoError:
        """Why no pull request can be opened."""
        name = self._spot.full_name
        if error.status != 422:
            return error
        if "No commits between" in error.said:
            return RepoError(f"{branch} changes nothing that {base} lacks")
        there = await ls_remote(
            self._repo.gitdir, self._spot.git_url, "HEAD", _ref(branch), _ref(base),
            token=await self._calls.access.password(),
        )  # fmt: skip
        if _ref(base) not in there:
            remote = self._repo.remote_name
            default = there.get("HEAD ->", "").removeprefix("refs/heads/") or "another one"
            return RepoError(
                f"{name} has no branch {base} any more: its default branch is {default}",
                fix=f"git fetch {remote} && git remote set-head {remote} --auto, and start a new thread",
            )
        if _ref(branch) not in there:
            return RepoError(f"{name} has no branch {branch}", fix="Push it first")
        return error

    async def _label(self, found: Json) -> None:
        """Our labels, where we may; that they cannot be set stops nothing."""
        wanted = set(self._settings.pr_labels) - {label["name"] for label in found.get("labels") or []}
        if not wanted:
            return
        path = f"{self._pulls.path}/issues/{found['number']}/labels"
        try:
            await self._calls.send("POST", path, {"labels": sorted(wanted)})
        except RepoError as error:
            log.warning("#%s gets no labels: %s", found["number"], error)

    async def _ask_owners(self, found: Json) -> None:
        """Ask the owners of the changed files for a review; who cannot be asked is left out."""
        if not self._settings.code_owners:
            return
        base, head = found["base"]["sha"], found["head"]["sha"]
        for place in PLACES:
            text = await objects.show_file(self._repo.gitdir, base, place) if await self._has(base) else None
            if text is not None and len(text) <= LARGEST:
                break
        else:
            return
        start = await objects.merge_base(self._repo.gitdir, base, head)
        paths = await objects.changed_paths(self._repo.gitdir, start or base, head)
        people, teams = owners_of(text, paths)
        asked = {each["login"] for each in found.get("requested_reviewers") or []}
        author = str((found.get("user") or {}).get("login", ""))
        wishes = [{"reviewers": [who]} for who in people if who not in asked and who != author]
        for wish in [*wishes, *({"team_reviewers": [team]} for team in teams)]:
            try:
                await self._calls.send(
                    "POST", f"{self._pulls.path}/pulls/{found['number']}/requested_reviewers", wish
                )
            except RepoError as error:
                log.warning("#%s: a code owner cannot be asked: %s", found["number"], error)

    async def _has(self, commit: str) -> bool:
        return await resolve(self._repo.gitdir, commit) is not None

    async def find_pr(self, branch: str) -> PullRequest | None:
        """The newest PR of a branch, in whatever state."""
        found = await self._pulls.of_branch(branch, state="all")
        return shown(found[0]) if found else None

    async def get(self, number: int) -> PullRequest:
        """One PR. RepoError if there is none."""
        return shown(await self._pulls.get(number))

    async def list(self, state: PrState | Literal["all"] = "open") -> Sequence[PullRequest]:
        """PRs, the newest first."""
        asked = "closed" if state == "merged" else state
        rows = await self._calls.pages(
            f"{self._pulls.path}/pulls", state=asked, sort="created", direction="desc"
        )
        return [pr for pr in map(shown, rows) if state in ("all", pr.state)]

    async def diff(self, number: int, *, limit: int = 400_000) -> tuple[str, bool]:
        """What a PR changes, as GitHub shows it."""
        text = await self._calls.get(
            f"{self._pulls.path}/pulls/{number}", accept="application/vnd.github.diff"
        )
        data = str(text).encode()
        return data[:limit].decode(errors="ignore"), len(data) > limit

    async def update(
        self, number: int, *, title: str | None = None, body: str | None = None, draft: bool | None = None
    ) -> PullRequest:
        """Change what is given; a PR that becomes ready gets its reviewers."""
        found = await self._pulls.get(number)
        changes: Json = {}
        if title is not None and title[:TITLE] != found["title"]:
            changes["title"] = title[:TITLE]
        if body is not None and fitting(body) != (found.get("body") or ""):
            changes["body"] = fitting(body)
        if changes:
            await self._calls.send("PATCH", f"{self._pulls.path}/pulls/{number}", changes)
        if draft is not None and bool(found.get("draft")) != draft:
            await self._pulls.set_draft(found, draft=draft)
            if not draft:
                await self._ask_owners(found)
        return await self.get(number)

    async def merge(
        self,
        number: int,
        *,
        expected_head: str,
        co_authors: Sequence[Person] = (),
        patient: Patient | None = None,
    ) -> MergeResult:
        """Squash the PR onto its base and delete its branch, as the base's rules allow."""
        need_oid(expected_head, "the expected head")
        sha = await self._merging.merge(
            number, expected_head=expected_head, co_authors=co_authors, patient=patient
        )
        pull = await self._pulls.get(number)
        head = (pull["head"].get("repo") or {}).get("full_name", self._spot.full_name)
        if head == self._spot.full_name:  # a fork's branch is its owner's
            await self.delete_branch(str(pull["head"]["ref"]))
        return MergeResult(sha)

    async def leave_queue(self, number: int) -> bool:
        """Take an open PR out of the merge queue; whether it was in one."""
        return await self._merging.leave_queue(number)

    async def close(self, number: int) -> PullRequest:
        """Close an open PR without merging it; the branch stays."""
        pr = await self.get(number)
        if pr.state == "merged":
            raise RepoError(f"pull request #{number} is merged already")
        await self._calls.send("PATCH", f"{self._pulls.path}/pulls/{number}", {"state": "closed"})
        return await self.get(number)

    async def delete_branch(self, branch: str) -> None:
        """Delete a branch at GitHub, but never the default one."""
        if branch == self._repo.default_branch:
            raise RepoError(f"{branch} is a base branch and stays")
        try:
            await self._calls.send("DELETE", f"{self._pulls.path}/git/refs/heads/{quote(branch)}")
        except GitHubRefused as error:
            if error.status not in (404, 422):
                raise
            if "protected" in error.said.lower():
                log.warning("%s stays at GitHub: %s", branch, error.said)

    async def pull_hint(self) -> str:
        """The command that brings merged work into the person's checkout."""
        return f"git pull {self._repo.remote_name} {self._repo.default_branch}"


def _ref(branch: str) -> str:
    return f"refs/heads/{branch}"
