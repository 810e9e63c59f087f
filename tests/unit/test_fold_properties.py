"""The fold, whatever the log: it can be cut anywhere, and reads nothing but the events."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from codebutler.events import (
    Cancelled,
    Compacted,
    Event,
    FrameStarted,
    ImageMade,
    MessageReceived,
    ModelFailed,
    ModelReplied,
    ResearchStarted,
    Transcribed,
    dump,
    parse,
)
from codebutler.thread.fold import apply, fold
from codebutler.thread.state import ThreadState
from codebutler.types import Person

LINES = [json.loads(x) for x in (Path(__file__).parent / "golden/every_kind.jsonl").read_text().splitlines()]
LINES = [line for line in LINES if line["kind"] != "forked"]  # which stands between two threads' events
FRAMES = ("pm", "coder-1", "coder-2", "lead-1")
Row = tuple[int, float, Event | None]


@st.composite
def events(draw: st.DrawFn) -> Event | None:
    """Any kind of event, about few frames, calls and messages, so that they meet; now and then an unknown."""
    line = dict(draw(st.sampled_from([*LINES, {"kind": "from_the_future"}])))
    if "frame" in line:
        line["frame"] = draw(st.sampled_from(FRAMES))
    if isinstance(line.get("message"), int):  # a commit's message is a text
        line["message"] = draw(st.integers(0, 30))
    if "call_id" in line:
        line["call_id"] = draw(st.sampled_from(["c1", "c2"]))
    if "step" in line:
        line["step"] = draw(st.integers(1, 3))
    return parse(json.dumps(line))


def log_of(drawn: list[Event | None]) -> list[Row]:
    """A log in which every frame has begun."""
    begun = [FrameStarted(frame=name, role=name.split("-")[0]) for name in FRAMES]
    return [(seq, seq * 0.5, event) for seq, event in enumerate([*begun, *drawn], 1)]


logs = st.lists(events(), max_size=40).map(log_of)


@given(logs, st.integers(0, 44))
def test_a_log_may_be_folded_in_parts(log: list[Row], cut: int) -> None:
    state = fold("t", log[:cut])
    for row in log[cut:]:
        apply(state, *row)
    assert state == fold("t", log)


def test_a_stop_before_the_asker_has_said_anything_is_folded() -> None:
    who = Person(surface="slack", id="U7", name="Robin")
    began = ResearchStarted(frame="pm", call_id="c1", research="researcher-1", topic="Rates", question="How?")
    frame = FrameStarted(frame="pm", role="pm", content="")
    state = fold("t", [(1, 1.0, frame), (2, 2.0, began), (3, 3.0, Cancelled(message=0, by=who))])
    assert not state.open_researches("pm")


@given(logs)
def test_folding_leaves_the_events_alone(log: list[Row]) -> None:
    before = [dump(event) for _, _, event in log if event is not None]
    state = fold("t", log)
    for frame in state.frames.values():
        frame.hear("something that this state alone knows")
    state.checklist.clear()
    assert [dump(event) for _, _, event in log if event is not None] == before
    assert fold("t", log) == fold("t", log)


@given(logs)
def test_unknown_events_move_the_position_only(log: list[Row]) -> None:
    known = [row for row in log if row[2] is not None]
    state = fold("t", known)
    state.seq, state.ts = log[-1][0], log[-1][1]
    assert state == fold("t", log)


@given(logs)
def test_a_message_is_unread_until_an_event_deals_with_it(log: list[Row]) -> None:
    waiting: set[int] = set()
    for seq, _, event in log:
        if isinstance(event, MessageReceived):
            waiting.add(seq)
        elif event is not None:
            waiting -= {getattr(event, "message", 0), *getattr(event, "messages", [])}
    assert set(fold("t", log).unread) == waiting


@given(logs)
def test_the_money_is_the_sum_of_the_replies(log: list[Row]) -> None:
    state: ThreadState = fold("t", log)
    paid = (ModelReplied, ModelFailed, Compacted, ImageMade, Transcribed)
    replies = [event for _, _, event in log if isinstance(event, paid)]
    assert round(state.usd, 6) == round(sum(event.usd for event in replies), 6)
    assert round(sum(f.usd for f in state.frames.values()), 6) <= round(state.usd, 6)
