"""A thread's folder: its base commit, branch and worktree, and the executor that works in it.

The daemon never opens a worktree file and no git of its looks at one: all of it goes through the executor.
"""

from __future__ import annotations

import asyncio
import re

from codebutler.errors import BranchLost, RepoError
from codebutler.events import BaseResolved, CheckpointMade, WorktreeReady, WorktreeRemoved
from codebutler.forges.choose import taken_branches, way_to
from codebutler.repo import commits, namesake, objects, snapshots, worktrees
from codebutler.repo.base import base_commit
from codebutler.repo.git import is_ancestor, plumb, tip_of
from codebutler.repo.index import settle_index
from codebutler.repo.kept import is_kept
from codebutler.repo.rejoin import rejoin
from codebutler.sandbox.executor import Executor
from codebutler.thread.dependencies import Dependencies
from codebutler.thread.host import Host
from codebutler.thread.incoming import notice, since
from codebutler.thread.log import ThreadLog
from codebutler.thread.plugs import Plugs
from codebutler.thread.relocated import Relocated, filled
from codebutler.types import Outbound
from codebutler.waiting import together

AFTER = "After-Event"
"""The trailer by which a checkpoint says what ``CheckpointMade.after`` says: a kill may lose that event."""
_SEQ = re.compile("[0-9]{1,12}")


