"""Every fault that a scenario can inject, as the real OpenAI client meets it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from codebutler.testing.scenario import Scenario, parse_scenario
from codebutler.testing.scripted import ScriptedModel

USER: Any = {"role": "user", "content": "Go."}


def scenario(step: str) -> Scenario:
    return parse_scenario(f'[[scripts]]\nrole = "pm"\n[[scripts.steps]]\n{step}')


async def ask(server: ScriptedModel, *, stream: bool = False, retries: int = 0) -> Any:
    """The client's answer; of a stream all its text."""
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=retries, timeout=5) as client:
        answer: Any = await client.chat.completions.create(
            model="scripted/pm",
            messages=[USER],
            stream=stream,
        )
        return await collected(answer) if stream else answer


async def collected(stream: AsyncIterator[Any]) -> str:
    return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (402, openai.APIStatusError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_status(status: int, error: type[openai.APIStatusError], stream: bool) -> None:
    async with ScriptedModel(scenario(f"status = {status}")) as server:
        with pytest.raises(error) as caught:
            await ask(server, stream=stream)
        assert server.failures == []
        assert [(a.status, a.complete) for a in server.requests] == [(status, False)]
        assert server.counts() == {}
    assert caught.value.status_code == status
    assert f"scripted error {status}" in caught.value.message


async def test_a_status_with_its_own_body_and_retry_after() -> None:
    async with ScriptedModel(
        scenario("status = 503\nbody = '<html>Bad gateway</html>'\nretry_after = 2.5")
    ) as server:
        with pytest.raises(openai.InternalServerError) as caught:
            await ask(server)
    assert caught.value.response.text == "<html>Bad gateway</html>"
    assert caught.value.response.headers["Retry-After"] == "2.5"


async def test_a_passing_fault_is_over_after_so_many_times() -> None:
    step = 'status = 429\nretry_after = 0\ntimes = 2\ntext = "at last"'
    async with ScriptedModel(scenario(step)) as server:
        answer = await ask(server, retries=3)
        assert [a.status for a in server.requests] == [429, 429, 200]
        assert server.bought_twice() == []
    assert answer.choices[0].message.content == "at last"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_empty_reply_then_the_answer(stream: bool) -> None:
    async with ScriptedModel(scenario('empty = true\ntimes = 1\ntext = "sorry"')) as server:
        first, second = await ask(server, stream=stream), await ask(server, stream=stream)
    if stream:
        assert (first, second) == ("", "sorry")
    else:
        assert first.choices[0].message.content is None
        assert first.choices[0].message.tool_calls is None
        assert second.choices[0].message.content == "sorry"


async def test_garbage_arguments_arrive_raw() -> None:
    async with ScriptedModel(scenario("calls = [{ name = 'read', garbage = '{\"path\": ' }]")) as server:
        answer = await ask(server)
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"path": '


async def test_delay_comes_before_the_first_byte() -> None:
    async with ScriptedModel(scenario('delay = 0.3\ntext = "late"')) as server:
        began = time.monotonic()
        await ask(server)
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("cut", [0, 1, 100, 400])
async def test_a_cut_stream_is_an_error_and_not_a_short_answer(cut: int) -> None:
    async with ScriptedModel(scenario(f'cut = {cut}\ntext = "one two three four five six"')) as server:
        with pytest.raises((openai.APIError, httpx.HTTPError)):
            await ask(server, stream=True)
        assert [(a.status, a.complete) for a in server.requests] == [(200, False)]


async def test_a_cut_whole_answer_is_a_connection_error_and_can_be_retried() -> None:
    async with ScriptedModel(scenario('cut = 40\ntimes = 1\ntext = "one two three"')) as server:
        with pytest.raises((openai.APIError, httpx.HTTPError)):
            await ask(server)
        answer = await ask(server)
        assert server.bought_twice() == []
    assert answer.choices[0].message.content == "one two three"
