"""The forge as threads and commands see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from codebutler.types import Person

PrState: TypeAlias = Literal["open", "merged", "closed"]
Patient: TypeAlias = Callable[[], Awaitable[bool]]
"""Asked while a merge queue has a pull request: whether to wait on. What it raises ends the wait, too."""


class PullRequest(Struct, frozen=True):
    """One pull request. ``head`` is the branch's tip, or what it was when the PR was merged or closed."""

    number: int
    branch: str
    base: str
    head: str
    title: str
    body: str
    state: PrState
    url: str
    draft: bool = False
    merged_sha: str = ""


class MergeResult(Struct, frozen=True):
    """The commit on the base branch that a PR became."""

    sha: str


class Forge(Protocol):
    """Contract: every call may be repeated after a crash and finds what the first one did.

    What the forge or git refuses is a RepoError that says what to do; nothing has changed then.
    """

    name: str

    async def push(self, branch: str, sha: str, *, expect: str | None) -> None:
        """Point ``branch`` at ``sha`` if it is at ``expect`` ("" = new, None = anything ``sha`` contains)."""
        ...

    async def fetch(self, branch: str) -> str:
        """The forge's tip of ``branch``, with its objects here; "" if there is no such branch."""
        ...

    async def open_pr(
        self, branch: str, base: str, title: str, body: str, *, draft: bool = False
    ) -> PullRequest:
        """Open a PR for a pushed branch, or return the open one that it has."""
        ...

    async def find_pr(self, branch: str) -> PullRequest | None:
        """The newest PR of a branch, in whatever state."""
        ...

    async def get(self, number: int) -> PullRequest:
        """One PR. RepoError if there is none."""
        ...

    async def list(self, state: PrState | Literal["all"] = "open") -> Sequence[PullRequest]:
        """PRs, the newest first."""
        ...

    async def diff(self, number: int, *, limit: int = 400_000) -> tuple[str, bool]:
        """What a PR changes, as a unified diff of at most ``limit`` bytes, and whether it was cut."""
        ...

    async def update(
        self, number: int, *, title: str | None = None, body: str | None = None, draft: bool | None = None
    ) -> PullRequest:
        """Change what is given."""
        ...

    async def merge(
        self,
        number: int,
        *,
        expected_head: str,
        co_authors: Sequence[Person] = (),
        patient: Patient | None = None,
    ) -> MergeResult:
        """Squash the PR onto its base and delete its branch, if its head is ``expected_head``.

        InMergeQueue when a merge queue has it and the wait is over, or ``patient`` ends it.
        """
        ...

    async def leave_queue(self, number: int) -> bool:
        """Take an open PR out of the merge queue; whether it was in one."""
        ...

    async def close(self, number: int) -> PullRequest:
        """Close an open PR without merging it; the branch stays."""
        ...

    async def delete_branch(self, branch: str) -> None:
        """Delete a branch at the forge; one that is gone already is fine."""
        ...

    async def pull_hint(self) -> str:
        """The command that brings merged work into the person's checkout, or ""."""
        ...
