"""A thread's work: checkpoints of its folder, what is pushed and comes in, and the way back.

Commits are made from what the executor built (repo.checkpoints); no git of the daemon looks at the worktree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from codebutler.errors import CodeButlerError, RepoError
from codebutler.events import CheckpointMade, Pushed
from codebutler.forges.base import Forge
from codebutler.forges.choose import forge_for
from codebutler.repo import checkpoints, commits, handmade, kept, objects
from codebutler.repo.held import with_folder
from codebutler.repo.index import owe_index, sync_index
from codebutler.repo.merging import shown, unsettled
from codebutler.sandbox.executor import Executor
from codebutler.thread import render
from codebutler.thread.folder import Folder
from codebutler.thread.host import JOURNALS, MEMORY_FOLDER, Host
from codebutler.thread.identity import asked_by
from codebutler.thread.incoming import came_in, is_over, joined, untouched
from codebutler.thread.laying import lay_out, still_ignored, with_ignores
from codebutler.thread.log import ThreadLog

UNNAMED = "Work in progress"
"""The subject of a checkpoint that nobody has named yet."""


class Workspace(Folder):
    """A thread's folder and branch, as a turn works on them."""

    def __init__(self, host: Host, log: ThreadLog) -> None:
        """Nothing is started until it is needed."""
        super().__init__(host, log)
        self._dirty = log.state.left_unsaved
        self._unsure = False
        """Whether the last look at the folder left out what the kernel said had not changed."""
        self._later: asyncio.Task[str] | None = None
        self._saving = asyncio.Lock()
        self._saved = ("", "")
        """The last checkpoint and its tree."""
        self._forge: Forge | None = None

    def touched(self) -> None:
        """A checkpoint is due."""
        self._dirty = True

    def checkpoint_later(self) -> None:
        """Make the due checkpoint beside the model's thinking: every batch that wrote can be returned to."""
        if self._dirty and self._later is None:
            self._later = asyncio.create_task(self._save(UNNAMED, still=True))

    async def settle_checkpoint(self) -> None:
        """Wait for the checkpoint beside the model's thinking: a ref that moved must reach the log."""
        await self.filled()
        task, self._later = self._later, None
        if task is not None:
            await task

    async def save(self) -> None:
        """Make the checkpoint that is due, if one is."""
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

    async def commit(self, message: str) -> str:
        """Save the worktree, and put ``message`` over all that was saved without a name; returns the tip.

        It stands on the last one with a name; the checkpoints are kept beside it, as rewinds lead to them.
        """
        await self.settle_checkpoint()
        if await self._named() == self._log.state.head:
            return await self._save(message)
        await self._save(UNNAMED)
        return await self._name(message)

    async def _name(self, message: str) -> str:
        """Put ``message`` over the checkpoints at the tip that have no name, if any; returns the tip."""
        async with self._saving:
            named, old, gitdir = await self._named(), self._log.state.head, self._host.repo.gitdir
            if named == old:
                return old
            words = commits.signed(message, await asked_by(self._host.store, self._log.state))
            tree = await commits.tree_of(gitdir, old)
            new = await commits.join_trees(gitdir, tree, [named], words, identity=self.identity)
            await owe_index(gitdir, self._ref)
            await kept.replace(gitdir, self._ready.branch, new, old, why="codebutler: commit")
            self._saved = (new, tree)
            await self._log.append(CheckpointMade(commit=new, message=message))
            return new

    async def _named(self) -> str:
        """The branch's last commit that has a name or is pushed; its base if there is none."""
        gitdir, base, tip = self._host.repo.gitdir, self._ready.base, await self._tip()
        mail, floor = self.identity.mail, self._log.state.pushed
        return await kept.last_named(gitdir, base, tip, mail=mail, unnamed=UNNAMED, floor=floor)

    async def _save(self, message: str, *, still: bool = False) -> str:
        """One at a time: two would take each other's move of the branch for somebody else's."""
        async with self._saving:
            return await self._save_alone(message, still=still)

    async def _save_alone(self, message: str, *, still: bool) -> str:
        executor, gitdir = await self.hands(), self._host.repo.gitdir
        self._own_branch()
        old = await self._tip()
        if self._saved[0] != old:
            self._saved = (old, await commits.tree_of(gitdir, old))
        tree = self._saved[1]
        try:
            built = await executor.tree(old, tree, still=still)
        except CodeButlerError:
            if self._stands():
                raise
            executor = await self.hands()  # the folder was deleted this very moment, and is there again
            built = await executor.tree(old, tree)
        self._unsure = still
        if built.tree == tree:
            self._dirty = False
            return old
        ours = handmade.commit(built.tree, old, UNNAMED, self.identity) if message == UNNAMED else b""
        came = await checkpoints.receive(gitdir, executor.pack(), commit=ours)
        files = await self.moved_files(old, built.tree)
        ignores = any(path.rpartition("/")[2] == ".gitignore" for path in files)
        if ignores:  # what it names now may be in an earlier checkpoint
            built = await executor.tree(old, since=self._log.state.pushed or self._ready.base)
            await checkpoints.receive(gitdir, executor.pack())
            files = await self.moved_files(old, built.tree)
        held, back = await with_folder(gitdir, built.tree, old, MEMORY_FOLDER, files)
        held, forged = await with_folder(gitdir, held, old, JOURNALS, files)
        back += forged
        await owe_index(gitdir, self._ref)
        new = await checkpoints.import_checkpoint(
            gitdir, tree=held, known=tree, pack=None, message=message, ref=self._ref, old=old,
            co_authors=await asked_by(self._host.store, self._log.state) if message != UNNAMED else (),
            identity=self.identity, index=False, made="" if ignores or back else came,
        )  # fmt: skip
        self._dirty, self._saved = False, (new, held)
        if new != old:
            files = await self.moved_files(old, new) if back else files
            made = CheckpointMade(commit=new, message=message, files=sorted(files))
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

    async def branch_text(self, path: str) -> str | None:
        """A file as the branch's tip has it; None if it is absent."""
        return await objects.show_file(self._host.repo.gitdir, self._log.state.head, path)

    async def commit_files(self, files: Mapping[str, str], message: str, *co_authors: str) -> str:
        """A commit of the daemon's own (memory, journal), which reaches the worktree's files first.

        A crash between the two must not leave a branch whose next checkpoint takes the files out again.
        """
        await self.settle_checkpoint()
        old = await self._tip()
        if not self._log.state.removed:
            hands = await self.hands()
            for path, text in files.items():
                await hands.write_file(path, text.encode())
            await owe_index(self._host.repo.gitdir, self._ref)
        return await commits.commit_files(
            self._host.repo.gitdir,
            parent=old,
            files={path: text.encode() for path, text in files.items()},
            message=message,
            ref=self._ref,
            old=old,
            co_authors=co_authors,
            identity=self.identity,
        )

    async def push(self) -> str:
        """Push the branch's tip, joined with what others have pushed; returns it. Never forced."""
        await self.settle_checkpoint()
        state = self._log.state
        if not state.removed:
            await self._name(render.pr_title(state))
        branch, forge = self._ready.branch, await self.forge()
        there = await self.take_in()
        if not there and await is_over(state, forge):
            return state.head
        if left := await unsettled(self._host.repo.gitdir, self._ready.base, state.head):
            raise RepoError(f"marks of a conflict are left in {shown(left)}", fix="Say what to do with them")
        if there != state.head:
            await forge.push(branch, state.head, expect=there)
        if state.pushed != state.head:
            await self._log.append(Pushed(branch=branch, commit=state.head))
        return state.head

    async def take_in(self, *, settle: bool = False) -> str:
        """Bring what others pushed to our branch, and to the worktree's files; returns the remote's tip.

        What conflicts is refused; with ``settle`` it comes, both sides in the files, for the Coder.
        """
        state, there = self._log.state, await (await self.forge()).fetch(self._ready.branch)
        if there and there not in (state.pushed, state.head):
            await self._join(there, settle)
        return there

    async def _join(self, there: str, settle: bool) -> None:
        state = self._log.state
        old = state.head if state.removed else await self.checkpoint()
        base = await (await self.forge()).fetch((await self.base()).branch)
        came = await joined(self._host, state, there, base, identity=self.identity, settle=settle)
        if came.commit == old:
            return
        files = await self.advance(old, came.commit, what="what others pushed", anew=bool(came.base))
        said, events = came_in(self._ready, came, there, files)
        await self._log.post(said, key=f"notice:came:{there}", before=events)

    async def return_to(self, commit: str, message: str) -> tuple[str, str, list[str]]:
        """Give branch and worktree the files of an older ``commit``, by a new commit on top: nothing is lost.

        Returns the new tip, the tip before (with all the work), and the files that differ from the base.
        """
        await self.close()  # also what runs in the background there must not write any more
        old = await self._tip() if self._log.state.removed else await self.commit("Work that was taken back")
        tree = await commits.tree_of(self._host.repo.gitdir, commit)
        new = await commits.commit_tree(self._host.repo.gitdir, tree, old, message, identity=self.identity)
        if new != old:
            new = await self._back_to(new, old, message)
        return new, old, sorted(await self.moved_files(self._ready.base, new))

    async def _back_to(self, new: str, old: str, message: str) -> str:
        """Lay ``new`` out, but no file that is ignored now shall get into a commit; returns the new tip."""
        what, gitdir, moved = "the older state", self._host.repo.gitdir, await self.moved_files(old, new)
        bared = await self._lay(old, new, what=what, moved=moved)
        had = await commits.tree_of(gitdir, new)
        tree, names = await with_ignores(gitdir, had, old, moved if bared else ())
        if names:
            held = await commits.commit_tree(gitdir, tree, old, message, identity=self.identity)
            await self._lay(new, held, what=what, moved=names)
            await (await self.hands()).tree(held, since=held)  # the look took in what is ignored again
            await self._log.post(still_ignored(names, bared), key=f"notice:ignored:{held}")
            new = held
        await self._move(old, new, what=what)
        return new

    async def _lay(self, old: str, new: str, *, what: str, moved: Collection[str]) -> list[str]:
        if self._log.state.removed:
            return []
        return await lay_out(await self.hands(), old, new, what=what, moved=moved)

    async def advance(self, old: str, new: str, *, what: str, anew: bool = False) -> list[str]:
        """Move the worktree's files and the branch from ``old`` to ``new``; returns the paths that changed.

        The files come first: a crash after it loses nothing, while a branch that is ahead of its files would
        make the next checkpoint take back what came in. ``anew``: ``old``, which is not in ``new``, is kept.
        """
        await self.settle_checkpoint()
        files = sorted(await self.moved_files(old, new))
        await self._lay(old, new, what=what, moved=files)
        await self._move(old, new, what=what, anew=anew)
        return files

    async def _move(self, old: str, new: str, *, what: str, anew: bool = False) -> None:
        gitdir = self._host.repo.gitdir
        await owe_index(gitdir, self._ref)
        await kept.move(gitdir, self._ready.branch, new, old, why=f"codebutler: {what}", keep=anew)
        await sync_index(gitdir, self._ref, new)

    async def forge(self) -> Forge:
        """Where pull requests live."""
        self._host.store.standing.check()  # nothing is pushed or opened that no log will know of
        if self._forge is None:
            self._forge = await forge_for(self._host.repo, self._host.config, home=self._host.home)
        return self._forge

    async def close(self) -> None:
        """Stop the executor, once what it saves is saved; a turn that was broken off did not come to rest."""
        await self.leave_unfilled()
        await self.settle_checkpoint()
        await self._settle_index()
        await super().close()
