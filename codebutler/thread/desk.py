"""What tools may do in a thread (toolset.desk.Desk), on top of its log and workspace."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from codebutler.agent import loop
from codebutler.agent.frame import Frame
from codebutler.errors import BranchLost, RepoError, ToolFailed
from codebutler.events import (
    ChecklistUpdated,
    EscalationAnswered,
    EscalationAsked,
    MemoryProposed,
    PlanProposed,
    PrOpened,
    PrUpdated,
    QuestionAsked,
    SummaryWritten,
)
from codebutler.redact import Stream
from codebutler.repo import objects, skills
from codebutler.repo.memory import is_known
from codebutler.text import fit
from codebutler.thread import render
from codebutler.thread.guidance import text_of
from codebutler.thread.mail import Mail
from codebutler.thread.studio import ThreadStudio
from codebutler.toolset.desk import EndTurn, Site, Studio
from codebutler.types import ChecklistItem, Choice, Hands, MemoryItem, Outbound, Plan, ToolCall
from codebutler.web.service import Web

T = TypeVar("T")
TEXT_CAP = 24_000
"""Characters of history or diff that one tool result may hold."""


class ThreadDesk(Mail):
    """The thread as its tools see it."""

    async def between_steps(self, frame: Frame) -> None:
        """Read what people said meanwhile; words for the role at work join its transcript."""
        self.turn.point()
        await self.read_mail(frame)
        await self.warn_of_caps(frame)

    async def keep(self, data: bytes) -> str:
        """A blob: the log's own rows stay small."""
        return await self.host.store.put_blob(data)

    async def before_tools(self, *, changes: bool) -> None:
        """What was written before is saved apart: a checkpoint never sees half of a tool's writes."""
        await self.space.save()
        if changes:
            self.space.touched()

    async def guides(self, frame: Frame, call: ToolCall) -> tuple[str, list[str]]:
        """What the base commit says to those who work below a folder, when they first do."""
        base = await self.space.base()
        roots = [str(self.host.repo.root), *([self.state.worktree.path] if self.state.worktree else [])]
        found = await self.guidance.for_call(frame, call, base.commit, roots[::-1])
        return text_of(found), [each.path for each in found]

    @property
    def studio(self) -> Studio:
        """Pictures and attachments."""
        return ThreadStudio(self)

    @property
    def web(self) -> Web:
        """Search and pages."""
        return self.host.web

    async def hands(self) -> Hands:
        """The sandboxed executor."""
        return await self.space.model_hands()

    async def show_output(self, site: Site, text: str) -> None:
        """Stream it like a role's own words."""
        if self._listener is None:
            return
        shown = self._outputs.setdefault(site.key, Stream(self.host.redactor)).feed(text)
        if shown:
            await self._listener(self.state.id, site.role, shown)

    # -- people and roles

    async def ask_person(self, site: Site, question: str, options: Sequence[str]) -> str:
        """The person's answer; the turn ends until there is one."""
        answer = self.state.answers.get(site.key)
        if answer is not None:
            return answer
        if self.state.question is None or self.state.question.call_id != site.key:
            message = Outbound(
                text=question + "".join(f"\n- {o}" for o in options),
                role=site.role,
                kind="question",
                choices=_choices(options),
            )
            asked = QuestionAsked(
                frame=site.frame, call_id=site.key, question=question, options=list(options)
            )
            again = f":{self.state.seq}" if f"question:{site.key}" in self.state.said else ""
            await self.post(
                message, key=f"question:{site.key}{again}", before=[asked], timers=self.reminder(asked)
            )
        raise EndTurn("question")

    async def remind(self, asked: QuestionAsked) -> None:
        """Put a question that waits before people once more, and see to the next time."""
        words = f"This still waits for your answer:\n\n{asked.question}"
        message = Outbound(
            text=words, role=asked.frame.partition("-")[0], kind="question", choices=_choices(asked.options)
        )
        again = self.reminder(asked, again=True)
        await self.post(message, key=f"remind:{self.state.reminder}", timers=again)

    async def ask_pm(self, site: Site, question: str) -> str:
        """The PM's answer, from its own transcript."""
        known = next((x for x in self.state.exchanges if x.call_id == site.key), None)
        if known is not None and known.answer is not None:
            return known.answer
        pm = self.state.frames.get("pm")
        if pm is None:
            raise ToolFailed("no PM works on this thread: decide yourself and say what you assumed")
        if known is None:
            if pm.calls:  # it waits for the very role that asks
                raise ToolFailed(
                    "the PM waits for you: decide yourself and say what you assumed, or end by asking"
                )
            await self.append(
                EscalationAsked(frame=site.frame, call_id=site.key, role=site.role, question=question)
            )
        role = self.role("pm")
        answer = await loop.run(pm, role, self.toolset(role), self)
        await self.append(EscalationAnswered(call_id=site.key, text=answer))
        return answer

    async def propose(self, plan: Plan) -> str:
        """Put the plan before the person, once, even if a crash makes the same reply propose it again."""
        base = await self.space.base()
        text = plan.model_dump_json() + base.commit
        proposed = PlanProposed(plan=plan, hash=hashlib.sha256(text.encode()).hexdigest(), base=base.commit)
        known = self.state.plan
        if known is None or (known.hash, self.state.plan_step) != (proposed.hash, self.state.steps):
            key = f"plan:{proposed.hash}:{self.state.seq}"
            await self.post(render.plan(proposed), key=key, before=[proposed])
        await self.log.update_row(title=plan.title[:120])
        return "The plan is before the person. Wait for their word."

    async def set_checklist(self, items: Sequence[ChecklistItem]) -> None:
        """Show the checklist."""
        await self.append(ChecklistUpdated(items=list(items)))
        await self.show_status()

    async def notify(self, site: Site, text: str) -> None:
        """Post a message of the role."""
        await self.post(Outbound(text=text, role=site.role), key=f"notify:{site.key}")

    # -- commits and the pull request

    async def checkpoint(self, message: str) -> str:
        """Save the worktree as a commit."""
        return await self._git(self.space.checkpoint(message))

    async def push(self) -> str:
        """Push what was committed, and what was not yet."""
        if self.state.worktree is None:
            raise ToolFailed("there is nothing to push: no worktree yet")
        await self._git(self.space.checkpoint("Work in progress"))
        return await self._git(self.space.push())

    async def open_pr(self, title: str, body: str) -> str:
        """Open the pull request, or say that it is open."""
        if self.state.pr is None:
            await self.push()
            await self.record_pr(title, body)
        pr = self.state.pr
        return f"Pull request #{pr.number} is open: {pr.url}" if pr else "no pull request"

    async def record_pr(self, title: str, body: str) -> None:
        """Open the PR at the forge (which finds it again by its branch) and log it."""
        tree, base = self.state.worktree, await self.space.base()
        if tree is None:
            raise ToolFailed("there is no branch to open a pull request for")
        forge = await self.space.forge()
        full = render.merge_body(self.redact(body), render.pr_body(self.state))
        pr = await self._git(
            forge.open_pr(branch=tree.branch, base=base.branch, title=title, body=full, draft=False)
        )
        await self.append(PrOpened(number=pr.number, url=pr.url, title=pr.title))
        await self.log.update_row(pr=str(pr.number))

    async def refresh_pr(self) -> None:
        """Bring title and our part of the body up to date."""
        if self.state.pr is None:
            return
        forge = await self.space.forge()
        pr = await forge.get(self.state.pr.number)
        title = self.redact(render.pr_title(self.state))
        body = self.redact(render.merge_body(pr.body, render.pr_body(self.state)))
        await forge.update(pr.number, title=title, body=body)
        await self.append(PrUpdated(number=pr.number, title=title))

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

    # -- memory and threads

    async def read_memory(self, file: str) -> str:
        """A memory file of the base commit."""
        if file not in self.rules.memory:
            raise ToolFailed(f"no memory file {file!r}; there are {', '.join(self.rules.memory)}")
        return fit(self.rules.memory[file], TEXT_CAP)

    async def read_skill(self, name: str, file: str) -> str:
        """A skill of the base commit."""
        known = self.rules.skills.found
        if name not in known:
            raise ToolFailed(f"no skill {name!r}; there are {', '.join(known) or 'none'}")
        base = await self.space.base()
        text = await skills.read(self.host.repo.gitdir, base.commit, known[name], file)
        if text is None:
            raise ToolFailed(f"{name} has no text file {file!r}; it has {', '.join(known[name].files[:40])}")
        return f"[{known[name].folder}/{file or skills.FILE}, of the base commit]\n{text}"

    async def propose_memory(self, items: Sequence[MemoryItem]) -> str:
        """Keep the items for the person's decision; those that memory holds already are turned away."""
        fresh, lines = [], []
        waiting = self.state.memory or []
        for item in items:
            if item in waiting:  # said twice, or again after a crash
                continue
            try:
                known = is_known(self.rules.memory.get(item.file, ""), item)
            except ToolFailed as error:
                lines.append(f"refused, {error.message}: {item.text[:60]}")
                continue
            if known:
                lines.append(f"memory holds this already: {item.text[:60]}")
            else:
                fresh.append(item)
        if fresh:
            await self.append(MemoryProposed(items=fresh))
        count = len(fresh) + sum(item in waiting for item in items)
        return "\n".join([f"{count} proposed; a person decides.", *lines])

    async def write_summary(self, summary: SummaryWritten) -> None:
        """Keep the retrospective."""
        await self.append(summary)

    async def list_threads(self) -> str:
        """The repo's open threads."""
        rows = [r for r in await self.host.store.threads() if r.phase != "closed" and r.id != self.state.id]
        return "\n".join(f"{r.id} [{r.phase}] {r.title} {r.branch}" for r in rows) or "No other threads."

    async def _git(self, work: Awaitable[T]) -> T:
        """What git or the forge refuses is news for the model, not the end of the turn: but a lost branch."""
        try:
            return await work
        except BranchLost:  # no model can put it back
            raise
        except RepoError as error:
            raise ToolFailed(str(error)) from error


def _choices(options: Sequence[str]) -> list[Choice]:
    return [Choice(action="answer", label=o, value=o) for o in options]
