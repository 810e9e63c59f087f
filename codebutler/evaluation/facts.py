"""What a thread left: its state, its events, and its branch as a reviewer would fetch it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codebutler.errors import CodeButlerError
from codebutler.events import Event, ModelReplied, Posted
from codebutler.repo.git import plumb, resolve
from codebutler.repo.objects import FileStat, diff_stat, list_files, read_bytes
from codebutler.sandbox.settings import SandboxSettings
from codebutler.thread.state import ThreadState
from codebutler.types import ToolCall

LARGEST = 8 * 1024 * 1024
"""Bytes of one file that oracles look at."""


@dataclass
class Facts:
    """``base`` and ``head`` are commits of ``gitdir``; equal when nothing was changed.

    ``room`` is a folder for checks that need one. ``stopped`` says why the run was broken off, "" when it
    came to rest by itself.
    """

    state: ThreadState
    events: Sequence[Event]
    gitdir: Path
    base: str
    head: str
    changes: Sequence[FileStat]
    room: Path
    sandbox: SandboxSettings
    stopped: str = ""
    _texts: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _paths: dict[str, list[str]] = field(default_factory=dict)

    @property
    def changed(self) -> list[str]:
        """Paths that were added, changed or deleted."""
        return sorted(change.path for change in self.changes)

    async def paths(self, commit: str = "") -> list[str]:
        """All files of ``commit`` (the head)."""
        at = commit or self.head
        if at not in self._paths:
            self._paths[at] = await list_files(self.gitdir, at)
        return self._paths[at]

    async def text(self, path: str, commit: str = "") -> str | None:
        """A file of ``commit`` (the head) as text; None if there is none.

        CodeButlerError for one that is too large to be judged: what is past the cut would pass unseen.
        """
        at = commit or self.head
        if (at, path) not in self._texts:
            data = await read_bytes(self.gitdir, at, path, limit=LARGEST + 1)
            if data is not None and len(data) > LARGEST:
                raise CodeButlerError(f"{path} is larger than {LARGEST // 2**20} MiB: nobody can judge it")
            self._texts[at, path] = None if data is None else data.decode(errors="replace")
        return self._texts[at, path]

    async def new_lines(self, path: str) -> list[str]:
        """Lines of a file at the head that its base does not have anywhere."""
        old = set((await self.text(path, self.base) or "").splitlines())
        return [line for line in (await self.text(path) or "").splitlines() if line not in old]

    async def messages(self) -> str:
        """What the commits from base to head say."""
        if self.head == self.base:
            return ""
        out = await plumb("log", "--format=%B", f"{self.base}..{self.head}", "--", gitdir=self.gitdir)
        return out.decode(errors="replace")

    def calls(self) -> Iterator[tuple[str, ToolCall]]:
        """Every tool call that a model made, with the run of the role that made it."""
        for event in self.events:
            if isinstance(event, ModelReplied):
                yield from ((event.frame, call) for call in event.tool_calls)

    def said(self, role: str) -> str:
        """All that a role posted."""
        posts = [e.post for e in self.events if isinstance(e, Posted)]
        return "\n\n".join(post.text for post in posts if post.role == role)


async def gather(
    state: ThreadState, events: Sequence[Event], *, gitdir: Path, remote: Path, room: Path,
    sandbox: SandboxSettings, stopped: str = "",
) -> Facts:  # fmt: skip
    """Look at the remote's branch, which is what a reviewer gets, or at the thread's own if it has none."""
    base = state.worktree.base if state.worktree else state.base.commit if state.base else ""
    base = base or await resolve(gitdir, "HEAD") or ""
    branch = state.worktree.branch if state.worktree else ""
    pushed = await resolve(remote, f"refs/heads/{branch}") if branch else None
    where, head = (remote, pushed) if pushed else (gitdir, state.head or base)
    changes = await diff_stat(where, base, head) if head != base else []
    return Facts(state, events, where, base, head, changes, room, sandbox, stopped)
