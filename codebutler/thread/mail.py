"""Reading what people said: commands are obeyed, answers go to who asked, the rest to a role."""

from __future__ import annotations

from codebutler.agent.frame import Frame
from codebutler.events import Event, FrameStarted, MessageReceived, MessageTaken, QuestionAnswered
from codebutler.thread.decisions import Command, Decisions, Interpreter, Word
from codebutler.thread.host import Host
from codebutler.thread.log import ThreadLog
from codebutler.thread.thread import Listener, Thread
from codebutler.toolset.desk import EndTurn
from codebutler.types import Outbound

CLOSED = "This thread is closed. Start a new one for what comes next."


class Mail(Thread):
    """A thread that reads its unread messages, in the order in which they came."""

    def __init__(
        self, host: Host, log: ThreadLog, interpreter: Interpreter, listener: Listener | None = None
    ) -> None:
        """``interpreter`` tells commands from conversation."""
        super().__init__(host, log, listener)
        self._interpreter = interpreter

    async def read_mail(self, frame: Frame | None = None) -> None:
        """Deal with all unread messages. Plain words go to ``frame`` while one runs, else to the PM.

        Raises EndTurn when one of them stops the work.
        """
        while self.state.unread:
            seq, message = min(self.state.unread.items())
            command = self._interpreter.read(self.state, message)
            if command is not None:
                await self._obey(command, Word(seq, message.author))
            elif self.state.phase == "closed":
                await Decisions(self).tell(Word(seq, message.author), "closed", CLOSED)
            elif self.state.question is not None:
                await self._answer(seq, message)
            else:
                listener = frame or self.default_frame()
                if listener is not None and listener.calls:
                    return  # a transcript must hold every result before it can hold new words
                if listener is not None and listener.role == "pm" and not listener.due:
                    if self.state.open_exchange is not None:
                        return  # the PM's answer goes to the role that asked before it hears new words
                    await self.show_answer(listener)
                await self._hand_over(seq, message, listener)

    async def show_answer(self, pm: Frame) -> None:
        """Post the PM's plain answer, unless it is posted already."""
        source = f"pm:{pm.step}"
        if pm.last_text and source not in self.state.said:
            await self.post(Outbound(text=pm.last_text, role="pm"), key=source)

    async def _obey(self, command: Command, word: Word) -> None:
        decide = Decisions(self)
        stop: EndTurn | None = None
        text = ""
        try:
            text = await command.run(decide, word)
        except EndTurn as end:
            stop = end
        if text or word.seq in self.state.unread:
            await decide.tell(word, command.name, text)
        if stop is not None:
            raise stop

    async def _answer(self, seq: int, message: MessageReceived) -> None:
        question = self.state.question
        if question is None:
            return
        text = message.text or message.value
        await self.append(
            QuestionAnswered(message=seq, call_id=question.call_id, text=text, by=message.author)
        )

    async def _hand_over(self, seq: int, message: MessageReceived, frame: Frame | None) -> None:
        coder_only = self.state.opened is not None and self.state.opened.mode == "coder"
        role, name = ("coder", "coder-1") if coder_only else ("pm", "pm")
        said = message.text or message.value
        events: list[Event] = []
        if frame is None:
            events.append(FrameStarted(frame=name, role=role))
        else:
            name = frame.id
        if not coder_only:
            said = f"{message.author.label}: {said}"
            if frame is not None and frame.role != "pm":
                said = f"(while you work) {said}"
        await self.append(*events, MessageTaken(frame=name, messages=[seq], content=said))

    def default_frame(self) -> Frame | None:
        """Who listens when nobody is at work: a Coder that was stopped half-way, else the PM."""
        state = self.state
        if state.opened is not None and state.opened.mode == "coder":
            return state.frames.get("coder-1")
        coder = state.frame("coder")
        if state.phase == "coder" and coder is not None and coder.ended is None:
            return coder
        return state.frames.get("pm")
