"""How what people and roles say moves the state, and where a turn ends."""

from __future__ import annotations

from collections.abc import Sequence

from codebutler import events as ev
from codebutler.agent.pictures import attached_picture
from codebutler.filetypes import numbered, safe_name
from codebutler.thread.fold_research import forget_capped, reopen_researches, stop_researches
from codebutler.thread.fold_table import Table
from codebutler.thread.issues import named_issues
from codebutler.thread.state import AGAIN, Exchange, ThreadState
from codebutler.thread.titles import TAKEN_BACK, title_of
from codebutler.types import Attachment, Person

HANDLERS = Table()


@HANDLERS.on
def _thread_opened(s: ThreadState, e: ev.ThreadOpened) -> None:
    s.opened, s.opened_at, s.title = e, s.ts, e.title
    _meet(s, e.owner)


@HANDLERS.on
def _message_received(s: ThreadState, e: ev.MessageReceived) -> None:
    s.unread[s.seq], s.speaker = e.model_copy(update={"attachments": _kept(s, e)}), e.author
    s.phase = "pm" if s.withdrawn else s.phase
    if e.key:
        s.heard[e.surface, e.key] = e.text
    if e.surface == "github" and not s.issue and (number := e.external_id.rpartition("#")[2]).isdigit():
        s.issue = int(number)
    s.link = s.link or e.link
    if s.issues is None:
        there = [e.external_id] if e.surface == "github" else []
        others = any("/pull/" in door for door in there)  # what its text closes is its author's work
        named = [] if others else named_issues(e.text, there)
        s.issues = list(dict.fromkeys([*s.held, *named]))  # held before: of the thread that this goes on from
    _meet(s, e.author)


@HANDLERS.on
def _message_edited(s: ThreadState, e: ev.MessageEdited) -> None:
    seq = _unread(s, e.surface, e.of)
    if seq is not None:
        before = s.unread[seq]
        changed = {"text": e.text, "author": e.by, "attachments": _withdrawn(s, before, e.gone)}
        s.unread[seq] = before.model_copy(update=changed)
        _rename(s, before)
    elif e.gone or s.heard.get((e.surface, e.of), e.text) != e.text:
        s.late[s.seq] = "edited"
    if (e.surface, e.of) in s.heard:
        s.heard[e.surface, e.of] = e.text


@HANDLERS.on
def _message_deleted(s: ThreadState, e: ev.MessageDeleted) -> None:
    seq = _unread(s, e.surface, e.of)
    if seq is not None:
        _withdrawn(s, s.unread[seq], [file.sha256 for file in s.unread[seq].attachments])
        _rename(s, s.unread.pop(seq))
    elif (e.surface, e.of) in s.heard:
        s.late[s.seq] = "deleted"
    s.heard.pop((e.surface, e.of), None)
    if seq is not None and not (s.unread or s.heard or s.frames):
        s.phase = "closed"


@HANDLERS.on
def _message_taken(s: ThreadState, e: ev.MessageTaken) -> None:
    asked = s.open_exchange
    overheard = s.overheard.setdefault(asked.frame, {}) if asked and e.frame == "pm" else {}
    for seq in e.messages:
        s.unread.pop(seq, None)
        s.overheard.get(e.frame, {}).pop(seq, None)
        overheard[seq] = e.content
    s.halted, s.refused, s.cancelled_at = "", "", 0
    s.merge = s.broken_off = None  # they may want something else first: only a new word merges
    s.frames[e.frame].hear(e.content, e.pictures)


@HANDLERS.on
def _question_asked(s: ThreadState, e: ev.QuestionAsked) -> None:
    s.question = e


@HANDLERS.on
def _question_answered(s: ThreadState, e: ev.QuestionAnswered) -> None:
    s.answers[e.call_id] = e.text
    if s.question is not None:
        s.frames[s.question.frame].show(attached_picture(each) for each in e.pictures)
    s.question, s.halted, s.reminder, s.cancelled_at = None, "", 0, 0
    s.merge = s.broken_off = None


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
def _cancelled(s: ThreadState, e: ev.Cancelled) -> None:
    s.begun |= {e.message} if e.more else set()
    s.halted, s.question, s.called_off = "cancelled", None, True
    s.merge, s.broken_off, s.refused = None, None, ""  # no "go" merges after it
    s.paused_at, s.cancelled_at, s.reminder, s.listed = 0, s.seq, 0, False
    stop_researches(s)


