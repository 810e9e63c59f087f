"""What errors and commands say to a person."""

from __future__ import annotations

import pytest

from codebutler.commands.builtin import REGISTRY
from codebutler.commands.registry import Call
from codebutler.errors import CodeButlerError, ConfigError
from codebutler.events import MessageReceived
from codebutler.thread.decisions import Decisions
from codebutler.thread.state import ThreadState
from codebutler.types import Person


@pytest.mark.parametrize(
    ("message", "fix", "said"),
    [
        ("it broke", "Mend it", "it broke. Mend it"),
        ("It broke.", "Mend it.", "It broke. Mend it."),
        ("what now?", "Mend it", "what now? Mend it"),
        ("it broke", "", "it broke"),
        ("", "Mend it", "A configuration file or setting is wrong. Mend it"),
    ],
)
def test_message_and_fix_are_two_sentences(message: str, fix: str, said: str) -> None:
    error: CodeButlerError = ConfigError(message, fix=fix)
    assert str(error) == said
    assert error.message == (message or "A configuration file or setting is wrong.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/raise much", "/raise does not take 'much' as usd. Use: /raise [usd]"),
        ("/raise -1", "/raise does not take '-1' as usd. Use: /raise [usd]"),
    ],
)
async def test_wrong_arguments_are_answered_with_the_right_ones(text: str, said: str) -> None:
    author = Person(surface="terminal", id="robin")
    message = MessageReceived(surface="terminal", external_id="c", author=author, text=text)
    call = REGISTRY.read(ThreadState("t1"), message)
    assert isinstance(call, Call)
    decide = Decisions(None)  # type: ignore[arg-type]  # no thread is asked: it is refused before
    assert await call.run(decide, None) == said  # type: ignore[arg-type]  # as above
    assert decide.misused
