"""The scripted model server, spoken to by the real OpenAI client."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import openai
import pytest
from openai import AsyncOpenAI

from codebutler.testing.scenario import parse_scenario
from codebutler.testing.scripted import ScriptedModel

TOOLS: list[Any] = [{"type": "function", "function": {"name": n, "parameters": {}}} for n in ("read", "grep")]
USER = {"role": "user", "content": "Find the bug."}


def scenario(steps: str, *, head: str = "") -> Any:
    return parse_scenario(f'name = "t.toml"\n{head}\n[[scripts]]\nrole = "pm"\n{steps}', name="t.toml")


def step(body: str) -> str:
    return f"[[scripts.steps]]\n{body}\n"


TWO_CALLS = step(
    'text = "Looking now."\n'
    'calls = [\n{ name = "read", arguments = { path = "ä.py" } },\n'
    '{ name = "grep", arguments = { pattern = "x" } }]'
)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(server: ScriptedModel, messages: list[Any], *, role: str = "pm", **more: Any) -> Any:
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=5) as client:
        return await client.chat.completions.create(
            model="scripted",
            messages=messages,
            tools=more.pop("tools", TOOLS),
            extra_headers={"X-CodeButler-Role": role} if role else {},
            **more,
        )


async def streamed(server: ScriptedModel, messages: list[Any], **more: Any) -> list[Any]:
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=5) as client:
        stream = await client.chat.completions.create(
            model="scripted",
            messages=messages,
            tools=TOOLS,
            stream=True,
            extra_headers={"X-CodeButler-Role": "pm"},
            **more,
        )
        return [chunk async for chunk in stream]


def reply(answer: Any) -> dict[str, Any]:
    """The client's answer as the assistant message of the next request."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.choices[0].message.content}
    if answer.choices[0].message.tool_calls:
        message["tool_calls"] = [c.model_dump() for c in answer.choices[0].message.tool_calls]
    return message


def results(message: dict[str, Any], *texts: str) -> list[Any]:
    return [
        {"role": "tool", "tool_call_id": c["id"], "content": text}
        for c, text in zip(message["tool_calls"], texts, strict=True)
    ]


async def test_a_whole_answer_has_text_parallel_calls_and_usage() -> None:
    async with ScriptedModel(scenario(TWO_CALLS)) as server:
        answer = await ask(server, [USER])
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Looking now."
    assert [(c.function.name, json.loads(c.function.arguments)) for c in choice.message.tool_calls] == [
        ("read", {"path": "ä.py"}),
        ("grep", {"pattern": "x"}),
    ]
    assert len({c.id for c in choice.message.tool_calls}) == 2
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


async def test_a_stream_carries_the_same_answer_in_pieces() -> None:
    async with ScriptedModel(scenario(TWO_CALLS)) as server:
        whole = await ask(server, [USER])
        chunks = await streamed(server, [USER], stream_options={"include_usage": True})
    deltas = [c.choices[0].delta for c in chunks if c.choices]
    assert "".join(d.content or "" for d in deltas) == "Looking now."
    calls: dict[int, dict[str, str]] = {}
    for part in (p for d in deltas for p in d.tool_calls or []):
        call = calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
        call["id"] += part.id or ""
        call["name"] += part.function.name or ""
        call["arguments"] += part.function.arguments or ""
    assert list(calls.values()) == [
        {"id": c.id, "name": c.function.name, "arguments": c.function.arguments}
        for c in whole.choices[0].message.tool_calls
    ]
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "tool_calls"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage


async def test_without_include_usage_a_stream_ends_with_the_finish_reason() -> None:
    async with ScriptedModel(scenario(step('text = "Hello."'))) as server:
        chunks = await streamed(server, [USER])
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(c.usage is None for c in chunks)


async def test_usage_as_stated_with_cached_tokens_and_cost() -> None:
    one = step('text = "a"\nusage = { input = 1000, output = 20, cached = 900 }')
    two = step('text = "b"\nusage = { input = 5, output = 1, cost = 0.25 }')
    price = "[price]\ninput = 2.0\ncached = 0.5\noutput = 10.0"
    async with ScriptedModel(scenario(one + two, head=price)) as server:
        first = await ask(server, [USER])
        second = await ask(server, [USER, reply(first), USER])
    assert first.usage.prompt_tokens_details.cached_tokens == 900
    assert (first.usage.prompt_tokens, first.usage.completion_tokens) == (1000, 20)
    assert first.usage.cost == pytest.approx((100 * 2.0 + 900 * 0.5 + 20 * 10.0) / 1e6)
    assert second.usage.cost == 0.25


async def test_counted_usage_grows_and_what_was_sent_before_is_cached() -> None:
    async with ScriptedModel(scenario(step('text = "a"') + step('text = "b"'))) as server:
        first = await ask(server, [USER])
        second = await ask(server, [USER, reply(first), USER])
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    assert 0 < second.usage.prompt_tokens_details.cached_tokens <= first.usage.prompt_tokens
    assert second.usage.prompt_tokens > first.usage.prompt_tokens


async def test_the_position_is_read_from_the_request_so_a_retry_gets_the_same_answer() -> None:
    script = scenario(step('text = "one"') + step('text = "two"'))
    async with ScriptedModel(script) as server:
        first = await ask(server, [USER])
        again = await ask(server, [USER])
        second = await ask(server, [USER, reply(first), USER])
        assert server.counts() == {("pm", 1): 2, ("pm", 2): 1}
        assert [(a.step, a.turn) for a in server.bought_twice()] == [(1, 0)]
    assert [a.choices[0].message.content for a in (first, again, second)] == ["one", "one", "two"]
    async with ScriptedModel(script) as restarted:
        later = await ask(restarted, [USER, reply(first), USER])
        assert restarted.bought_twice() == []
    assert later.choices[0].message.content == "two"


