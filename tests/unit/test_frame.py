"""A transcript only grows at its end, and knows what is open."""

from __future__ import annotations

import json
from copy import deepcopy
from itertools import pairwise

import pytest

from codebutler.agent.frame import Frame
from codebutler.agent.spelled import spelled
from codebutler.agent.voices import fitted
from codebutler.events import ModelReplied, ToolFinished
from codebutler.testing import strict
from codebutler.types import ToolCall

_RESULT = {"role": "tool", "tool_call_id": "a", "content": "ok"}


def replied(step: int, *calls: ToolCall, content: str = "") -> ModelReplied:
    return ModelReplied(frame="f", step=step, model="m", content=content, tool_calls=list(calls))


def finished(call_id: str, name: str = "read", text: str = "ok") -> ToolFinished:
    return ToolFinished(frame="f", call_id=call_id, name=name, text=text)


def test_calls_stay_open_until_each_has_its_result() -> None:
    frame = Frame("f", "coder")
    frame.hear("do it")
    frame.reply(replied(1, ToolCall(id="a", name="read"), ToolCall(id="b", name="grep")))
    assert list(frame.calls) == ["a", "b"]
    frame.result(finished("b"), ends_turn=False)
    assert list(frame.calls) == ["a"]
    frame.result(finished("a"), ends_turn=False)
    due = frame.due
    frame.reply(replied(2, content="done"))
    assert (due, frame.due) == (True, False)
    assert frame.last_text == "done"


@pytest.mark.parametrize("arguments", ['{"pa', "[1]", '"x"', "", "{}{}", "9" * 5_000, r'{"a": "\ud83d"}'])
def test_arguments_that_are_no_object_are_quoted_in_one(arguments: str) -> None:
    """Some servers read them, and would refuse every request that has them."""
    frame = Frame("f", "coder")
    frame.reply(replied(1, ToolCall(id="a", name="read", arguments=arguments)))
    sent = frame.messages[-1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == {"unreadable": arguments[:2_000]}
    assert frame.calls["a"].call.arguments == arguments


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("read", "read"),
        ("functions.read", "functions_read"),
        ("read\0", "read_"),
        ("web search", "web_search"),
        ("", "_"),
        ("é" * 80, "_" * 64),
    ],
)
def test_a_name_that_no_provider_takes_is_not_sent_back(name: str, sent: str) -> None:
    """They refuse every request that has one, so each "go" would end in the same refusal."""
    frame = Frame("f", "coder")
    frame.reply(replied(1, ToolCall(id="a", name=name)))
    assert frame.messages[-1]["tool_calls"][0]["function"]["name"] == sent
    assert strict.fault({"model": "m", "messages": [*frame.messages, _RESULT]}) == ""
    assert frame.calls["a"].call.name == name


def test_what_signs_a_call_goes_back_to_its_author_alone() -> None:
    frame, signed = Frame("f", "coder"), {"google": {"thought_signature": "c2ln"}}
    event = replied(1, ToolCall(id="a" * 9, name="read"), ToolCall(id="b" * 9, name="read"))
    frame.reply(event.model_copy(update={"reasoning": {"extra_content": [signed, {}]}}))
    first, second = frame.messages[-1]["tool_calls"]
    assert (first["extra_content"], "extra_content" in second) == (signed, False)
    assert set(frame.messages[-1]) == {"role", "content", "tool_calls"}
    assert "extra_content" in str(fitted(frame.messages, "m"))
    assert "extra_content" not in str(fitted(frame.messages, "other"))


WRITTEN = '<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>'


@pytest.mark.parametrize(
    ("text", "call"),
    [
        (WRITTEN, True),
        (f"I read on. {WRITTEN}", True),
        ("<tool_call>\n<function=read>\n<parameter=path>a</parameter></function></tool_call>", True),
        ('<function=read{"path": "a"}</function>', True),
        ('[TOOL_CALLS] [{"name": "read"}]', True),
        ("<|tool_calls_section_begin|><|tool_call_begin|>functions.read:0", True),
        ("<\uff5ctool\u2581calls\u2581begin\uff5c>", True),
        ("<|python_tag|>read.call(path='a')", True),
        (f"Qwen's form is:\n```\n{WRITTEN}\n```\nas its page says", False),
        ("It writes `<tool_call>{` first, and then a <tool_call> ends", False),
        ("", False),
    ],
)
def test_which_text_holds_a_call(text: str, call: bool) -> None:
    assert spelled(text) == call