class Folder:
    """Made anew for each turn; what lasts is in the log and on disk."""

    def __init__(self, host: Host, log: ThreadLog) -> None:
        """Nothing is started until it is needed."""
        self._host = host
        self._log = log
        self._executor: Executor | None = None
        self._starting = asyncio.Lock()
        self._filling: asyncio.Task[None] | None = None
        self._dependencies = Dependencies(host, log)
        self.plugs = Plugs(host, log, self.hands)

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
        host, local = self._host, self._host.config.forge == "local"
        way = await way_to(host.repo, host.config)
        async with together() as group:
            warned = group.create_task(self._warned())
            found = await base_commit(host.repo, home=host.home, local=local, url=way.url, token=way.token)
        notices = [*found.notices, *warned.result()]
        event = BaseResolved(commit=found.commit, branch=found.branch, notices=notices)
        await self._log.append(event)
        self._dependencies.begin(found.commit)
        return event

    async def _warned(self) -> list[str]:
        """What will keep the Coder from its branch is said while the PM is only asked; it may need none."""
        if self._log.state.worktree is not None:
            return []
        blocked = await namesake.known(self._host.repo)
        return [] if blocked is None else [str(blocked)]

    async def moved_files(self, old: str, new: str) -> set[str]:
        """Paths that changed between two commits."""
        paths = await objects.changed_paths(self._host.repo.gitdir, old, new)
        return {path.encode(errors="surrogateescape").decode(errors="replace") for path in paths}

    async def hands(self) -> Executor:
        """The executor: on a read-only snapshot of the base commit until there is a worktree."""
        await self.filled()
        async with self._starting:  # calls run side by side: the first one starts it for all
            if self._executor is not None and not self._stands():
                await Folder.close(self)
            if self._executor is None:
                self._executor = await self._start()
            return self._executor

    def _stands(self) -> bool:
        """False when a person has deleted the folder: what runs there would see an empty one."""
        state = self._log.state
        if state.worktree is None or state.removed:
            return True
        return worktrees.stands(self._host.repo, state.worktree.branch)

    async def _settle_index(self) -> None:
        """Bring the folder's own index to the branch, if it is owed by this turn or one that was killed."""
        state = self._log.state
        if state.worktree is not None and not state.removed:
            await settle_index(self._host.repo.gitdir, self._ref)

    async def _start(self) -> Executor:
        await self._settle_index()
        state, repo, settings = self._log.state, self._host.repo, self._host.sandbox
        if state.worktree and not state.removed:
            await asyncio.to_thread(rejoin, repo, state.worktree.branch)
            if not self._stands():
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

    async def left_out(self) -> list[str]:
        """What of the folder no commit takes in: a line each, with the way out."""
        state = self._log.state
        if state.worktree is None or state.removed:
            return []
        return await (await self.hands()).left_out(state.head, sorted(state.wrote))

    async def model_hands(self) -> Relocated:
        """The executor as a model's calls reach it."""
        tree, repo = self._log.state.worktree, self._host.repo
        executor = await self.hands()
        return Relocated(executor, repo.root, worktrees.folder(repo, tree.branch) if tree else repo.inner)

    async def prepare(self, name: str) -> None:
        """Make the thread's branch and worktree (or find them after a crash); begin sandbox and files.

        Where something is set up for it, which its Coder is told, that is waited for. Else ``filled`` is to
        be: a model can think meanwhile.
        """
        host, thread = self._host, self._log.state.id
        async with together() as group:
            others = group.create_task(taken_branches(host.repo, host.config, home=host.home))
            await self.close()
            base = await self.base()
        tree = await worktrees.create(
            host.repo, name, base.commit, thread=thread, fresh=True, taken=others.result()
        )
        self._filling = asyncio.create_task(self._fill(tree))
        if self._log.state.removed or await self._dependencies.needed(base.commit):
            await self.filled()

    async def _fill(self, tree: worktrees.Worktree) -> None:
        self._executor = await filled(tree.path, tree.base, self._host.sandbox)
        event = WorktreeReady(branch=tree.branch, path=str(tree.path), base=tree.base)
        await self._log.append(event)
        self._executor = await self._dependencies.hands(event, self._executor)

    async def filled(self) -> None:
        """Wait until the worktree that ``prepare`` has begun is whole."""
        if self._filling is not None:
            await asyncio.shield(self._filling)
            self._filling = None

    @property
    def never_filled(self) -> bool:
        """Whether the filling that ``prepare`` began has failed."""
        task = self._filling
        return task is not None and task.done() and not task.cancelled() and task.exception() is not None

    async def leave_unfilled(self) -> None:
        """Fill no more: of a worktree that is half full no log knows, and the next turn begins anew."""
        task, self._filling = self._filling, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def _ready(self) -> WorktreeReady:
        if self._log.state.worktree is None:
            raise RepoError("there is no worktree yet")
        return self._log.state.worktree

    @property
    def _ref(self) -> str:
        return f"refs/heads/{self._ready.branch}"

    @property
    def identity(self) -> commits.Identity:
        """Whose name stands on our commits."""
        git = self._host.config.git
        return commits.Identity(git.author_name, git.author_email)

    def _own_branch(self) -> None:
        """A folder that a person has on another branch, or in the middle of a merge, is not saved as ours."""
        repo, branch = self._host.repo, self._ready.branch
        where = worktrees.elsewhere(repo, branch)
        if where:
            raise BranchLost(f"the folder {worktrees.folder(repo, branch)} {where[0]}", fix=where[1])

    async def _tip(self) -> str:
        """The branch's tip. A commit that the log lacks (a crash, or a person) is taken over if it can be."""
        state, branch = self._log.state, self._ready.branch
        tip = await tip_of(self._host.repo.gitdir, self._ref)
        if tip is None:
            raise BranchLost(
                f"the branch {branch} is gone", fix=f"git branch {branch} {state.head} brings it back"
            )
        if tip != state.head:
            gitdir = self._host.repo.gitdir
            ours = await is_ancestor(gitdir, state.head, tip) or await is_kept(gitdir, branch, state.head)
            if not ours:
                raise BranchLost(
                    f"the branch {branch} was moved to {tip[:12]}, away from our {state.head[:12]}",
                    fix=self._way_back(state.head),
                )
            await self._take_over(state.head, tip)
        return tip

    def _way_back(self, head: str) -> str:
        """How a person puts the branch where the log has it, with the folder's files as they are."""
        repo, branch = self._host.repo, self._ready.branch
        if worktrees.stands(repo, branch) and worktrees.elsewhere(repo, branch) is None:
            where = worktrees.folder(repo, branch)
            return f"Put it back; the files in {where} stay as they are. There: git reset --soft {head[:12]}"
        return f"Put it back: git branch --force {branch} {head[:12]}"

    async def _take_over(self, old: str, tip: str) -> None:
        """Log a tip that the log lacks. Commits that are not ours are a person's, who should see it."""
        files, gitdir = sorted(await self.moved_files(old, tip)), self._host.repo.gitdir
        form = f"--format=%ce%x00%(trailers:key={AFTER},valueonly,separator=%x2C)"
        ask = ("log", form, *await since(gitdir, old, tip), "--")
        said = (await plumb(*ask, gitdir=gitdir)).decode(errors="replace")
        marks = [line.partition("\0")[::2] for line in said.splitlines()]
        made = CheckpointMade(commit=tip, message="found on the branch", files=files)
        if {mail for mail, _ in marks} <= {self.identity.mail}:
            after = int(marks[0][1]) if marks and _SEQ.fullmatch(marks[0][1]) else 0
            await self._log.append(made.model_copy(update={"after": min(after, self._log.state.seq)}))
            return
        words = notice(f"Somebody committed to `{self._ready.branch}` by hand", files)
        await self._log.post(words, key=f"notice:found:{tip}", before=[made])

    async def remove(self, landed: str) -> str:
        """Remove worktree and branch. Work that is not in ``landed`` stays: returns where it is, or ""."""
        if self._log.state.worktree is None or self._log.state.removed:
            return ""
        kept = ""
        try:
            await self._clear([landed])
        except RepoError as error:
            kept = str(error)
        await self._log.append(WorktreeRemoved(kept=kept))
        return kept

    async def put_away(self) -> str:
        """Remove the folder and keep the branch. What is not in a commit stays: returns why, or ""."""
        if self._log.state.worktree is None or self._log.state.removed:
            return ""
        try:
            await self._clear([], keep_branch=True)
        except RepoError as error:
            return str(error)
        return ""

    async def _clear(self, landed: list[str], *, keep_branch: bool = False) -> None:
        tree, repo = await worktrees.find(self._host.repo, self._log.state.id), self._host.repo
        if tree is not None:
            there = await asyncio.to_thread(worktrees.stands, repo, tree.branch)
            state = self._log.state
            found = await (await self.hands()).status(state.head, sorted(state.wrote)) if there else []
            dirty = [change.path for change in found]
            await self.close()
            await worktrees.remove(repo, tree, dirty=dirty, landed=landed, keep_branch=keep_branch)

    async def close(self) -> None:
        """Stop the executor, and the servers beside it."""
        await self.leave_unfilled()
        await self.plugs.close()
        await self._dependencies.close()
        executor, self._executor = self._executor, None
        if executor is not None:
            await executor.close()
