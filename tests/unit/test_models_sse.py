"""The pure half of the wire: events out of bytes that are cut anywhere, a reply out of events."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codebutler.models.assemble import Assembler
from codebutler.models.sse import Events, EventTooLarge

STREAM = (
    b"\xef\xbb\xbf: hello\n\ndata: a\r\n\n"
    b"event: x\rid: 7\rdata:b\rdata: c\r\r"
    b"data:\ndata\ndata: \xc3\xa4\n\n\n: ping\n\nretry: 3\n\ndata: [DONE]\n\n"
)
SAID = [b"a", b"b\nc", b"\n\xc3\xa4", b"[DONE]"]


def read(*pieces: bytes, limit: int = 1000) -> list[bytes]:
    events = Events(limit)
    return [data for piece in pieces for data in events.feed(piece)] + events.end()


def test_every_kind_of_line_end_comment_and_field() -> None:
    assert read(STREAM) == SAID


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_small_pieces(size: int) -> None:
    assert read(*(STREAM[i : i + size] for i in range(0, len(STREAM), size))) == SAID


def test_cut_in_two_at_every_byte() -> None:
    for at in range(len(STREAM) + 1):
        assert read(STREAM[:at], b"", STREAM[at:]) == SAID, at


def test_an_event_without_its_empty_line_counts_and_half_a_line_does_not() -> None:
    assert read(b"data: a\n\ndata: b\n") == [b"a", b"b"]
    assert read(b"data: a\n\ndata: b") == [b"a"]


def test_one_event_is_bounded_and_many_are_not() -> None:
    assert len(read(*[b"data: " + b"x" * 80 + b"\n\n: ping\n" * 20] * 50, limit=100)) == 50
    with pytest.raises(EventTooLarge):
        read(*[b"x" * 10] * 11, limit=100)
    with pytest.raises(EventTooLarge):
        read(*[b"data: x\n"] * 20, limit=100)


ARGUMENTS = json.dumps(
    {"path": "ä/\u2028.py", "edits": [{"old": 'x "y"', "new": "\r\n"}]}, ensure_ascii=False
)


def chunk(**delta: Any) -> bytes:
    text = json.dumps({"choices": [{"delta": delta, "finish_reason": None}]}, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def assembled(*pieces: bytes) -> Assembler:
    told = Assembler()
    for data in read(*pieces, limit=10_000):
        told.feed(json.loads(data))
    return told


def call(at: int) -> list[bytes]:
    """A tool call whose arguments come in two pieces."""
    head = {"index": 0, "id": "c", "function": {"name": "edit", "arguments": ARGUMENTS[:at]}}
    rest = {"index": 0, "function": {"arguments": ARGUMENTS[at:]}}
    return [chunk(tool_calls=[head]), chunk(tool_calls=[rest])]


def test_arguments_split_at_every_character_come_together() -> None:
    for at in range(len(ARGUMENTS) + 1):
        assert [c.arguments for c in assembled(*call(at)).calls()] == [ARGUMENTS], at


def test_a_call_on_the_wire_is_split_at_every_byte() -> None:
    wire = b"".join(call(9))
    for at in range(len(wire) + 1):
        assert [c.arguments for c in assembled(wire[:at], wire[at:]).calls()] == [ARGUMENTS], at


@given(st.lists(st.integers(0, 400), max_size=12))
def test_any_pieces_of_the_wire_say_the_same(cuts: list[int]) -> None:
    wire = chunk(content="Grüße ") + b"".join(call(30)) + chunk(content="🦋")
    bounds = sorted({0, *(min(c, len(wire)) for c in cuts), len(wire)})
    told = assembled(*(wire[a:b] for a, b in pairwise(bounds)))
    assert (told.text, [c.arguments for c in told.calls()]) == ("Grüße 🦋", [ARGUMENTS])


GOOD: Any = {
    "id": "x",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "delta": {
                "content": "t",
                "reasoning_details": [{"type": "r", "index": 0, "text": "x"}],
                "tool_calls": [{"index": 0, "id": "c", "function": {"name": "read", "arguments": "{}"}}],
            },
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.5, "prompt_tokens_details": {}},
}
ODD: list[Any] = [None, True, -1, 1e308, float("nan"), "", "odd", [], [None], {}, {"a": []}, [[{}]]]


def spoilt(value: Any, odd: Any) -> list[Any]:
    """Every form of ``value`` in which one place of it holds ``odd``."""
    found = [odd]
    if isinstance(value, dict):
        found += [{**value, k: s} for k, v in value.items() for s in spoilt(v, odd)]
    if isinstance(value, list):
        found += [[*value[:i], s, *value[i + 1 :]] for i, v in enumerate(value) for s in spoilt(v, odd)]
    return found


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_wrong_type_anywhere_spoils_no_more_than_its_place(odd: Any) -> None:
    for bad in spoilt(GOOD, odd):
        told = Assembler()
        told.feed(bad)
        told.feed(GOOD)
        assert told.text.endswith("t")
        calls = told.calls()
        assert any(c.name.endswith("read") and "{}" in c.arguments for c in calls), bad
        assert len({c.id for c in calls}) == len(calls)
        assert told.told.input == 1


def test_empty_calls_and_thoughts_count_against_the_size_of_a_reply() -> None:
    told = Assembler()
    for index in range(100):
        piece = {"tool_calls": [{"index": index}], "reasoning_details": [{"type": str(index)}]}
        told.feed({"choices": [{"delta": piece}]})
    assert told.size > 100 * 64