def test_each_request_is_a_prefix_of_the_next() -> None:
    frame = Frame("f", "coder")
    frame.hear("do it")
    seen = []
    for step in range(1, 6):
        seen.append(deepcopy(frame.messages))
        frame.reply(replied(step, ToolCall(id=f"c{step}", name="bash", arguments=f'{{"command":"{step}"}}')))
        frame.result(finished(f"c{step}", "bash"), ends_turn=False)
    for before, after in pairwise(seen):
        assert after[: len(before)] == before


def test_a_shown_plan_ends_the_turn_even_beside_other_calls() -> None:
    frame = Frame("f", "pm")
    frame.hear("plan it")
    frame.reply(replied(1, ToolCall(id="a", name="propose_plan"), ToolCall(id="b", name="read")))
    frame.result(finished("a", "propose_plan"), ends_turn=True)
    frame.result(finished("b"), ends_turn=False)
    assert not frame.due


def test_repetition_counts_equal_calls_in_a_row() -> None:
    frame = Frame("f", "coder")
    for step in range(1, 4):
        frame.reply(replied(step, ToolCall(id=f"c{step}", name="bash", arguments='{"command":"ls"}')))
        frame.result(finished(f"c{step}"), ends_turn=False)
    assert frame.repeats == 3
    frame.reply(replied(4, ToolCall(id="c4", name="bash", arguments='{"command":"pwd"}')))
    frame.result(finished("c4"), ends_turn=False)
    assert frame.repeats == 1


@pytest.mark.parametrize(("results", "rounds"), [(["same"] * 8, 4), ([f"{n}" for n in range(8)], 1)])
def test_calls_that_take_turns_are_a_loop_only_if_their_results_stay_the_same(
    results: list[str], rounds: int
) -> None:
    frame = Frame("f", "coder")
    for step, text in enumerate(results):
        frame.reply(replied(step, ToolCall(id=f"c{step}", name="read", arguments=f'{{"path":"{step % 2}"}}')))
        frame.result(finished(f"c{step}", text=text), ends_turn=False)
    assert frame.repeats == rounds


def test_an_empty_reply_leaves_the_role_due_and_the_transcript_as_it_was() -> None:
    frame = Frame("f", "pm")
    frame.hear("hello")
    before = deepcopy(frame.messages)
    frame.reply(replied(1))
    assert frame.messages == before
    assert frame.due


def test_a_nudge_gives_no_new_budget_of_steps() -> None:
    frame = Frame("f", "pm")
    frame.hear("hello")
    frame.reply(replied(1, content="x"))
    frame.nudge("again")
    assert frame.steps_since_heard == 1
    frame.hear("a person speaks")
    assert frame.steps_since_heard == 0


@pytest.mark.parametrize(
    ("begun", "seconds", "busy"),
    [
        (["abc", "", ""], [20.0, 25.0, 5.0], 25.0),
        (["abc", "", ""], [5.0, 20.0, 25.0], 25.0),
        (["a", "b", "c"], [20.0, 25.0, 5.0], 50.0),
        (["ab", "", "c"], [20.0, 25.0, 5.0], 30.0),
    ],
    ids=["side by side", "the longest last", "one by one", "two, then one"],
)
def test_calls_side_by_side_take_the_time_of_the_longest(
    begun: list[str], seconds: list[float], busy: float
) -> None:
    """Else eight pages that are read at once would use up a Researcher's time."""
    calls = [ToolCall(id=name, name="read", arguments="{}") for name in "abc"]
    frame = Frame("f", "researcher")
    frame.reply(ModelReplied(frame="f", step=1, model="m", tool_calls=calls))
    for name, starts, took in zip("abc", begun, seconds, strict=True):
        for each in starts:
            frame.calls[each].started = True
        frame.result(finished(name).model_copy(update={"seconds": took}), ends_turn=False)
    assert frame.busy == busy
