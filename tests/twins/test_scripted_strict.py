"""The scripted server refuses what a strict provider refuses."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from codebutler.testing.scenario import parse_scenario
from codebutler.testing.scripted import ScriptedModel
from codebutler.testing.strict import fault

USER = {"role": "user", "content": "Go."}


def call(id_: object = "c1", name: object = "read", arguments: object = "{}") -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def asks(*calls: object) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def result(id_: str, content: object = "text") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": content}


def tool(name: object = "read", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


@pytest.mark.parametrize(
    "messages",
    [
        [USER],
        [{"role": "system", "content": "Be kind."}, USER],
        [{"role": "user", "content": [{"type": "text", "text": "Go."}]}],
        [USER, asks(call("a"), call("b")), result("b"), result("a")],
        [USER, asks(call()), result("c1"), {"role": "user", "content": "stop"}],
        [USER, {"role": "assistant", "content": "Hello."}, USER],
        [USER, asks(call()), result("c1"), asks(call("c1")), result("c1")],
        [USER, {**asks(call(arguments="{bad")), "content": ""}, result("c1", "not JSON")],
    ],
)
def test_what_is_right(messages: list[Any]) -> None:
    assert fault({"model": "m", "messages": messages, "tools": [tool()]}) == ""


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        ([], "non-empty list"),
        (["hello"], "messages[0].role must be one of"),
        ([{"role": "robot", "content": "x"}], "messages[0].role must be one of"),
        ([{"role": "user", "content": " \n"}], "messages[0] (user) is empty"),
        ([{"role": "user"}], "messages[0] (user) has no content"),
        ([{"role": "user", "content": []}], "has no content"),
        ([{"role": "user", "content": ["x"]}], "content parts without a type"),
        ([USER, {"role": "assistant", "content": None}, USER], "messages[1] (assistant) has no content"),
        ([USER, {"role": "assistant", "content": "", "tool_calls": []}, USER], "not a non-empty list"),
        ([USER, asks(call()), USER], "before the tool calls c1 have been answered"),
        ([USER, asks(call("a"), call("b")), result("a")], "the tool calls b have not been answered"),
        (
            [USER, asks(call("a"), call("b")), result("a"), result("a")],
            "answers the tool call 'a', which is not open",
        ),
        ([USER, result("c9")], "messages[1] answers the tool call 'c9', which is not open"),
        ([USER, asks(call()), result("c1", "")], "messages[2] (tool) is empty"),
        ([USER, asks(call("a"), call("a")), result("a")], "without an id of their own"),
        ([USER, asks(call("")), result("")], "without an id of their own"),
        ([USER, asks(call(name="no good")), result("c1")], "calls the tool 'no good'"),
        ([USER, asks(call(name=None)), result("c1")], "calls the tool None"),
        ([USER, asks(call(arguments={})), result("c1")], "arguments as text"),
        ([USER, asks("x"), result("c1")], "not a function"),
        ([USER, {"role": "assistant", "content": "Bye."}], "the assistant's own"),
    ],
)
def test_what_is_wrong_with_messages(messages: list[Any], wrong: str) -> None:
    assert wrong in fault({"model": "m", "messages": messages})


@pytest.mark.parametrize(
    ("tools", "wrong"),
    [
        ({}, "must be a list"),
        ([], "leave it out"),
        (["read"], "tools[0] must be a function"),
        ([{"type": "code"}], "tools[0] must be a function"),
        ([tool("a b")], "tools[0].function.name is 'a b'"),
        ([tool("x" * 65)], "1 to 64"),
        ([tool(), tool()], "'read' is there twice"),
        ([tool(parameters="string")], "JSON schema"),
    ],
)
def test_what_is_wrong_with_tools(tools: object, wrong: str) -> None:
    assert wrong in fault({"model": "m", "messages": [USER], "tools": tools})


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "{}",
        '{"model": "m", "messages": [1], "stream_options": 1}',
        '{"model": "m"}',
        "{",
        "\udcff".encode("utf-8", "surrogateescape"),
    ],
)
async def test_a_broken_request_gets_400_and_counts_as_a_failure(body: str | bytes) -> None:
    scenario = parse_scenario('[[scripts]]\nrole = "pm"\n[[scripts.steps]]\ntext = "a"')
    async with (
        ScriptedModel(scenario) as server,
        aiohttp.ClientSession() as http,
        http.post(f"{server.url}/chat/completions", data=body) as response,
    ):
        assert response.status == 400
        error = (await response.json())["error"]
        assert error["type"] == "invalid_request_error"
        assert server.failures == [f"scenario scenario: invalid request: {error['message']}"]
        assert server.requests[0].status == 400
