"""A thread's place in the repo: base commit, branch, worktree, executor, checkpoints.

The daemon never opens a worktree file and no git of its looks at one: all of it goes through the executor,
and commits are made from what the executor built (repo.checkpoints).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from codebutler.errors import BranchLost, RepoError
from codebutler.events import BaseResolved, CheckpointMade, Pushed, WorktreeReady, WorktreeRemoved
from codebutler.forges.base import Forge
from codebutler.forges.choose import forge_for
from codebutler.repo import checkpoints, commits, objects, snapshots, worktrees
from codebutler.repo.base import base_commit
from codebutler.repo.git import is_ancestor, move_ref, resolve
from codebutler.repo.index import sync_index
from codebutler.sandbox.executor import Executor
from codebutler.thread.dependencies import Dependencies
from codebutler.thread.host import Host
from codebutler.thread.incoming import is_over, joined, lay_out, notice
from codebutler.thread.log import ThreadLog
from codebutler.thread.relocated import Relocated, filled
from codebutler.types import Outbound, Person


class Workspace:
    """Made anew for each turn; what lasts is in the log and on disk."""

    def __init__(self, host: Host, log: ThreadLog) -> None:
        """Nothing is started until it is needed."""
        self._host = host
        self._log = log
        self._executor: Executor | None = None
        self._starting = asyncio.Lock()
        self._dirty = log.state.left_unsaved
        self._later: asyncio.Task[str] | None = None
        self._forge: Forge | None = None
        self._dependencies = Dependencies(host, log)

    async def base(self) -> BaseResolved:
        """The thread's base commit, found once and then kept."""
        if self._log.state.base is None:
            await self.refresh_base()
        found = self._log.state.base
        if found is None:
            raise RepoError("the base commit is not in the log")
        return found

    async def refresh_base(self) -> BaseResolved:
        """Look where the base branch stands now, and log it."""
        local = self._host.config.forge == "local"
        found = await base_commit(self._host.repo, home=self._host.home, local=local)
        event = BaseResolved(commit=found.commit, branch=found.branch, notices=list(found.notices))
        await self._log.append(event)
        self._dependencies.begin(found.commit)
        return event

    async def moved_files(self, old: str, new: str) -> set[str]:
        """Paths that changed between two commits."""
        stats = await objects.diff_stat(self._host.repo.gitdir, old, new)
        return {s.path.encode(errors="surrogateescape").decode(errors="replace") for s in stats}

    async def hands(self) -> Executor:
        """The executor: on a read-only snapshot of the base commit until there is a worktree."""
        async with self._starting:  # calls run side by side: the first one starts it for all
            if self._executor is None:
                self._executor = await self._start()
            return self._executor

    async def _start(self) -> Executor:
        state, repo, settings = self._log.state, self._host.repo, self._host.sandbox
        if state.worktree and not state.removed:
            if not await asyncio.to_thread(worktrees.stands, repo, state.worktree.branch):
                await self._restore(state.worktree)
            here = str(worktrees.folder(repo, state.worktree.branch))  # the log may come from another clone
            return await self._dependencies.hands(state.worktree.model_copy(update={"path": here}))
        commit = state.pushed or (await self.base()).commit
        folder = await snapshots.ensure(repo, commit, settings=settings)
        return await Executor.start(folder, read_only=True, own=True, gitdir=repo.gitdir, settings=settings)

    async def _restore(self, ready: WorktreeReady) -> None:
        """The folder that a person had deleted again, with the branch's files; says so in the thread."""
        repo, thread, tip = self._host.repo, self._log.state.id, await self._tip()
        tree = await worktrees.restore(repo, ready.branch, ready.base, thread=thread)
        await (await filled(tree.path, tip, self._host.sandbox)).close()
        worktrees.filled(tree)
        words = f"The folder {tree.path} was gone; here it is again, as the branch {tree.branch} has it."
        again = Outbound(text=words, kind="notice")
        await self._log.post(again, key=f"notice:restored:{self._log.state.seq}")

    async def model_hands(self) -> Relocated:
        """The executor as a model's calls reach it."""
        tree, repo = self._log.state.worktree, self._host.repo
        executor = await self.hands()
        return Relocated(executor, repo.root, worktrees.folder(repo, tree.branch) if tree else repo.inner)

    async def prepare(self, name: str) -> WorktreeReady:
        """Make the thread's branch and worktree (or find them after a crash), fill it, await its setup."""
        await self.close()
        base, thread = await self.base(), self._log.state.id
        tree = await worktrees.create(self._host.repo, name, base.commit, thread=thread, fresh=True)
        self._executor = await filled(tree.path, tree.base, self._host.sandbox)
        event = WorktreeReady(branch=tree.branch, path=str(tree.path), base=tree.base)
        await self._log.append(event)
        self._executor = await self._dependencies.hands(event, self._executor)
        return event

    @property
    def _ready(self) -> WorktreeReady:
        if self._log.state.worktree is None:
            raise RepoError("there is no worktree yet")
        return self._log.state.worktree

    @property
    def _identity(self) -> commits.Identity:
        git = self._host.config.git
        return commits.Identity(git.author_name, git.author_email)

    def touched(self) -> None:
        """A checkpoint is due."""
        self._dirty = True

    def checkpoint_later(self) -> None:
        """Make the due checkpoint beside the model's thinking: every batch that wrote can be returned to."""
        if self._dirty and self._later is None:
            self._later = asyncio.create_task(self.checkpoint("Work in progress"))

    async def settle_checkpoint(self) -> None:
        """Wait for the checkpoint beside the model's thinking: a ref that moved must reach the log."""
        task, self._later = self._later, None
        if task is not None:
            await task

    async def save(self) -> None:
        """Make the checkpoint that is due, if one is."""
        await self.settle_checkpoint()
        if self._dirty:
            await self.checkpoint("Work in progress")

    async def checkpoint(self, message: str) -> str:
        """Save the worktree as a commit on the branch; returns the branch's tip."""
        executor = await self.hands()
        old = await self._tip()
        built = await executor.tree(old)
        new = await checkpoints.import_checkpoint(
            self._host.repo.gitdir,
            base=old,
            tree=built.tree,
            pack=executor.pack(),
            message=message,
            ref=f"refs/heads/{self._ready.branch}",
            old=old,
            identity=self._identity,
        )
        self._dirty = False
        if new != old:
            files = sorted(await self.moved_files(old, new))
            await self._log.append(CheckpointMade(commit=new, message=message, files=files))
        return new

    async def branch_text(self, path: str) -> str | None:
        """A file as the branch's tip has it; None if it is absent."""
        return await objects.show_file(self._host.repo.gitdir, self._log.state.head, path)

    async def commit_files(
        self, files: Mapping[str, str], message: str, *, co_author: Person | None = None
    ) -> str:
        """A commit of the daemon's own (memory, journal), which also reaches the worktree's files."""
        state = self._log.state
        old = await self._tip()
        commit = await commits.commit_files(
            self._host.repo.gitdir,
            parent=old,
            files={path: text.encode() for path, text in files.items()},
            message=message,
            ref=f"refs/heads/{self._ready.branch}",
            old=old,
            co_authors=[co_author.signature] if co_author is not None else [],
            identity=self._identity,
        )
        if not state.removed:
            hands = await self.hands()
            for path, text in files.items():
                await hands.write_file(path, text.encode())
        return commit

    async def _tip(self) -> str:
        """The branch's tip. A commit that the log lacks (a crash, or a person) is taken over if it can be."""
        state, branch = self._log.state, self._ready.branch
        tip = await resolve(self._host.repo.gitdir, f"refs/heads/{branch}")
        if tip is None:
            raise BranchLost(
                f"the branch {branch} is gone", fix=f"git branch {branch} {state.head} brings it back"
            )
        if tip != state.head:
            if not await is_ancestor(self._host.repo.gitdir, state.head, tip):
                raise BranchLost(
                    f"the branch {branch} was moved to {tip[:12]}, away from our {state.head[:12]}",
                    fix="Move it back, or open a new thread",
                )
            files = sorted(await self.moved_files(state.head, tip))
            await self._log.append(CheckpointMade(commit=tip, message="found on the branch", files=files))
        return tip

    async def push(self) -> str:
        """Push the branch's tip, joined with what others have pushed; returns it. Never forced."""
        state = self._log.state
        branch, forge = self._ready.branch, await self.forge()
        there = await forge.fetch(branch)
        if not there and await is_over(state, forge):
            return state.head
        if there and there not in (state.pushed, state.head):
            await self._take_in(there)
        if there != state.head:
            await forge.push(branch, state.head, expect=there)
        if state.pushed != state.head:
            await self._log.append(Pushed(branch=branch, commit=state.head))
        return state.head

    async def _take_in(self, there: str) -> None:
        """Bring what others pushed to our branch, and to the worktree's files."""
        state = self._log.state
        old = state.head if state.removed else await self.checkpoint("Work in progress")
        new = await joined(self._host, state, there, identity=self._identity)
        if new == old:
            return
        files = await self._advance(old, new, what="what others pushed")
        made = CheckpointMade(commit=new, message="found on the remote", files=files)
        words = notice(self._ready.branch, files)
        await self._log.post(words, key=f"notice:came:{there}", before=[made])

    async def return_to(self, commit: str, message: str) -> tuple[str, str, list[str]]:
        """Give branch and worktree the files of an older ``commit``, by a new commit on top: nothing is lost.

        Returns the new tip, the tip before (with all the work), and the files that differ from the base.
        """
        await self.close()  # also what runs in the background there must not write any more
        old = await self._tip() if self._log.state.removed else await self.checkpoint("Work in progress")
        tree = await commits.tree_of(self._host.repo.gitdir, commit)
        new = await commits.commit_tree(self._host.repo.gitdir, tree, old, message, identity=self._identity)
        if new != old:
            await self._advance(old, new, what="the older state")
        return new, old, sorted(await self.moved_files(self._ready.base, new))

    async def _advance(self, old: str, new: str, *, what: str) -> list[str]:
        """Move the worktree's files and the branch from ``old`` to ``new``; returns the paths that changed.

        The files come first: a crash after it loses nothing, while a branch that is ahead of its files
        would make the next checkpoint take back what came in.
        """
        gitdir, ref = self._host.repo.gitdir, f"refs/heads/{self._ready.branch}"
        files = sorted(await self.moved_files(old, new))
        if not self._log.state.removed:
            await lay_out(await self.hands(), old, new, what=what)
        await move_ref(gitdir, ref, new, old, why=f"codebutler: {what}")
        await sync_index(gitdir, ref, new)
        return files

    async def forge(self) -> Forge:
        """Where pull requests live."""
        if self._forge is None:
            self._forge = await forge_for(self._host.repo, self._host.config, home=self._host.home)
        return self._forge

    async def remove(self, landed: str) -> str:
        """Remove worktree and branch. Work that is not in ``landed`` stays: returns where it is, or ""."""
        state = self._log.state
        if state.worktree is None or state.removed:
            return ""
        kept = ""
        try:
            tree = await worktrees.find(self._host.repo, state.id)
            if tree is not None:
                there = await asyncio.to_thread(worktrees.stands, self._host.repo, tree.branch)
                dirt = await (await self.hands()).status(state.head) if there else []
                await self.close()
                await worktrees.remove(
                    self._host.repo, tree, dirty=[change.path for change in dirt], landed=[landed]
                )
        except RepoError as error:
            kept = str(error)
        await self._log.append(WorktreeRemoved(kept=kept))
        return kept

    async def close(self) -> None:
        """Stop the executor."""
        await self.settle_checkpoint()
        await self._dependencies.close()
        executor, self._executor = self._executor, None
        if executor is not None:
            await executor.close()
