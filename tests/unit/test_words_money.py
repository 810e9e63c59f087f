"""What people say at a cap, and which of it would be mere words elsewhere."""

from __future__ import annotations

import pytest

from codebutler.commands.builtin import REGISTRY
from codebutler.commands.registry import Call
from codebutler.commands.words import read
from codebutler.events import LimitHit, MessageReceived
from codebutler.thread.decisions import Decisions
from codebutler.thread.state import ThreadState
from codebutler.types import Person

CHEAP = "openai/gpt-4o-mini"


def at_cap() -> ThreadState:
    hit = LimitHit(frame="pm", what="the cap", cap="thread", cheaper=CHEAP)
    return ThreadState("t1", halted="paused: the cap", limit=hit)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("raise 2 dollars", ("raise", "2")),
        ("Raise by 2,50 USD please.", ("raise", "2,50")),
        ("raise $2 please", ("raise", "2")),
        ("ok, raise 2", ("raise", "2")),
        ("raise it", ("raise", "1")),
        ("raise the cap by $5", ("raise", "5")),
        ("raise limit 5 bucks", ("raise", "5")),
        ("raise to 2", ("raise", "to 2")),
        ("raise five", ("raise", "five")),
        ("raise 2€", ("raise", "2€")),
        ("cheaper please", ("model", CHEAP)),
        ("Ok, cheaper", ("model", CHEAP)),
        ("use the cheaper model", ("model", CHEAP)),
        ("raise an error for negative weights", None),
        ("the cheaper tariff is wrong", None),
    ],
)
def test_words_at_a_cap(text: str, command: tuple[str, str] | None) -> None:
    assert read(at_cap(), text) == command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("raise 2 dollars", ("raise", "2")),
        ("raise the limit by 5", None),
        ("raise it", None),
        ("ok, raise 2", None),
        ("use a cheaper model", None),
    ],
)
def test_words_while_no_cap_is_reached(text: str, command: tuple[str, str] | None) -> None:
    assert read(ThreadState("t1"), text) == command


@pytest.mark.parametrize("text", ["raise to 2", "raise 2€", "raise five"])
async def test_what_is_no_amount_is_refused_with_the_usage(text: str) -> None:
    author = Person(surface="terminal", id="robin")
    message = MessageReceived(surface="terminal", external_id="x", author=author, text=text)
    call = REGISTRY.read(at_cap(), message)
    assert isinstance(call, Call)
    decide = Decisions(None)  # type: ignore[arg-type]  # refused before any use
    assert "Use: /raise [usd]" in await call.run(decide, None)  # type: ignore[arg-type]  # as above
    assert decide.misused
