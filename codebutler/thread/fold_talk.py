"""How what people and roles say moves the state, and where a turn ends."""

from __future__ import annotations

from codebutler import events as ev
from codebutler.thread.fold_table import Table
from codebutler.thread.state import AGAIN, Exchange, ThreadState
from codebutler.types import Person

HANDLERS = Table()


@HANDLERS.on
def _thread_opened(s: ThreadState, e: ev.ThreadOpened) -> None:
    s.opened, s.opened_at = e, s.ts
    _meet(s, e.owner)


@HANDLERS.on
def _message_received(s: ThreadState, e: ev.MessageReceived) -> None:
    s.unread[s.seq], s.speaker = e, e.author
    _meet(s, e.author)


@HANDLERS.on
def _message_taken(s: ThreadState, e: ev.MessageTaken) -> None:
    for seq in e.messages:
        s.unread.pop(seq, None)
    s.halted = ""
    s.frames[e.frame].hear(e.content)


@HANDLERS.on
def _question_asked(s: ThreadState, e: ev.QuestionAsked) -> None:
    s.question = e


@HANDLERS.on
def _question_answered(s: ThreadState, e: ev.QuestionAnswered) -> None:
    s.answers[e.call_id] = e.text
    s.question, s.halted = None, ""


@HANDLERS.on
def _escalation_asked(s: ThreadState, e: ev.EscalationAsked) -> None:
    s.exchanges.append(Exchange(e.frame, e.call_id, e.role, e.question))
    s.frames["pm"].hear(
        f"The {e.role.title()} is at work and asks you:\n\n{e.question}\n\n"
        "Your next plain answer goes back to it, word for word. Use ask_user first if a person must decide."
    )


@HANDLERS.on
def _escalation_answered(s: ThreadState, e: ev.EscalationAnswered) -> None:
    for exchange in s.exchanges:
        if exchange.call_id == e.call_id:
            exchange.answer = e.text
    s.said.add(f"pm:{s.frames['pm'].step}")


@HANDLERS.on
def _cancelled(s: ThreadState, _e: ev.Cancelled) -> None:
    s.halted, s.question, s.merge = "cancelled", None, None


@HANDLERS.on
def _resumed(s: ThreadState, e: ev.Resumed) -> None:
    s.halted = ""
    s.raised_usd += e.raise_usd
    for frame in s.frames.values():
        frame.renew()


@HANDLERS.on
def _model_swapped(s: ThreadState, e: ev.ModelSwapped) -> None:
    s.models[e.role] = e.model


@HANDLERS.on
def _posted(s: ThreadState, e: ev.Posted) -> None:
    s.said.add(e.source.partition(AGAIN)[0])


@HANDLERS.on
def _turn_ended(s: ThreadState, e: ev.TurnEnded) -> None:
    s.outcome = e.outcome
    if e.outcome in {"failed", "cancelled", "paused"}:
        s.halted = s.halted or e.outcome


def _meet(s: ThreadState, person: Person) -> None:
    s.people.setdefault((person.surface, person.id), person)
