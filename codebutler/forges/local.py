"""The forge that needs no server: a bare remote on disk, pull requests in the store, squash merges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from codebutler.errors import RepoError
from codebutler.forges.base import MergeResult, Patient, PrState, PullRequest
from codebutler.forges.records import Records, Row
from codebutler.forges.squash import squash
from codebutler.repo import objects
from codebutler.repo.discover import Repo
from codebutler.repo.git import git, is_ancestor, need_oid, resolve
from codebutler.repo.remotes import Remote, away, ensure_made, pull_line
from codebutler.repo.transfer import Update, delete_remote_branch, fetch, ls_remote, push, push_refs
from codebutler.repo.words import commit_message, signature
from codebutler.types import Person


class LocalForge:
    """See ``Forge``. The person's checkout, branches and configuration are never touched."""

    name = "local"

    def __init__(self, repo: Repo, remote: Remote, store: Path) -> None:
        """``remote`` is on this disk or made on first use; ``store`` is the SQLite file with the PRs."""
        self._repo = repo
        self._remote = remote
        self._records = Records(store)

    async def push(self, branch: str, sha: str, *, expect: str | None) -> None:
        """Point the remote's branch at ``sha``."""
        await ensure_made(self._repo, self._remote, self._repo.default_branch)
        await push(self._repo.gitdir, url=self._remote.url, sha=sha, ref=_ref(branch), expect=expect)

    async def fetch(self, branch: str) -> str:
        """The remote's tip of ``branch``; its objects come here without a ref."""
        tip = (await self._heads(branch)).get(branch, "")
        if tip and await resolve(self._repo.gitdir, tip) is None:
            await fetch(self._repo.gitdir, self._remote.url, [_ref(branch)])
        return tip

    async def open_pr(
        self, branch: str, base: str, title: str, body: str, *, draft: bool = False
    ) -> PullRequest:
        """Open a PR for a pushed branch, or return the open one that it has."""
        if branch == base:
            raise RepoError(f"{branch} cannot be merged into itself")
        await ensure_made(self._repo, self._remote, base)
        heads = await self._heads(branch, base)
        if branch not in heads:
            raise RepoError(f"{self._remote.url} has no branch {branch}", fix="Push it first")
        if base not in heads:
            raise RepoError(
                f"{self._remote.url} has no branch {base} to merge into",
                fix=f"Push it: git push {self._repo.remote_name} {base}",
            )
        row = await self._records.add(
            branch=branch, base=base, head=heads[branch], title=title, body=body, draft=draft
        )
        return self._shown(row, heads[branch])

    async def find_pr(self, branch: str) -> PullRequest | None:
        """The newest PR of a branch, in whatever state."""
        rows = await self._records.list(branch=branch)
        return (await self._present(rows[:1]))[0] if rows else None

    async def get(self, number: int) -> PullRequest:
        """One PR. RepoError if there is none."""
        row = await self._records.get(number)
        if row.state == "open" and row.squash:
            row = await self._noted(row)
        return (await self._present([row]))[0]

    async def _noted(self, row: Row) -> Row:
        """The row, after a merge that a crash kept from being noted was noted: its branch is gone then."""
        heads = await self._heads(row.base, row.branch)
        if row.branch not in heads and row.base in heads:
            base, _ = await self._fetched(row)
            if await is_ancestor(self._repo.gitdir, row.squash, base):
                await self._finish(row)
        return await self._records.get(row.number)

    async def list(self, state: PrState | Literal["all"] = "open") -> Sequence[PullRequest]:
        """PRs, the newest first."""
        return await self._present(await self._records.list(state=state))

    async def diff(self, number: int, *, limit: int = 400_000) -> tuple[str, bool]:
        """What a PR changes, or changed."""
        row = await self._records.get(number)
        gitdir = self._repo.gitdir
        if row.state == "merged":
            return await objects.diff(gitdir, f"{row.squash}^", row.squash, limit=limit)
        base, head = await self._fetched(row)
        start = await objects.merge_base(gitdir, base, head or row.head)
        return await objects.diff(gitdir, start or base, head or row.head, limit=limit)

    async def update(
        self, number: int, *, title: str | None = None, body: str | None = None, draft: bool | None = None
    ) -> PullRequest:
        """Change what is given."""
        await self._records.get(number)
        changes: dict[str, str | int] = {}
        if title is not None:
            changes["title"] = title
        if body is not None:
            changes["body"] = body
        if draft is not None:
            changes["draft"] = int(draft)
        await self._records.change(number, **changes)
        return await self.get(number)

    async def merge(
        self,
        number: int,
        *,
        expected_head: str,
        co_authors: Sequence[Person] = (),
        patient: Patient | None = None,
    ) -> MergeResult:
        """Squash the PR onto the remote's present base and delete its branch there, in one push."""
        need_oid(expected_head, "the expected head")
        async with self._repo.landing:
            return await self._merge(number, expected_head, co_authors)

    async def _merge(self, number: int, expected_head: str, co_authors: Sequence[Person]) -> MergeResult:
        for final in (False, False, True):
            row = await self._records.get(number)
            base, head = await self._to_merge(row, expected_head)
            if not base:
                return MergeResult(row.squash)
            try:
                return await self._land(row, base, head, co_authors)
            except RepoError:
                if final or (await self._heads(row.base)).get(row.base) == base:
                    raise  # not a race with another merge: trying again changes nothing
        raise AssertionError("unreachable: the last try returns or raises")

    async def _to_merge(self, row: Row, expected_head: str) -> tuple[str, str]:
        """The tips that a merge joins, or "" for both when it is done already."""
        if row.state == "merged":
            return "", ""
        if row.state == "closed":
            raise RepoError(f"pull request #{row.number} is closed")
        base, head = await self._fetched(row)
        if row.squash and await is_ancestor(self._repo.gitdir, row.squash, base):
            await self._finish(row)
            return "", ""
        if head != expected_head:
            raise RepoError(
                f"{row.branch} is at {head[:12] or 'nothing'}, and {expected_head[:12]} was to be merged",
                fix="Look at what came in and say merge again",
            )
        return base, head

    async def _land(self, row: Row, base: str, head: str, co_authors: Sequence[Person]) -> MergeResult:
        """Make the commit, note it, and move both branches of the remote at once: a crash loses neither."""
        message = commit_message(f"{row.title} (#{row.number})", row.body, [signature(p) for p in co_authors])
        commit = await squash(self._repo.gitdir, onto=base, head=head, message=message)
        await self._records.change(row.number, squash=commit, head=head)
        updates = [Update(_ref(row.base), commit, base), Update(_ref(row.branch), "", head)]
        await push_refs(self._repo.gitdir, self._remote.url, updates)
        await self._finish(row)
        return MergeResult(commit)

    async def _finish(self, row: Row) -> None:
        await self._records.change(row.number, state="merged")
        refs = (f"refs/codebutler/pr-base/{row.number}", f"refs/codebutler/pr/{row.number}")
        orders = "".join(f"delete {ref}\n" for ref in refs)
        await git("update-ref", "--stdin", gitdir=self._repo.gitdir, stdin=orders.encode())

    async def close(self, number: int) -> PullRequest:
        """Close an open PR without merging it; the branch stays."""
        pr = await self.get(number)
        if pr.state == "merged":
            raise RepoError(f"pull request #{number} is merged already")
        await self._records.change(number, state="closed", head=pr.head)
        return await self.get(number)

    async def leave_queue(self, number: int) -> bool:
        """Nothing is ever queued."""
        return False

    async def delete_branch(self, branch: str) -> None:
        """Delete a branch of the remote, but never one that PRs are merged into."""
        if branch == self._repo.default_branch or any(
            row.base == branch for row in await self._records.list()
        ):
            raise RepoError(f"{branch} is a base branch and stays")
        await delete_remote_branch(self._repo.gitdir, url=self._remote.url, branch=branch)

    async def pull_hint(self) -> str:
        """The command that brings merged work into the person's checkout."""
        return pull_line(self._remote, self._repo.default_branch)

    async def _heads(self, *branches: str) -> dict[str, str]:
        """The tips of those branches that the remote has."""
        if self._remote.path is None or not self._remote.path.exists():
            if not self._remote.made:
                raise away(self._repo, self._remote.url)
            return {}
        found = await ls_remote(self._repo.gitdir, self._remote.url, *map(_ref, branches))
        return {branch: found[_ref(branch)] for branch in branches if _ref(branch) in found}

    async def _fetched(self, row: Row) -> tuple[str, str]:
        """The present tips of a PR's base and branch ("" if it is gone), with their objects here."""
        heads = await self._heads(row.base, row.branch)
        if row.base not in heads:
            name = self._repo.remote_name
            raise RepoError(
                f"{self._remote.url} has no branch {row.base} any more",
                fix=f"Rename it back, or make it again: git push {name} BRANCH:refs/heads/{row.base}",
            )
        kept = {
            row.base: f"refs/codebutler/pr-base/{row.number}",
            row.branch: f"refs/codebutler/pr/{row.number}",
        }
        specs = [f"+{_ref(branch)}:{kept[branch]}" for branch in heads]
        await fetch(self._repo.gitdir, self._remote.url, specs)
        return heads[row.base], heads.get(row.branch, "")

    async def _present(self, rows: Sequence[Row]) -> Sequence[PullRequest]:
        heads = await self._heads(*{row.branch for row in rows if row.state == "open"})
        return [self._shown(row, heads.get(row.branch, "")) for row in rows]

    def _shown(self, row: Row, head: str) -> PullRequest:
        return PullRequest(
            number=row.number,
            branch=row.branch,
            base=row.base,
            head=(head if row.state == "open" else "") or row.head,
            title=row.title,
            body=row.body,
            state=row.state,
            url=f"{self._remote.url}#{row.number}",
            draft=row.draft,
            merged_sha=row.squash if row.state == "merged" else "",
        )


def _ref(branch: str) -> str:
    return f"refs/heads/{branch}"
