"""Logs of threads to measure on: a person asks, the PM reads a file and answers, again and again."""

from __future__ import annotations

from collections.abc import Iterator

from codebutler import events as ev
from codebutler.store.rows import NewEvent, StoredEvent
from codebutler.types import Outbound, Person, ToolCall, Usage

SURFACE = "terminal"
ASKER = Person(surface=SURFACE, id="bench")
TURN = 10
"""Events of one question and its answer."""
HEAD = 2
"""Events that open a thread."""
_FILE = "".join(f"{number:4} | line {number} of a file that the PM has read\n" for number in range(1, 31))
_MODEL = "scripted"


def question() -> ev.MessageReceived:
    """What the person asks every time."""
    return ev.MessageReceived(surface=SURFACE, external_id="bench", author=ASKER, text="What does it say?")


def talk(turns: int) -> list[NewEvent]:
    """A thread's events after so many answered questions: ``HEAD + turns * TURN`` of them."""
    opened = ev.ThreadOpened(title="bench", owner=ASKER)
    found: list[ev.Event] = [opened, ev.FrameStarted(frame="pm", role="pm")]
    for turn in range(turns):
        found += _turn(turn, asked=len(found) + 1)
    return [NewEvent(e.kind, f"bench:{n}", ev.dump(e)) for n, e in enumerate(found)]


def stored(thread: str, turns: int) -> list[StoredEvent]:
    """The same as it comes back from a store."""
    return [StoredEvent(thread, n, e.kind, e.key, e.body, n) for n, e in enumerate(talk(turns), 1)]


def _turn(turn: int, *, asked: int) -> Iterator[ev.Event]:
    step, call = 2 * turn + 1, f"call-{turn}"
    read = ToolCall(id=call, name="read", arguments='{"path": "part0/group0/file0.py"}')
    usage = Usage(input=4_000, output=60, cached=4_000)
    words = f"It says what it said before, for the {step}th time."
    yield question().model_copy(update={"key": str(turn)})
    yield ev.MessageTaken(frame="pm", messages=[asked], content="bench: What does it say?")
    yield ev.ModelRequested(frame="pm", step=step, model=_MODEL)
    yield ev.ModelReplied(frame="pm", step=step, model=_MODEL, tool_calls=[read], usage=usage)
    yield ev.ToolStarted(frame="pm", call_id=call, name="read")
    yield ev.ToolFinished(frame="pm", call_id=call, name="read", text=_FILE, details={"lines": 30})
    yield ev.ModelRequested(frame="pm", step=step + 1, model=_MODEL)
    yield ev.ModelReplied(frame="pm", step=step + 1, model=_MODEL, content=words, usage=usage)
    yield ev.Posted(post=Outbound(text=words, role="pm"), source=f"pm:{step + 1}")
    yield ev.TurnEnded(outcome="answered")
