"""Demands, positions and detours: what a scenario answers to a conversation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from codebutler.testing.judge import Mismatch, judge, place_of
from codebutler.testing.scenario import Scenario, parse_scenario
from codebutler.testing.wire import completion

TOOLS = [{"type": "function", "function": {"name": n}} for n in ("read", "grep")]


class Talk:
    """A conversation with the PM of a scenario."""

    def __init__(self, steps: str) -> None:
        self.scenario: Scenario = parse_scenario(f'name = "t.toml"\n[[scripts]]\nrole = "pm"\n{steps}')
        self.messages: list[Any] = [{"role": "system", "content": "Be kind."}]

    def say(self, text: str) -> Any:
        """A person speaks; returns the model's message."""
        self.messages.append({"role": "user", "content": text})
        return self._answer()

    def bring(self, text: str) -> Any:
        """The open call's result; returns the model's next message."""
        call = self.messages[-1]["tool_calls"][0]
        self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
        return self._answer()

    def _answer(self) -> Any:
        body = {"model": "m", "messages": self.messages, "tools": TOOLS}
        verdict = judge(place_of(self.scenario, "pm", self.messages), body)
        message = completion(verdict, body)["choices"][0]["message"]
        self.messages.append(message)
        return message


def step(body: str) -> str:
    return f"[[scripts.steps]]\n{body}\n"


@pytest.mark.parametrize(
    ("demand", "wrong"),
    [
        ('expect = ["feature"]', "the last message must contain 'feature' but it was: Find the bug."),
        ('expect_not = ["bug"]', "the last message must not contain 'bug' but it was: Find the bug."),
        ('expect = ["bug", { regex = "^bug" }]', "must contain a match of /^bug/"),
        ('expect_tools = ["bash"]', "'bash' must be on offer; there are: read, grep"),
        ('expect_tools = ["!grep"]', "'grep' must not be on offer"),
        ('expect_prompt = ["be brief"]', "the system prompt must contain 'be brief' but it was: Be kind."),
    ],
)
def test_a_demand_that_is_not_met(demand: str, wrong: str) -> None:
    with pytest.raises(Mismatch) as caught:
        Talk(step(f'{demand}\ntext = "a"')).say("Find the bug.")
    assert str(caught.value).startswith("scenario t.toml, pm step 1: ")
    assert wrong in str(caught.value)


def test_demands_that_are_met() -> None:
    demands = (
        'expect_tools = ["read", "!bash"]\nexpect_prompt = ["kind"]\nexpect = ["bug", { regex = "^one.$" }]'
    )
    talk = Talk(step(f'{demands}\nexpect_not = ["feature"]\ntext = "fine"'))
    assert talk.say("A bug,\none!\nmore")["content"] == "fine"


def test_demands_look_only_at_what_is_new() -> None:
    talk = Talk(step('text = "a"') + step('expect = ["now"]\nexpect_not = ["bug"]\ntext = "b"'))
    talk.say("Find the bug.")
    assert talk.say("do it now")["content"] == "b"


def test_a_long_message_is_shown_by_head_and_tail() -> None:
    with pytest.raises(Mismatch) as caught:
        Talk(step('expect = ["x"]\ntext = "a"')).say(f"begin {'-' * 9000} end")
    said = str(caught.value)
    assert "but it was: begin ---" in said
    assert said.endswith("--- end")
    assert "characters left out" in said
    assert len(said) < 1500


def test_a_role_beyond_its_script_is_told_so() -> None:
    talk = Talk(step('text = "only"'))
    talk.say("Hello.")
    with pytest.raises(Mismatch, match=r"pm step 2: it ends after step 1, but .* More\."):
        talk.say("More.")


DETOUR = (
    step('calls = [{ name = "read", arguments = { path = "change-it" } }]')
    + step(
        'expect = ["fixed"]\ntext = "Good."\n'
        '[[scripts.steps.alternative]]\nexpect = ["interrupted"]\nstay = true\n'
        'calls = [{ name = "read", arguments = { path = "look" } }]\n'
        '[[scripts.steps.alternative]]\nexpect = ["given up"]\ntext = "A pity."\n'
        '[[scripts.steps.alternative]]\nexpect = ["seems done"]'
    )
    + step('text = "The end."')
)


def test_a_detour_does_not_move_the_script_on() -> None:
    talk = Talk(DETOUR)
    talk.say("Go.")
    for _ in range(2):
        detour = talk.bring("interrupted")
        assert json.loads(detour["tool_calls"][0]["function"]["arguments"]) == {"path": "look"}
    assert talk.bring("it is fixed")["content"] == "Good."
    assert talk.say("And?")["content"] == "The end."
    ids = [c["id"] for m in talk.messages for c in m.get("tool_calls", [])]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(("result", "answer"), [("given up", "A pity."), ("seems done", "Good.")])
def test_an_alternative_may_answer_itself_or_leave_that_to_the_step(result: str, answer: str) -> None:
    talk = Talk(DETOUR)
    talk.say("Go.")
    assert talk.bring(result)["content"] == answer
    assert talk.say("And?")["content"] == "The end."


def test_a_mismatch_mentions_the_alternatives() -> None:
    talk = Talk(DETOUR)
    talk.say("Go.")
    with pytest.raises(Mismatch, match=r"the last tool result must .* \(none of the 3 alternatives fits"):
        talk.bring("no idea")
