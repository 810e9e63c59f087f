"""What tools may do in a thread (toolset.desk.Desk), on top of its log and workspace."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

from codebutler.agent import loop
from codebutler.agent.frame import Frame
from codebutler.agent.roles import Role, fenced
from codebutler.errors import ToolFailed
from codebutler.events import (
    ChecklistUpdated,
    EscalationAnswered,
    EscalationAsked,
    MemoryProposed,
    PlanProposed,
    QuestionAsked,
    SummaryWritten,
)
from codebutler.findings import Checked, Report
from codebutler.redact import Stream
from codebutler.repo import skills
from codebutler.text import fit
from codebutler.thread import planfile, playbook, radar, render
from codebutler.thread.aside import is_aside
from codebutler.thread.fold_memory import decided
from codebutler.thread.guidance import text_of
from codebutler.thread.learning import day, recurrence
from codebutler.thread.memory_now import memory_now
from codebutler.thread.shipping import TEXT_CAP, Shipping
from codebutler.thread.studio import ThreadStudio
from codebutler.thread.weighing import SHOWN, is_like, sifted, undesired
from codebutler.toolset.desk import EndTurn, Site, Studio
from codebutler.types import ChecklistItem, Choice, Hands, MemoryItem, Outbound, Plan, ToolCall
from codebutler.web.service import Web


class ThreadDesk(Shipping):
    """The thread as its tools see it."""

    async def between_steps(self, frame: Frame) -> None:
        """Read what people said meanwhile; words for the role at work join its transcript.

        A due checkpoint is made beside that, and beside the model's thinking.
        """
        self.space.checkpoint_later()
        self.turn.point()
        await self.read_mail(frame)
        await self.warn_of_caps(frame)
        if frame.role == "coder":
            await radar.look(self)

    async def keep(self, data: bytes) -> str:
        """A blob: the log's own rows stay small."""
        return await self.host.store.put_blob(data)

    async def before_tools(self, *, changes: bool) -> None:
        """What was written before is saved apart: a checkpoint never sees half of a tool's writes."""
        await self.space.set_apart()  # before reads too: a later checkpoint would belong to their point
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
            await self._listener(self.state.id, "", shown)

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

    async def work(self, frame: Frame, role: Role) -> str:
        """Let the role go on with its run; returns its last word."""
        return await loop.run(frame, role, await self.offer(role), self)

    async def research(self, site: Site, topic: str, question: str, context: str) -> str:
        """Only the team's own desk sends Researchers out."""
        raise ToolFailed(f"no Researcher can be sent out for the {site.role}")

    async def report(self, site: Site, report: Report) -> Checked:
        """Only a Researcher reports."""
        raise ToolFailed(f"the {site.role} has nothing to report: answer in words")

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
        answer = await self.work(pm, self.role("pm"))
        await self.space.settle_checkpoint()
        if self.state.worktree is not None and not self.state.removed:
            self.space.touched()  # what the batch writes after this answer is not in the checkpoint of before
        await self.append(EscalationAnswered(call_id=site.key, text=answer))
        return answer

    async def follow(self, site: Site, name: str) -> str:
        """Go by a workflow of the base commit."""
        return await playbook.follow(self, site, name)

    async def propose(self, site: Site, plan: Plan) -> str:
        """Put the plan before the person, once, even if a crash makes the same reply propose it again."""
        await playbook.before_plan(self, site, plan)
        base = await self.space.base()
        text = plan.model_dump_json() + base.commit
        mark = hashlib.sha256(text.encode()).hexdigest()
        if self.state.approval is not None and self.state.carried_out == self.state.approval.hash == mark:
            mark = hashlib.sha256(
                f"{text}{self.state.steps}".encode()
            ).hexdigest()  # once more: a new approval
        proposed = PlanProposed(plan=plan, hash=mark, base=base.commit)
        known = self.state.plan
        same = known is not None and (known.hash == proposed.hash or known.plan == plan)
        if not same or self.state.plan_step != self.state.steps:
            key = f"plan:{proposed.hash}:{self.state.seq}"
            shown = render.plan(proposed)
            where = await planfile.publish(self, plan)
            shown = shown.model_copy(update={"text": f"{shown.text}\n\n{where}".strip()})
            await self.post(shown, key=key, before=[proposed])
        await self.log.update_row(title=self.state.title)
        return "The plan is before the person. Wait for their word."

    async def set_checklist(self, items: Sequence[ChecklistItem]) -> None:
        """Show the checklist."""
        await self.append(ChecklistUpdated(items=list(items)))
        await self.show_status()

    async def notify(self, site: Site, text: str) -> None:
        """Post a message of the role."""
        await self.post(Outbound(text=text, role=site.role), key=f"notify:{site.key}")

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
        return fenced(f"{known[name].folder}/{file or skills.FILE}", text, skills.TEXT)

    async def propose_memory(self, items: Sequence[MemoryItem]) -> str:
        """Keep the items for the person's decision; those that memory holds already are turned away."""
        waiting = self.state.memory or []
        pasts = [past for past in await self.host.store.pasts() if past.thread != self.state.id]
        items = [
            i.model_copy(update={"seen": recurrence(i, pasts)}) if i.kind == "automate" else i for i in items
        ]
        now = await memory_now(self.host, self.space, self.state, self.rules.memory)
        _, dropped = decided(self.state)
        over = await asyncio.to_thread(undesired, items, dropped)
        items = [item for item in items if item not in over]
        out = await asyncio.to_thread(sifted, now, waiting, items, day(self.state.ts))
        aside = self.state.set_aside
        unfit = [(item, why) for item, why in out.unfit if not any(is_like(item, x) for x in aside)]
        if out.fresh or unfit or any(text not in self.state.turned_away for text in out.held):
            reasons = [f"{item.text}: {why}" for item, why in unfit]
            new = MemoryProposed(
                items=out.fresh, known=out.held, aside=[item for item, _ in unfit], unfit=reasons
            )
            await self.append(new)
        count = len(self.state.memory or [])
        told = [f"people have decided against this in this thread: {item.text[:SHOWN]}" for item in over]
        return "\n".join([f"{count} proposed; a person decides.", *out.lines, *told])

    async def write_summary(self, summary: SummaryWritten) -> None:
        """Keep the retrospective."""
        await self.append(summary)

    async def list_threads(self) -> str:
        """The repo's open threads."""
        rows = [r for r in await self.host.store.threads() if r.phase != "closed" and r.id != self.state.id]
        names = [
            "(private)" if await is_aside(self.host.store, r.id) else f"{r.title} {r.branch}" for r in rows
        ]
        shown = [f"{r.id} [{r.phase}] {name}" for r, name in zip(rows, names, strict=True)]
        return "\n".join(shown) or "No other threads."


def _choices(options: Sequence[str]) -> list[Choice]:
    return [Choice(action="answer", label=o, value=o) for o in options]
