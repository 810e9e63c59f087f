"""A thread's commits and its pull request, as its tools reach them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from codebutler.errors import BranchLost, RepoError, ToolFailed
from codebutler.events import PrOpened, PrUpdated
from codebutler.repo import objects
from codebutler.text import fit
from codebutler.thread import joining, render
from codebutler.thread.mail import Mail

T = TypeVar("T")
TEXT_CAP = 24_000
"""Characters of history or diff that one tool result may hold."""


class Shipping(Mail):
    """From the worktree to the forge."""

    async def checkpoint(self, message: str) -> str:
        """Save the worktree as a commit of that name."""
        return await self._git(self.space.commit(message))

    async def left_out(self) -> list[str]:
        """What of the folder no commit takes in."""
        return await self._git(self.space.left_out())

    async def tell_left_out(self) -> None:
        """People hear of it before they decide on the work."""
        if left := await self.left_out():
            more = f"; and {len(left) - 5} more" if len(left) > 5 else ""
            await self.tell_once(f"In the folder, but in no commit: {'; '.join(left[:5])}{more}.")

    async def push(self) -> str:
        """Push what was committed, and what was not yet."""
        if self.state.worktree is None:
            raise ToolFailed("there is nothing to push: no worktree yet")
        await self._git(self.space.checkpoint())
        try:
            return await self._git(self.space.push())
        except ToolFailed:
            if files := await self._git(joining.met(self.space, self.host.repo.gitdir, self.state)):
                raise ToolFailed(joining.words(files)) from None
            raise

    async def open_pr(self, title: str, body: str) -> str:
        """Open the pull request, or say that it is open."""
        if self.state.pr is None:
            await self._need_changes()
            await self.push()
            await self.record_pr(title, body)
        pr = self.state.pr
        return f"Pull request #{pr.number} is open: {pr.url}" if pr else "no pull request"

    async def _need_changes(self) -> None:
        """An empty pull request tells nobody anything; why it would be one, the Coder can mend."""
        await self._git(self.space.checkpoint())
        tree = self.state.worktree
        if tree is not None and not await self.space.moved_files(tree.base, self.state.head):
            left = "".join(f"\n- {each}" for each in (await self.left_out())[:5])
            raise ToolFailed(f"the branch changes no file: there is nothing to review{left}")

    async def record_pr(self, title: str, body: str) -> None:
        """Open a draft at the forge (which finds it again by its branch) and log it."""
        tree, base = self.state.worktree, await self.space.base()
        if tree is None:
            raise ToolFailed("there is no branch to open a pull request for")
        forge = await self.space.forge()
        full = render.merge_body(self.redact(body), await self._pr_body())
        pr = await self._git(
            forge.open_pr(branch=tree.branch, base=base.branch, title=title, body=full, draft=True)
        )
        await self.append(PrOpened(number=pr.number, url=pr.url, title=pr.title))

    async def show_ready(self, failing: str) -> None:
        """A draft becomes ready for review, unless its tests failed last: with the command ``failing``."""
        if self.state.pr is None:
            return
        if failing:
            number, command = self.state.pr.number, failing[:80]
            await self.tell_once(f"#{number} stays a draft: the tests failed when last run (`{command}`).")
            return
        forge = await self.space.forge()
        try:
            await forge.update(self.state.pr.number, draft=False)
        except RepoError as error:  # the work is there, and a merge tries it again
            await self.tell_once(f"#{self.state.pr.number} stays a draft: {error}")

    async def refresh_pr(self) -> None:
        """Bring title and our part of the body up to date. A title that people gave it stays."""
        if self.state.pr is None:
            return
        forge = await self.space.forge()
        pr = await forge.get(self.state.pr.number)
        title, last = self.redact(render.pr_title(self.state)), self.state.pr.title
        ours = any(each.startswith(pr.title) for each in (last, title))  # a forge may have cut it
        body = self.redact(render.merge_body(pr.body, await self._pr_body()))
        await forge.update(pr.number, title=title if ours else None, body=body)
        await self.append(PrUpdated(number=pr.number, title=title if ours else last))

    async def _pr_body(self) -> str:
        """Our part of the pull request's text, with where the thread is to be read."""
        return render.pr_body(self.state, await self.host.store.notes(f"link:{self.state.id}:"))

    async def pr_status(self) -> str:
        """The PR's state."""
        if self.state.pr is None:
            return "There is no pull request yet."
        pr = await self._git((await self.space.forge()).get(self.state.pr.number))
        return f"#{pr.number} {pr.title}\nstate: {pr.state}\nhead: {pr.head}\nbase: {pr.base}\n{pr.url}"

    async def log_text(self, path: str, limit: int) -> str:
        """The branch's history."""
        at = self.state.head or (await self.space.base()).commit
        commits = await self._git(
            objects.log(self.host.repo.gitdir, at, limit=limit, paths=[path] if path else [])
        )
        lines = [f"{c.sha[:10]} {c.date[:10]} {c.author}: {c.subject}" for c in commits]
        return fit("\n".join(lines), TEXT_CAP) or "No commits."

    async def diff(self, base: str, path: str) -> str:
        """The branch's changes."""
        if not self.state.head:
            return "Nothing has changed yet."
        old = base or (self.state.worktree.base if self.state.worktree else "")
        paths = [path] if path else []
        text, cut = await self._git(
            objects.diff(self.host.repo.gitdir, old, self.state.head, paths=paths, limit=TEXT_CAP)
        )
        return (text + "\n… cut here; name a path to see the rest" * cut) or "Nothing has changed."

    async def _git(self, work: Awaitable[T]) -> T:
        """What git or the forge refuses is news for the model, not the end of the turn: but a lost branch."""
        try:
            return await work
        except BranchLost:  # no model can put it back
            raise
        except RepoError as error:
            raise ToolFailed(str(error)) from error