async def test_tool_call_ids_are_the_same_for_a_retry_and_differ_between_turns_and_conversations() -> None:
    call = 'calls = [{ name = "read", arguments = { path = "a" } }]'
    async with ScriptedModel(scenario(step(call) + step(call))) as server:
        first, again = await ask(server, [USER]), await ask(server, [USER])
        other = await ask(server, [{"role": "user", "content": "Something else."}])
        message = reply(first)
        second = await ask(server, [USER, message, *results(message, "x")])
    ids = [a.choices[0].message.tool_calls[0].id for a in (first, again, other, second)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


async def test_conversations_are_told_apart_by_their_first_user_message() -> None:
    text = """
[[scripts]]
role = "pm"
match = "bug"
[[scripts.steps]]
text = "about the bug"
[[scripts]]
role = "pm"
match = { regex = "(?i)feature" }
[[scripts.steps]]
text = "about the feature"
"""
    async with ScriptedModel(parse_scenario(text)) as server:
        one = await ask(server, [{"role": "user", "content": "A new Feature"}])
        two = await ask(server, [{"role": "user", "content": [{"type": "text", "text": "Find the bug"}]}])
        with pytest.raises(openai.UnprocessableEntityError, match="no script for the role 'pm' fits"):
            await ask(server, [{"role": "user", "content": "Hello"}])
        assert server.counts() == {("pm#2", 1): 1, ("pm", 1): 1}
    assert [a.choices[0].message.content for a in (one, two)] == ["about the feature", "about the bug"]


async def test_the_role_comes_from_header_model_or_system_prompt(http: aiohttp.ClientSession) -> None:
    text = """
[roles]
coder = { regex = "You are the Coder" }
[[scripts]]
role = "pm"
[[scripts.steps]]
text = "pm here"
[[scripts]]
role = "coder"
[[scripts.steps]]
text = "coder here"
"""

    async def answer(model: str, system: str, headers: dict[str, str]) -> str:
        body = {"model": model, "messages": [{"role": "system", "content": system}, USER]}
        async with http.post(f"{server.url}/chat/completions", json=body, headers=headers) as response:
            found = await response.json()
            return str(
                found["choices"][0]["message"]["content"] if response.ok else found["error"]["message"]
            )

    async with ScriptedModel(parse_scenario(text)) as server:
        assert await answer("scripted/coder", "-", {"X-CodeButler-Role": "pm"}) == "pm here"
        assert await answer("scripted/coder", "-", {}) == "coder here"
        assert await answer("gpt", "You are the Coder of a team.", {}) == "coder here"
        assert "cannot tell which role asks" in await answer("gpt", "Hello.", {})


async def test_an_unmet_demand_is_an_error_that_says_where_and_what(http: aiohttp.ClientSession) -> None:
    script = TWO_CALLS + step('expect = ["FAILED (failures=1)"]\ntext = "I see."')
    async with ScriptedModel(scenario(script)) as server:
        message = reply(await ask(server, [USER]))
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            await ask(server, [USER, message, *results(message, "all is well", "OK " + "x" * 5000)])
        assert server.failures == [caught.value.body["message"]]  # type: ignore[index]  # a dict by our own server
        async with http.get(server.url.removesuffix("/v1") + "/_log") as response:
            log = await response.json()
    assert caught.value.code == "scenario_mismatch"
    said = server.failures[0]
    assert said.startswith(
        "scenario t.toml, pm step 2: the tool results must contain 'FAILED (failures=1)' but it was: "
        "all is well\nOK "
    )
    assert "characters left out" in said
    assert len(said) < 1500
    assert log["failures"] == server.failures
    assert [(r["step"], r["status"], r["complete"]) for r in log["requests"]] == [
        (1, 200, True),
        (2, 422, False),
    ]


async def test_models_lists_every_role() -> None:
    async with (
        ScriptedModel(scenario(step('text = "a"'))) as server,
        AsyncOpenAI(base_url=server.url, api_key="none") as client,
    ):
        listed = [m.id async for m in client.models.list()]
    assert listed == ["scripted", "scripted/pm"]


async def test_bodies_are_kept_on_request_only() -> None:
    async with ScriptedModel(scenario(step('text = "a"')), keep_bodies=True) as server:
        await ask(server, [USER])
        assert server.requests[0].body["messages"] == [USER]
    async with ScriptedModel(scenario(step('text = "a"'))) as server:
        await ask(server, [USER])
        assert server.requests[0].body == {}


async def test_pace_spreads_a_stream_over_time() -> None:
    async with ScriptedModel(scenario(step('text = "one two three four"')), pace=0.05) as server:
        began = time.monotonic()
        await streamed(server, [USER])
    assert time.monotonic() - began > 0.2


async def test_stopping_does_not_wait_for_a_slow_answer() -> None:
    server = ScriptedModel(scenario(step('text = "one two"\npace = 60')))
    await server.start()
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="scripted/pm", messages=[{"role": "user", "content": "Go."}], stream=True
        )
        began = time.monotonic()
        await server.stop()
        with pytest.raises((openai.APIError, httpx.HTTPError)):
            [chunk async for chunk in stream]
    assert time.monotonic() - began < 5
