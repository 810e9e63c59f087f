"""Reading what people said: commands are obeyed, answers go to who asked, the rest to a role.

A message is read when a step is over and its role can hear it; ``cancel`` and ``pause`` do not wait for that,
and words that only look, such as ``status``, or that are refused, are answered beside the step.
While a thread is paused, plain words stay unread; so do those from before a cancel, until the person speaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from codebutler.agent.frame import Frame
from codebutler.errors import CodeButlerError
from codebutler.events import (
    Cancelled,
    Event,
    FrameStarted,
    MessageReceived,
    MessageTaken,
    Paused,
    QuestionAnswered,
    Rewound,
)
from codebutler.thread import lessons
from codebutler.thread.attached import Told, spoken, told
from codebutler.thread.decisions import Command, Decisions, Interpreter, Word
from codebutler.thread.ears import listen
from codebutler.thread.host import Host
from codebutler.thread.identity import known
from codebutler.thread.intake import LOOKS, SETS_OFF, STOPS, SWAPS
from codebutler.thread.log import ThreadLog
from codebutler.thread.reopen import passed_on
from codebutler.thread.tabled import changing
from codebutler.thread.thread import Listener, Thread
from codebutler.thread.turn import Turn
from codebutler.toolset.desk import EndTurn
from codebutler.types import Outbound

log = logging.getLogger("codebutler.mail")
ARTIST = "artist"
CLOSED = (
    'This thread is closed. Say **"reopen"** to go on from it in a new one, or start afresh. '
    'If it got something wrong: **"the PM was wrong about X: …"** has that remembered.'
)
KEPT = 'The thread is paused: I keep this until you say **"resume"**.'
OVERRULED = '**"{name}"** was said before the thread was stopped, and is not done. Say it anew if it holds.'
PUT_OFF = 'The merge is put off: {who} said more after "merge". Say **"merge"** again when it is to land.'
LATE = {
    "edited": "That message had been read before it was changed. If the change matters, say it anew.",
    "deleted": "That message had been read before it was deleted. Say so if it no longer holds.",
}


class Mail(Thread):
    """A thread that reads its unread messages, in the order in which they came."""

    def __init__(
        self,
        host: Host,
        log: ThreadLog,
        interpreter: Interpreter,
        listener: Listener | None = None,
        turn: Turn | None = None,
    ) -> None:
        """``interpreter`` tells commands from conversation."""
        super().__init__(host, log, listener, turn)
        self._interpreter = interpreter
        self._obeying = asyncio.Lock()
        """Between steps and beside them the same words are read: each is obeyed by one of the two."""

    @contextlib.asynccontextmanager
    async def looked_at(self) -> AsyncIterator[None]:
        """Meanwhile words that only look are answered as they come: they need not wait for a step's end."""
        looking = asyncio.create_task(self._answer_looks())
        try:
            yield
        finally:
            try:
                async with self._obeying:  # an answer that is being given comes to its end
                    looking.cancel()
            finally:
                looking.cancel()
            await asyncio.wait({looking})
            if not looking.cancelled():
                looking.result()

    async def _answer_looks(self) -> None:
        """What fails here stays unread, and the next reading of the mail meets the same trouble."""
        try:
            while True:
                await self.turn.news.wait()
                self.turn.news.clear()
                await self.log.sync()
                for seq, message in sorted(self.state.unread.items()):
                    command = self._interpreter.read(self.state, message)
                    if command is None:
                        continue
                    if command.name in LOOKS or self._comes_too_early(command):
                        await self._obey(command, await self._word(seq, message))
                    elif command.name in SWAPS and self.state.base and not self.state.halted:
                        await self._swap(command, await self._word(seq, message))
        except CodeButlerError as error:
            log.warning("%s: words were left for the step's end: %s", self.state.id, error)

    async def _swap(self, command: Command, word: Word) -> None:
        """Another model counts at once; who waits for the old one, which says nothing, need not any more."""
        if Decisions(self).refused(word, "ask", "ask here"):
            return
        before, waits = dict(self.state.models), self.turn.waits
        await self._obey(command, word)
        now = self.state.models
        self.turn.swapped((role for role in now if now[role] != before.get(role)), waits=waits)

    def _comes_too_early(self, command: Command) -> bool:
        """It is only refused, so that it need not wait for that."""
        return (command.name == "merge" and self.state.coding) or (
            command.name == "approve" and bool(changing(self.state))
        )

    async def read_mail(self, frame: Frame | None = None) -> None:
        """Deal with all messages that can be read now. Plain words go to ``frame`` while one runs, else to
        the PM.

        Raises EndTurn when one of them stops the work.
        """
        news = self.turn.mail.is_set()
        self.turn.hear()
        if news or frame is None:  # while a frame runs, each append brings what came in before it
            await self.log.sync()
        await self._stop_first()
        await self._mention_late_changes()
        await self._pass_on(frame)
        while waiting := self.readable():
            seq, message = min(waiting.items())
            command = self._interpreter.read(self.state, message)
            word, decide = await self._word(seq, message), Decisions(self)
            if why := decide.refused(word, "ask", "ask here"):
                await decide.tell(word, "ask", why)
            elif command is not None and self._is_overruled(seq, command):
                await decide.tell(word, command.name, OVERRULED.format(name=command.name))
            elif command is not None:
                await self._obey(command, word)
            elif self.state.phase == "closed":
                words = "" if await passed_on(self, message) else CLOSED
                await Decisions(self).tell(word, "closed", words)
            elif self.state.question is not None:
                await listen(self, seq, message)
                await self._answer(seq, message)
            elif not await self._hand_over(seq, message, frame):
                return
        if self.state.paused_at and self.state.unread:
            await self.tell_once(KEPT, source=f"kept:{self.state.paused_at}")

    async def _word(self, seq: int, message: MessageReceived) -> Word:
        return Word(seq, await known(self.host.store, message.author), message.seen)

    def readable(self) -> dict[int, MessageReceived]:
        """The unread messages that may be read now."""
        state = self.state
        plain = {s for s, m in state.unread.items() if self._interpreter.read(state, m) is None}
        kept: set[int] = set()
        if state.paused_at or (state.cancelled_at and not any(s > state.cancelled_at for s in plain)):
            kept = plain
        return {s: m for s, m in state.unread.items() if s not in kept}

    async def _stop_first(self) -> None:
        """Whoever says stop does not wait for what was said before to be read."""
        for seq, message in sorted(self.state.unread.items()):
            command = self._interpreter.read(self.state, message)
            if command is not None and command.name in STOPS:
                await self._obey(command, await self._word(seq, message))

    def _is_overruled(self, seq: int, command: Command) -> bool:
        """Whether somebody stopped the thread after the word to go on, and before it was obeyed."""
        stops = (
            e.message for _, _, e in reversed(self.state.live) if isinstance(e, Cancelled | Paused | Rewound)
        )
        return command.name in SETS_OFF and seq < next(stops, 0)

    async def _mention_late_changes(self) -> None:
        """A message that was changed after it had been read: its author should not believe otherwise."""
        if self.state.phase != "closed":
            for seq, change in sorted(self.state.late.items()):
                await self.post(Outbound(text=LATE[change], kind="notice"), key=f"late:{seq}")

    async def _pass_on(self, frame: Frame | None) -> None:
        """What people said to the PM while it answered a role reaches that role, too."""
        if frame is None or frame.calls or not self.state.overheard.get(frame.id):
            return
        said = self.state.overheard[frame.id]
        words = "\n".join(f"(said while the PM looked for your answer) {text}" for text in said.values())
        await self.append(MessageTaken(frame=frame.id, messages=sorted(said), content=words))

    async def show_answer(self, pm: Frame) -> None:
        """Post the PM's plain answer, unless it is posted already."""
        source = f"pm:{pm.step}"
        if pm.last_text and source not in self.state.said:
            await self.post(Outbound(text=pm.last_text, role="pm"), key=source)

    async def _obey(self, command: Command, word: Word) -> None:
        async with self._obeying:
            if word.seq in self.state.unread:
                await self._carry_out(command, word)

    async def _carry_out(self, command: Command, word: Word) -> None:
        decide = Decisions(self)
        stop: EndTurn | None = None
        text = ""
        try:
            text = await command.run(decide, word)
        except EndTurn as end:
            stop = end
        if text or decide.taken or (word.seq in self.state.unread and word.seq not in self.state.begun):
            await decide.tell(word, command.name, text)
        if stop is not None:
            raise stop

    async def _answer(self, seq: int, message: MessageReceived) -> None:
        question = self.state.question
        if question is None:
            return
        await self._put_off(seq, message)
        files = await self._told(seq, message)
        text = "\n".join(part for part in (spoken(self.state, seq, message), files.text) if part)
        answer = QuestionAnswered(
            message=seq,
            call_id=question.call_id,
            text=self.redact(text),
            by=message.author,
            pictures=files.pictures,
        )
        await self.log.append(answer, drop_timers=[question.timer])

    async def _hand_over(self, seq: int, message: MessageReceived, running: Frame | None) -> bool:
        """Give plain words to a role; False when the one that should hear them cannot now."""
        frame = running or self.default_frame()
        if frame is not None:
            if frame.calls or (running is not None and running.role in {"lead", ARTIST}):
                return False  # results come before new words; the Lead looks back, the PM forward; and what
                # is said while the Artist draws is for the role that asked for the picture
            if frame.role == "pm" and not frame.due:
                if self.state.open_exchange is not None:
                    return False  # the PM's answer goes to the role that asked before it hears new words
                await self.show_answer(frame)
        await listen(self, seq, message)
        await self._put_off(seq, message)
        await self.append(*await self._taken(seq, message, frame))
        return True

    async def _put_off(self, seq: int, message: MessageReceived) -> None:
        """Words that come before the merge which was asked for stop it: they may say so, or want a change."""
        if self.state.merge is not None and self.state.merged is None:
            await self.tell_once(PUT_OFF.format(who=message.author.label), source=f"put_off:{seq}")

    async def _told(self, seq: int, message: MessageReceived) -> Told:
        return await told(self.state, seq, message, self.host.store.get_blob)

    async def _taken(self, seq: int, message: MessageReceived, frame: Frame | None) -> list[Event]:
        coder_only = self.state.opened is not None and self.state.opened.mode == "coder"
        role, name = ("coder", "coder-1") if coder_only else ("pm", "pm")
        said = spoken(self.state, seq, message)
        if not coder_only:
            said = f"{message.author.label}: {said}"
            if frame is not None and frame.role != "pm":
                said = f"(while you work) {said}"
            elif self.state.memory:
                said = self._with_the_list(said, frame)
        files = await self._told(seq, message)
        taken = MessageTaken(
            frame=frame.id if frame else name,
            messages=[seq],
            content=self.redact(f"{said}\n{files.text}") if files.text else said,
            pictures=files.pictures,
        )
        return [*([] if frame is not None else [FrameStarted(frame=name, role=role)]), taken]

    def _with_the_list(self, said: str, pm: Frame | None) -> str:
        """Words for the PM while proposed memory waits, which they may be about; once for a list as it is."""
        waits = lessons.for_the_pm(self.state.memory or [], self.state.marks)
        heard = (str(m.get("content", "")) for m in reversed(pm.messages)) if pm is not None else ()
        newest = next((text for text in heard if lessons.FOR_THE_PM in text), "")
        return said if waits in newest else f"{said}\n\n{waits}"

    def default_frame(self) -> Frame | None:
        """Who listens when nobody is at work: a Coder that was stopped half-way, else the PM."""
        state = self.state
        if state.opened is not None and state.opened.mode == "coder":
            return state.frames.get("coder-1")
        coder = state.frame("coder")
        if state.phase == "coder" and coder is not None and coder.ended is None:
            return coder
        return state.frames.get("pm")
