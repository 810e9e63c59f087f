"""The model client against a real HTTP server that answers well, each in its own way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codebutler.config import load_config
from codebutler.models.client import OpenAIClient
from codebutler.models.routing import Router
from codebutler.testing.provider import Provider, piece, usage
from codebutler.types import Message, ModelReply

ASK: list[Message] = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}


async def call(client: OpenAIClient, **more: Any) -> ModelReply:
    given = {"model": "tiny", "messages": ASK, "tools": [], "max_output": 100, "role": "pm", **more}
    return await client.complete(**given)


async def test_text_comes_in_pieces_and_as_a_whole(server: Provider, client: OpenAIClient) -> None:
    heard: list[str] = []

    async def hear(text: str) -> None:
        heard.append(text)

    server.handler = Provider.say("Grüße")
    reply = await call(client, on_text=hear)
    assert (reply.content, reply.finish, reply.model) == ("Grüße", "stop", "tiny")
    assert [words for words in heard if words] == list("Grüße")
    assert (reply.usage.input, reply.usage.output, reply.usd) == (10, 2, None)


async def test_what_is_sent(server: Provider, client: OpenAIClient) -> None:
    await call(client, tools=[TOOL], role="coder")
    await call(client, role="bad\r\nX-Evil: 1")
    body = server.bodies[0]
    assert body == {
        "model": "tiny",
        "tools": [TOOL],
        "messages": ASK,
        "max_tokens": 100,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert server.headers[0]["X-CodeButler-Role"] == "coder"
    assert server.headers[0]["Authorization"] == "Bearer canary-key-value"
    assert "tools" not in server.bodies[1]
    assert "X-Evil" not in server.headers[1]


async def test_tool_calls_are_put_together(server: Provider, client: OpenAIClient) -> None:
    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "read", "arguments": ""}}
    server.handler = Provider.events(
        piece(tool_calls=[first]),
        *(piece(tool_calls=[{"index": 0, "function": {"arguments": c}}]) for c in '{"path": "x"}'),
        piece(tool_calls=[{"index": 1, "id": "b", "function": {"name": "grep", "arguments": "{}"}}]),
        piece(finish="tool_calls"),
    )
    reply = await call(client, tools=[TOOL])
    assert [(c.id, c.name, c.arguments) for c in reply.tool_calls] == [
        ("a", "read", '{"path": "x"}'),
        ("b", "grep", "{}"),
    ]
    assert reply.finish == "tool_calls"


async def test_an_id_of_an_earlier_turn_is_not_used_again(server: Provider, client: OpenAIClient) -> None:
    before = {"role": "assistant", "tool_calls": [{"id": "call_0", "function": {"name": "read"}}]}
    call_again = {"index": 0, "id": "call_0", "function": {"name": "read", "arguments": "{}"}}
    server.handler = Provider.events(piece(tool_calls=[call_again]), piece(finish="tool_calls"))
    reply = await call(
        client, messages=[*ASK, before, {"role": "tool", "tool_call_id": "call_0", "content": "x"}]
    )
    assert reply.tool_calls[0].id != "call_0"


async def test_the_providers_own_cost_wins(server: Provider, client: OpenAIClient) -> None:
    server.handler = Provider.events(
        piece(content="x", finish="stop"),
        usage(9, 1, cost=0.0125, prompt_tokens_details={"cached_tokens": 4}),
    )
    reply = await call(client)
    assert (reply.usd, reply.usage.cached) == (0.0125, 4)


async def test_a_known_model_is_priced_and_an_uncounted_call_is_estimated(
    server: Provider, client: OpenAIClient
) -> None:
    server.handler = Provider.events(piece(content="word " * 100, finish="stop"))
    reply = await call(client, model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "x" * 4000}])
    assert 900 < reply.usage.input < 1300
    assert 100 < reply.usage.output < 200
    assert reply.usd == pytest.approx((reply.usage.input * 0.15 + reply.usage.output * 0.6) / 1e6)


async def test_reasoning_is_kept_for_the_next_call(server: Provider, client: OpenAIClient) -> None:
    server.handler = Provider.events(
        piece(reasoning_content="first "),
        piece(reasoning_content="second"),
        piece(content="x", finish="stop"),
    )
    reply = await call(client)
    assert reply.reasoning == {"reasoning_content": "first second"}
    assert reply.content == "x"


async def test_a_server_that_does_not_stream_is_understood(server: Provider, client: OpenAIClient) -> None:
    function = {"name": "read", "arguments": {"path": "x"}}
    calls = [{"id": "a", "type": "function", "function": function}]
    message = {"role": "assistant", "content": "whole", "tool_calls": calls}
    server.handler = Provider.status(200, {"choices": [{"message": message, "finish_reason": "stop"}]})
    reply = await call(client)
    assert (reply.content, reply.tool_calls[0].arguments, reply.finish) == (
        "whole",
        '{"path": "x"}',
        "tool_calls",
    )


async def test_the_servers_first_model_stands_in_for_one_that_it_lacks(
    server: Provider, tmp_path: Path
) -> None:
    server.models = {"data": [{"id": "nomic-embed-text"}, {"id": "qwen3:8b"}, {"id": "gpt-4o-mini"}]}
    router = Router(load_config(None, home=tmp_path, env={"OPENAI_BASE_URL": server.url}))
    client = OpenAIClient(router)
    reply = await call(client, model="moonshotai/kimi-k2")
    assert (reply.model, server.bodies[-1]["model"]) == ("qwen3:8b", "qwen3:8b")
    assert len(router.notices) == 1
    assert "no moonshotai/kimi-k2: qwen3:8b answers" in router.notices[0]
    await call(client, model="openai/gpt-4o-mini")
    assert server.bodies[-1]["model"] == "gpt-4o-mini"
    assert server.headers[-1]["Authorization"] == "Bearer none", "no key is not an error"
    await client.close()


async def test_estimates_learn_from_what_was_counted(server: Provider, client: OpenAIClient) -> None:
    long: list[Message] = [{"role": "user", "content": "word " * 1000}]
    before = client.estimate("tiny", long)
    server.handler = Provider.events(piece(content="x", finish="stop"), usage(before * 3 // 2, 1))
    for _ in range(12):
        await call(client, messages=long)
    assert client.estimate("tiny", long) == pytest.approx(before * 1.5, rel=0.05)
