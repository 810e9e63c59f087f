"""Words that stop work under way, alone or before others, and what only looks like them."""

from __future__ import annotations

import pytest

from codebutler import events as ev
from codebutler.commands import words
from codebutler.commands.bare import is_order
from codebutler.commands.builtin import REGISTRY
from codebutler.commands.halts import Halt, halt
from codebutler.commands.registry import Call
from codebutler.thread.decisions import Interpreter
from codebutler.thread.intake import stops
from codebutler.thread.state import ThreadState
from codebutler.types import Inbound, Person

ANA = Person(surface="slack", id="U1", name="ana")
INTERPRETER: Interpreter = REGISTRY


@pytest.mark.parametrize(
    ("text", "command", "alone"),
    [
        ("stop, that's wrong", "cancel", False),
        ("*Stop*, that's wrong", "cancel", False),
        ("No, stop it. That's the wrong file", "cancel", False),
        ("stop\nthat's the wrong file", "cancel", False),
        ("wait, stop, that's wrong", "cancel", False),
        ("stop \u2014 wrong file", "cancel", False),
        ("Wait... that's wrong", "pause", False),
        ("hold on a second, that's wrong", "pause", False),
        ("hang on: wrong file", "pause", False),
        ("wait", "pause", True),
        ("Wait a minute!", "pause", True),
        ("wait wait", "pause", True),
        ("Stop. Stop!", "cancel", True),
        ("hold on a sec, please", "pause", True),
    ],
)
def test_a_first_clause_that_stops(text: str, command: str, *, alone: bool) -> None:
    assert halt(text) == Halt(command, alone)  # type: ignore[arg-type] # one of the two


@pytest.mark.parametrize(
    "text",
    [
        "wait for the tests, then push", "stop using tabs, use spaces", "stop that's wrong with spaces",
        "stop.py is wrong, too", "stop-gap code, please", "hold on to the old name, it is public",
        "cancel: the label is grey", "wait? why", "pause the timer, then read it", "waiting, ok", "no", "",
        "it must stop, always",
    ],
)  # fmt: skip
def test_what_only_looks_like_one(text: str) -> None:
    assert halt(text) is None


@pytest.mark.parametrize(
    "text", ["stop. " * 9_000 + "x", "no, " * 9_000, "wait " * 9_000 + "for", " " * 99_999]
)
def test_it_looks_at_a_message_s_beginning_only(text: str) -> None:
    halt(text)


def at_work(text: str) -> ThreadState:
    state = ThreadState("t1", phase="coder", unended=True)
    state.unread[3] = ev.MessageReceived(surface="slack", external_id="x", author=ANA, text=text)
    return state


def read(state: ThreadState) -> tuple[str, bool] | None:
    call = REGISTRY.read(state, state.unread[3])
    return (call.name, call.more) if isinstance(call, Call) else None


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("stop, that's wrong", ("cancel", True)),
        ("wait, that's wrong", ("pause", True)),
        ("wait", ("pause", False)),
        ("hold on a second", ("pause", False)),
        ("wait, stop", ("cancel", False)),
        ("wait for the tests, then push", None),
    ],
)
def test_they_stop_a_coder_at_work(text: str, command: tuple[str, bool] | None) -> None:
    assert read(at_work(text)) == command
    said = Inbound(surface="slack", external_id="x", key="k", author=ANA, text=text)
    assert bool(stops(INTERPRETER, said, at_work(text))) == (command is not None)
    alone = command is not None and not command[1]  # what says more than that breaks off no other role's step
    assert bool(stops(INTERPRETER, said, ThreadState("t1", phase="pm", unended=True))) == alone


@pytest.mark.parametrize("text", ["stop, that's wrong", "wait, that's wrong"])
def test_once_obeyed_while_a_question_is_open_and_at_rest_they_are_words(text: str) -> None:
    obeyed, asked, halted, planning = (at_work(text) for _ in range(4))
    obeyed.begun.add(3)
    asked.question = ev.QuestionAsked(frame="coder-1", call_id="c", question="which?")
    halted.halted = "failed"
    planning.phase = "pm"
    assert [read(each) for each in (obeyed, asked, halted, planning)] == [None] * 4


def test_wait_is_a_word_to_work_under_way_and_talk_where_nobody_works() -> None:
    assert words.read(ThreadState("t1", outcome="answered"), "wait") is None
    assert words.read(ThreadState("t1", unended=True), "wait") == ("pause", "")
    assert is_order("wait")
    assert not is_order("wait, that's wrong")
