"""Checkpoints: what stands in a thread's folder becomes a commit on its branch.

Commits are made from what the executor built (repo.checkpoints); no git of the daemon looks at the worktree.
"""

from __future__ import annotations

import asyncio

from codebutler.errors import CodeButlerError
from codebutler.events import CheckpointMade
from codebutler.repo import checkpoints, commits, handmade
from codebutler.repo.held import with_folder
from codebutler.repo.index import owe_index, sync_index
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import TreeReply
from codebutler.thread.folder import AFTER, Folder
from codebutler.thread.host import JOURNALS, MEMORY_FOLDER, Host
from codebutler.thread.identity import asked_by
from codebutler.thread.incoming import untouched
from codebutler.thread.laying import lay_out
from codebutler.thread.log import ThreadLog

UNNAMED = "Work in progress"
"""The subject of a checkpoint that nobody has named yet."""


class Saves(Folder):
    """When the folder is saved, and how."""

    def __init__(self, host: Host, log: ThreadLog) -> None:
        """Nothing is started until it is needed."""
        super().__init__(host, log)
        self._dirty = log.state.left_unsaved
        self._unsure = False
        """Whether the last look at the folder left out what the kernel said had not changed."""
        self._later: asyncio.Task[str] | None = None
        self._looked = asyncio.Event()
        """What was written is in the hands of the last checkpoint under way; each has an event of its own."""
        self._looked.set()
        self._saving = asyncio.Lock()
        self._seen = ""
        """The tree that the last look found, while nothing failed since."""
        self._saved = ("", "")
        """The last checkpoint and its tree."""

    def touched(self) -> None:
        """A checkpoint is due."""
        self._dirty = True

    def checkpoint_later(self) -> None:
        """Make the due checkpoint beside the model's thinking: every batch that wrote can be returned to."""
        if self._dirty and self._looked.is_set():
            self._looked = asyncio.Event()
            self._later = asyncio.create_task(self._save_after(self._later, self._looked))

    async def _save_after(self, before: asyncio.Task[str] | None, looked: asyncio.Event) -> str:
        try:
            return await self._save(UNNAMED, still=True, before=before, looked=looked)
        finally:
            looked.set()

    async def settle_checkpoint(self) -> None:
        """Wait for the checkpoint beside the model's thinking: a ref that moved must reach the log."""
        await self.filled()
        task, self._later = self._later, None
        if task is not None:
            await task

    async def set_apart(self) -> None:
        """What was written before is in no later checkpoint alone: only the look at it is waited for."""
        await self._looked.wait()
        if self._later is None or self._later.done():
            await self.settle_checkpoint()
            if self._dirty:
                await self._save(UNNAMED, still=True)

    async def rest(self) -> None:
        """Save, and bring the folder's own index up to date: now people may look with `git status`."""
        await self.settle_checkpoint()
        if self._dirty or self._unsure:
            await self._save(UNNAMED)
        await self._settle_index()

    async def checkpoint(self, message: str = UNNAMED) -> str:
        """Save the worktree as a commit on the branch; returns the branch's tip."""
        await self.settle_checkpoint()
        return await self._save(message)

    async def _save(
        self,
        message: str,
        *,
        still: bool = False,
        before: asyncio.Task[str] | None = None,
        looked: asyncio.Event | None = None,
    ) -> str:
        """Look at the folder, and make a commit of what is new, once the checkpoint ``before`` is made."""
        self._dirty = False  # what is written from here on is in the next one
        try:
            executor, built = await self._look(still=still)
            after, self._unsure = self._log.state.seq, still
            if looked is not None and (built.plain or built.tree == self._seen):  # no second look is to come
                looked.set()
            self._seen = built.tree
            if before is not None:
                await before
            async with self._saving:  # two would take each other's move of the branch for somebody else's
                return await self._keep(executor, built, message, after)
        except BaseException:
            self._dirty, self._seen = True, ""
            raise

    async def _look(self, *, still: bool) -> tuple[Executor, TreeReply]:
        """What the executor builds of the folder; it may lack the newest commit, and then packs more."""
        executor, head = await self.hands(), self._log.state.head
        self._seen = self._seen or await commits.tree_of(self._host.repo.gitdir, head)
        try:
            return executor, await executor.tree(head, self._seen, still=still)
        except CodeButlerError:
            if self._stands():
                raise
            executor = await self.hands()  # the folder was deleted this very moment, and is there again
            return executor, await executor.tree(head)

    async def _keep(self, executor: Executor, built: TreeReply, message: str, after: int) -> str:
        """A commit of what was found after the event ``after``, unless nothing is new; the branch's tip."""
        self._own_branch()
        gitdir, old = self._host.repo.gitdir, await self._tip()
        if self._saved[0] != old:
            self._saved = (old, await commits.tree_of(gitdir, old))
        if built.tree == self._saved[1]:
            return old
        named = message != UNNAMED
        words = message if named else f"{UNNAMED}\n\n{AFTER}: {after}\n"
        ours = b"" if named else handmade.commit(built.tree, old, words, self.identity)
        came = await checkpoints.receive(gitdir, executor.pack(built), commit=ours)
        files = await self.moved_files(old, built.tree)
        ignores = any(path.rpartition("/")[2] == ".gitignore" for path in files)
        if ignores:  # what it names now may be in an earlier checkpoint
            built = await executor.tree(old, since=self._log.state.pushed or self._ready.base)
            await checkpoints.receive(gitdir, executor.pack(built))
            files = await self.moved_files(old, built.tree)
        held, back = await with_folder(gitdir, built.tree, old, MEMORY_FOLDER, files)
        held, forged = await with_folder(gitdir, held, old, JOURNALS, files)
        back += forged
        await owe_index(gitdir, self._ref)
        new = await checkpoints.import_checkpoint(
            gitdir, tree=held, known=self._saved[1], pack=None, message=words, ref=self._ref, old=old,
            co_authors=await asked_by(self._host.store, self._log.state) if named else (),
            identity=self.identity, index=False, made="" if ignores or back else came,
        )  # fmt: skip
        self._saved = (new, held)
        if new != old:
            files = await self.moved_files(old, new) if back else files
            made = CheckpointMade(commit=new, message=message, files=sorted(files), after=after)
            await self._log.append(made, sync=False)  # the branch tells of it, too
        if ignores:  # an executor may start from the folder's index, which must not bring them back
            await sync_index(gitdir, self._ref, new)
        if back:
            await self._put_back(executor, built.tree, held, back)
        return new

    async def _put_back(self, executor: Executor, wrong: str, right: str, paths: list[str]) -> None:
        """Memory and journals are no model's: the branch lacks its changes; folder and people are told."""
        await lay_out(executor, wrong, right, what="memory and journals as they were", moved=paths)
        words, key = untouched(paths)
        if key not in self._log.state.said:
            await self._log.post(words, key=key)
