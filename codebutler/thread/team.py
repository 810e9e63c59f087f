"""The team's desk: roles at work in turn, and Researchers beside the one that asked them.

A Researcher is a task of this process and a run in the log. The task goes when its asker's run goes on no
further (a failure, a stop, the end of the process); the run stays, and goes on with the asker's next turn.
Findings join the asker's transcript between its steps, and it does not come to its end before all are in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from codebutler.agent.frame import Frame
from codebutler.agent.roles import Role
from codebutler.errors import ToolFailed
from codebutler.events import FrameStarted, ResearchFinished, ResearchStarted
from codebutler.text import fit
from codebutler.thread import researcher
from codebutler.thread.decisions import Interpreter
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.host import Host
from codebutler.thread.log import ThreadLog
from codebutler.thread.researcher import Ended
from codebutler.thread.researches import Research
from codebutler.thread.thread import Listener
from codebutler.thread.turn import Turn
from codebutler.toolset.desk import Site

AT_ONCE = 4
"""Researchers of one thread at work at once; the others wait for a place."""
A_TURN = 8
"""Researchers that may be asked in one turn."""
_TOPIC, _QUESTION = 120, 8_000
HELD = (
    "\n\nWhat you said after you had asked was held back for this: if it was your answer, give the whole "
    "of it anew, with what you now know."
)


class TeamDesk(ThreadDesk):
    """A thread's desk that can send Researchers out."""

    def __init__(
        self,
        host: Host,
        log: ThreadLog,
        interpreter: Interpreter,
        listener: Listener | None = None,
        turn: Turn | None = None,
    ) -> None:
        """Nobody is at work yet."""
        super().__init__(host, log, interpreter, listener, turn)
        self._out: dict[str, asyncio.Task[Ended]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._hiring = asyncio.Lock()

    async def research(self, site: Site, topic: str, question: str, context: str) -> str:
        """Send a Researcher out, once for each call."""
        if not topic.strip() or not question.strip():
            raise ToolFailed("a Researcher needs a topic and a question")
        if not self.config.web.enabled:
            raise ToolFailed("the web is off on this host (web.enabled): say what you could not look up")
        async with self._hiring:
            if all(r.call_id != site.key for r in self.state.researches.values()):
                await self._hire(site, fit(topic.strip(), _TOPIC), _whole(question, context))
        self._send_out(site.frame)
        await self._show_who_is_out(site.frame)
        return (
            "A Researcher is on its way. Go on with what you can do meanwhile; its findings come to you "
            "between your steps. If you have nothing else to do, say so in a word and you wait for them."
        )

    async def ask_person(self, site: Site, question: str, options: Sequence[str]) -> str:
        """A question ends the turn, so what was asked of Researchers is waited for first."""
        if site.key not in self.state.answers:
            self._send_out(site.frame)
            while self.state.open_researches(site.frame):
                await self._news(site.frame, hears=False)
                await self._collect(site.frame)
        return await super().ask_person(site, question, options)

    async def between_steps(self, frame: Frame) -> None:
        """Mail, then findings. A role that has come to its end waits for those that are still to come."""
        await super().between_steps(frame)
        self._send_out(frame.id)
        await self._collect(frame.id)
        while not frame.due and not frame.calls and self.state.open_researches(frame.id):
            await self._show_who_is_out(frame.id)
            await self._news(frame.id, hears=True)
            await super().between_steps(frame)
            await self._collect(frame.id)

    async def work(self, frame: Frame, role: Role) -> str:
        """Go on with the run; Researchers do not outlive it."""
        try:
            return await super().work(frame, role)
        finally:
            await self._call_back()

    async def _hire(self, site: Site, topic: str, question: str) -> None:
        if self.state.hired >= A_TURN:
            raise ToolFailed(f"{A_TURN} Researchers in one turn are the most: go on with what they find")
        name = f"{researcher.ROLE}-{len(self.state.researches) + 1}"
        brief = researcher.BRIEF.format(topic=topic, question=question)
        await self.append(
            FrameStarted(frame=name, role=researcher.ROLE, content=brief),
            ResearchStarted(
                frame=site.frame, call_id=site.key, research=name, topic=topic, question=question
            ),
        )

    def _send_out(self, asker: str) -> None:
        """A task for each open research that has none: new ones, and those of a process that died."""
        for each in self.state.open_researches(asker):
            if each.frame not in self._out:
                self._out[each.frame] = asyncio.create_task(self._at_work(each))

    async def _at_work(self, research: Research) -> Ended:
        async with self._places:
            return await researcher.work(self, research)

    async def _collect(self, asker: str) -> None:
        """Log what has come back. Only here: while the asker's model thinks, its transcript must not grow."""
        for each in self.state.open_researches(asker):
            task = self._out.get(each.frame)
            if task is not None and task.done():
                ended = task.result()
                last = len(self.state.open_researches(asker)) == 1
                held = HELD if last and self._is_held(self.state.frames[asker]) else ""
                await self.append(
                    ResearchFinished(
                        frame=asker,
                        research=each.frame,
                        outcome=ended.outcome,
                        content=self.redact(ended.content) + held,
                        capped=ended.capped,
                    )
                )
                del self._out[each.frame]

    async def _news(self, asker: str, *, hears: bool) -> None:
        """Wait until somebody is back or, if the role can hear it, somebody speaks."""
        mail = asyncio.create_task(self.turn.mail.wait())
        self._send_out(asker)
        tasks = [self._out[r.frame] for r in self.state.open_researches(asker)]
        try:
            with self.turn.calm():
                await asyncio.wait([*tasks, *([mail] if hears else [])], return_when=asyncio.FIRST_COMPLETED)
        finally:
            mail.cancel()

    def _is_held(self, frame: Frame) -> bool:
        """The role's last words were an answer, and nobody has seen it."""
        resting = not frame.due and not frame.calls and bool(frame.last_text)
        return resting and f"{frame.role}:{frame.step}" not in self.state.said

    async def _call_back(self) -> None:
        tasks, self._out = list(self._out.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _show_who_is_out(self, asker: str) -> None:
        topics = [r.topic for r in self.state.open_researches(asker)]
        if topics:
            await self.show_status(f"Researchers at work: {'; '.join(topics)}")


def _whole(question: str, context: str) -> str:
    parts = [question.strip(), f"# Context\n\n{context.strip()}" if context.strip() else ""]
    return fit("\n\n".join(filter(None, parts)), _QUESTION)
