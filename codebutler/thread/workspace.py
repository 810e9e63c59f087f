"""A thread's work: commits with a name, what is pushed and comes in, and the way back."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from codebutler.errors import RepoError
from codebutler.events import CheckpointMade, Pushed
from codebutler.forges.base import Forge
from codebutler.forges.choose import forge_for
from codebutler.repo import commits, kept, objects
from codebutler.repo.index import owe_index, sync_index
from codebutler.repo.merging import shown, unsettled
from codebutler.thread import render
from codebutler.thread.host import Host
from codebutler.thread.identity import asked_by
from codebutler.thread.incoming import came_in, is_over, joined
from codebutler.thread.laying import lay_out, still_ignored, with_ignores
from codebutler.thread.log import ThreadLog
from codebutler.thread.saves import UNNAMED, Saves


class Workspace(Saves):
    """A thread's folder and branch, as a turn works on them."""

    def __init__(self, host: Host, log: ThreadLog) -> None:
        """Nothing is started until it is needed."""
        super().__init__(host, log)
        self._forge: Forge | None = None

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