@HANDLERS.on
def _paused(s: ThreadState, e: ev.Paused) -> None:
    s.begun |= {e.message} if e.more else set()
    s.halted, s.paused_at, s.listed = "paused", s.seq, False


@HANDLERS.on
def _resumed(s: ThreadState, e: ev.Resumed) -> None:
    s.halted, s.paused_at, s.cancelled_at = "", 0, 0
    s.called_off = s.called_off and not e.message  # 0: somebody only spoke
    s.raised_usd += 0.0 if e.cap else e.raise_usd
    if e.message and s.broken_off is not None:
        s.merge, s.broken_off = s.broken_off, None
    if e.raise_usd:
        reopen_researches(s)
    pm = s.frames.get("pm")
    if e.message and s.undone and not (pm and (pm.due or pm.calls)):  # else it is the PM that goes on
        s.carried_out, s.refused = "", ""
    for frame in s.frames.values():
        frame.renew()


@HANDLERS.on
def _model_swapped(s: ThreadState, e: ev.ModelSwapped) -> None:
    s.models[e.role] = e.model
    s.asked.pop(e.role, None)
    s.standing.stand_ins.pop(e.role, None)


@HANDLERS.on
def _posted(s: ThreadState, e: ev.Posted) -> None:
    source = e.source.partition(AGAIN)[0]
    s.said.add(source)
    what, _, seq = source.partition(":")
    if what == "late":
        s.late.pop(int(seq), None)
    if what == "remind":
        s.reminder = 0


@HANDLERS.on
def _timer_fired(s: ThreadState, e: ev.TimerFired) -> None:
    if s.question is not None and e.key == s.question.timer:
        s.reminder = s.seq


@HANDLERS.on
def _turn_ended(s: ThreadState, e: ev.TurnEnded) -> None:
    s.outcome, s.hired = e.outcome, 0
    if e.outcome != "paused":
        forget_capped(s)
    if e.outcome in {"failed", "cancelled", "paused"}:
        s.listed = s.listed and bool(s.halted)
        s.halted = s.halted or e.outcome
        if s.merge is not None and s.merged is None:
            s.merge, s.broken_off = None, s.merge


def _unread(s: ThreadState, surface: str, key: str) -> int | None:
    return next((seq for seq, m in s.unread.items() if key and (m.surface, m.key) == (surface, key)), None)


def _rename(s: ThreadState, before: ev.MessageReceived) -> None:
    """Words that were changed or taken back before anybody read them give the thread no name."""
    if s.frames or s.opened is None or s.opened.title != title_of(before.text, before.attachments):
        return
    left = next(iter(s.unread.values()), None)
    s.title = title_of(left.text, left.attachments) if left else TAKEN_BACK
    s.opened = s.opened.model_copy(update={"title": s.title})


def _withdrawn(s: ThreadState, said: ev.MessageReceived, gone: Sequence[str]) -> list[Attachment]:
    """What stays of a message's files; the others can be opened by nobody."""
    for file in said.attachments:
        if file.sha256 in gone:
            s.attached.pop(file.name, None)
    return [file for file in said.attachments if file.sha256 not in gone]


def _kept(s: ThreadState, e: ev.MessageReceived) -> list[Attachment]:
    """The files of a message under names that roles can use: harmless, and no two alike in a thread."""
    files = []
    for file in e.attachments:
        name, number = safe_name(file.name), 1
        while s.attached.get(name, file).sha256 != file.sha256:
            number += 1
            name = numbered(safe_name(file.name), number)
        files.append(file.model_copy(update={"name": name}))
        s.attached[name] = files[-1]
    return files


def _meet(s: ThreadState, person: Person) -> None:
    s.people.setdefault((person.surface, person.id), person)
