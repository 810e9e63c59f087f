"""The log folded once more, and compared with everything that was made of it on the way."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import TypeAlias

from codebutler import events as ev
from codebutler.events import Posted, parse
from codebutler.thread.evidence import Evidence
from codebutler.thread.state import ThreadState

Asked: TypeAlias = ev.ModelRequested | ev.ImageOrdered | ev.SpeechSent
Answered: TypeAlias = ev.ModelReplied | ev.ModelFailed | ev.Compacted | ev.ImageMade | ev.Transcribed
_CENT = 1e-6
"""Dollars by which sums of floats may differ."""


def differences(evidence: Evidence) -> list[str]:
    """What does not agree with the log, one line each. CodeButlerError for an event that is damaged."""
    gaps = list(_gaps(evidence))
    if gaps:  # then nothing that follows from the log can be said
        return gaps
    return [*_row(evidence, evidence.state()), *_outbox(evidence), *_money(evidence)]


def _gaps(evidence: Evidence) -> Iterator[str]:
    for wanted, event in enumerate(evidence.events, 1):
        if event.seq != wanted:
            yield f"log: event {event.seq} stands where {wanted} should"
            return


def _row(evidence: Evidence, state: ThreadState) -> Iterator[str]:
    """The read model. Its status is only final at rest: while a turn runs it is ahead of the log."""
    row = evidence.row
    told: dict[str, object] = {
        "phase": state.phase,
        "title": state.title,
        "branch": state.worktree.branch if state.worktree else "",
        "pr": str(state.pr.number) if state.pr else "",
    }
    if not row["ready"] and row["status"] != "working" and state.outcome is not None:
        told["status"] = state.outcome
    for name, value in told.items():
        if row[name] != value:
            yield f"thread row: {name} is {row[name]!r}, the log says {value!r}"


def _outbox(evidence: Evidence) -> Iterator[str]:
    """Every message that the log calls posted is on its way or delivered, and no other one is."""
    said: dict[str, str] = {}
    for event in evidence.events:
        posted = parse(event.body)
        if isinstance(posted, Posted) and event.key.startswith("post:"):
            said[event.key.removeprefix("post:")] = posted.post.text
    queued: dict[str, str] = {}
    for post in evidence.posts:
        if not post["slot"]:
            queued[_source(str(post["key"]), said)] = str(post["text"])
    order = list(said)
    last = max((order.index(key) for key in queued if key in said), default=-1)
    due = order[: last + 1] if evidence.cut else order  # whoever had it all cut off hears no more
    for key in [k for k in due if k not in queued] if queued else []:
        yield f"outbox: message {key} of the log is not in it"
    for key, text in queued.items():
        if key not in said:
            yield f"outbox: message {key} is not in the log"
        elif said[key] != text:
            yield f"outbox: message {key} has another text than in the log"
    failed = sum(post["state"] == "failed" for post in evidence.posts)
    if failed:
        yield f"outbox: {failed} messages were given up and never delivered"


def _source(key: str, said: Container[str]) -> str:
    """The message that an outbox row shows: what stands before the ``@`` of its door."""
    parts = key.split("@")
    starts = ("@".join(parts[:n]) for n in range(1, len(parts)))
    return next((start for start in starts if start in said), parts[0])


def _money(evidence: Evidence) -> Iterator[str]:
    """What was booked is what the answers cost, and at most all of each call that has none in the log."""
    least, under_way = 0.0, list[float]()
    open_calls: dict[str, float] = {}
    for row in evidence.events:
        event = parse(row.body)
        if isinstance(event, Asked):
            under_way.append(open_calls.pop(_call(event), 0.0))
            open_calls[_call(event)] = event.usd
        elif isinstance(
            event, ev.ModelReplied | ev.ModelFailed | ev.ImageMade | ev.Transcribed | ev.Compacted
        ):
            least += event.usd
            if not isinstance(event, ev.Transcribed) or event.model:  # else it failed, and may be paid for
                open_calls.pop(_call(event), None)
    most = least + sum(under_way) + sum(open_calls.values())
    if evidence.spent is not None and not least - _CENT <= evidence.spent <= most + _CENT:
        yield f"money: ${evidence.spent:.6f} is booked, the log says ${least:.6f} to ${most:.6f}"


def _call(event: Asked | Answered) -> str:
    """What is bought: the next step of a run, a picture, a transcript, the summary of a run."""
    match event:
        case ev.ImageOrdered() | ev.ImageMade():
            return f"image:{event.call_id}"
        case ev.SpeechSent() | ev.Transcribed():
            return f"speech:{event.of}:{event.sha256}"
        case ev.Compacted():
            return f"summary:{event.frame}"
        case _:
            return f"step:{event.frame}"
