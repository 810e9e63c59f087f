"""Thoughts that stand in the text, and calls that a server tells apart by their names alone."""

from __future__ import annotations

import pytest

from codebutler.models.assemble import Assembler
from codebutler.types import Json


def assembled(*pieces: Json) -> tuple[Assembler, str]:
    """What came of the pieces, and what people saw meanwhile."""
    assembler = Assembler()
    shown = "".join(assembler.feed({"choices": [{"index": 0, "delta": piece}]}) for piece in pieces)
    return assembler, shown


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("said", "text", "thought"),
    [
        ("<think>a secret\nplan</think>\n\nHello!", "Hello!", "a secret\nplan"),
        ("\n <thinking>so</thinking>Hi", "Hi", "so"),
        ("<think></think>\n\nHi", "Hi", ""),
        ("<think>never ends", "", "nev"),
        ("Write `<think>` before it", "Write `<think>` before it", ""),
        ("<thin", "<thin", ""),
        ("<b>bold</b>", "<b>bold</b>", ""),
        ("  ", "  ", ""),
    ],
)
def test_thoughts_in_the_text_are_no_answer(said: str, text: str, thought: str, size: int) -> None:
    pieces: list[Json] = [{"content": said[at : at + size]} for at in range(0, len(said), size)]
    assembler, shown = assembled(*pieces)
    assert assembler.text == text
    assert text.startswith(shown)
    assert assembler.thoughts.startswith(thought)
    assert ("secret" in shown, "secret" in assembler.text) == (False, False)


def call(name: str, arguments: str) -> Json:
    return {"tool_calls": [{"index": 0, "id": "", "function": {"name": name, "arguments": arguments}}]}


def test_whole_calls_under_one_index_and_no_id_are_several() -> None:
    assembler, _ = assembled(call("read", '{"path":"a.py"}'), call("read", '{"path":"README.md"}'))
    assert [(c.name, c.arguments) for c in assembler.calls()] == [
        ("read", '{"path":"a.py"}'),
        ("read", '{"path":"README.md"}'),
    ]


def test_a_name_that_is_said_with_each_piece_makes_one_call() -> None:
    assembler, _ = assembled(call("read", '{"pa'), call("read", 'th":"a.py"}'), call("read", ""))
    assert [c.arguments for c in assembler.calls()] == ['{"path":"a.py"}']
