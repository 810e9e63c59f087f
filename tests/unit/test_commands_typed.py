"""A request may begin with a command's name."""

from __future__ import annotations

import pytest

from codebutler.commands.typed import is_command


@pytest.mark.parametrize(
    "text",
    [
        "status",
        "STOP",
        "/cancel button",
        "cancel",
        "approve 0a1b2c3d",
        "merge",
        "merge #12",
        "raise 5",
        "raise $2.50",
        "rewind 3",
        "fork",
        "code",
        "memory yes",
        "memory keep 1 3",
        "memory edit 2: say less",
        "memory add: more",
        "memory revert pm.md",
        "correct coder it forgot the tests",
        "coder gpt-5.6",
        "model strong",
    ],
)
def test_a_command_whose_arguments_fit(text: str) -> None:
    assert is_command(text)


@pytest.mark.parametrize(
    "text",
    [
        "cancel button on the checkout page does nothing",
        "code review the parser",
        "cost of shipping is wrong",
        "merge the two helpers into one",
        "status page is down",
        "memory leak in the parser",
        "raise an error for 0 kg",
        "correct the typo",
        "reopen the pool after a timeout",
        "coder crashes on start",
        "help me",
        "stop using print",
        "approve button is grey",
        "points are lost",
        "memory no longer freed",
        "fork the process twice",
        "fix it",
        "",
    ],
)
def test_a_request_that_begins_like_one(text: str) -> None:
    assert not is_command(text)
