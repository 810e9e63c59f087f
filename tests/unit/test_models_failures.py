"""The model client against a real HTTP server that refuses, breaks off, falls silent or talks nonsense."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from codebutler.config import load_config
from codebutler.errors import ModelError, ModelRefused, ModelUnavailable
from codebutler.models.client import OpenAIClient
from codebutler.models.routing import Router
from codebutler.models.stream import Timeouts
from codebutler.testing.provider import Provider, piece, usage
from codebutler.types import Message, ModelReply

QUICK = Timeouts(connect=3.0, first=1.0, silence=1.0)
ASK: list[Message] = [{"role": "user", "content": "hello"}]


@pytest.fixture
def client(client: OpenAIClient) -> OpenAIClient:
    client._timeouts = QUICK
    return client


async def call(client: OpenAIClient, **more: Any) -> ModelReply:
    given = {"model": "tiny", "messages": ASK, "tools": [], "max_output": 100, "role": "pm", **more}
    return await client.complete(**given)


async def failure(client: OpenAIClient) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await client.complete(model="tiny", messages=ASK, tools=[], max_output=100, role="pm")
    assert "\n" not in str(caught.value)
    assert "canary-key-value" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stream_options", "Unrecognized request argument: stream_options"),
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
    ],
)
async def test_a_parameter_that_a_server_does_not_know_is_changed_once(
    server: Provider, client: OpenAIClient, name: str, said: str
) -> None:
    async def picky(request: web.Request) -> web.StreamResponse:
        refuse = Provider.status(400, {"error": {"message": said}})
        return await (refuse if name in server.bodies[-1] else Provider.say("fine"))(request)

    server.handler = picky
    assert (await call(client)).content == "fine"
    assert (await call(client)).content == "fine"
    assert len(server.bodies) == 3, "one retry, then it is known"


async def test_a_bound_that_is_too_large_keeps_its_name(server: Provider, client: OpenAIClient) -> None:
    said = "max_tokens is too large: 4000. Use at most 2048 instead"
    server.handler = Provider.status(400, {"error": {"message": said}})
    assert said in (await failure(client)).message
    assert len(server.bodies) == 1


async def test_a_parameter_is_not_changed_for_ever(server: Provider, client: OpenAIClient) -> None:
    server.handler = Provider.status(
        400, {"error": {"message": "unknown stream_options and unknown max_tokens"}}
    )
    assert isinstance(await failure(client), ModelRefused)
    assert len(server.bodies) == 2


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
async def test_what_may_pass_is_unavailable(server: Provider, client: OpenAIClient, status: int) -> None:
    server.handler = Provider.status(status, {"error": {"message": "busy"}}, {"Retry-After": "7"})
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after == 7
    assert "busy" in error.message
    assert len(server.bodies) == 1, "no retry that the log does not show"


RAISE = "You can increase your rate limit by adding a payment method at /account/billing"
QUOTA = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        ({"message": f"Rate limit reached. Please try again in 1s. {RAISE}"}, {}),
        ({"message": RAISE, "code": "rate_limit_exceeded"}, {}),
        ({"message": f"{QUOTA} Please retry in 1.2s", "status": "RESOURCE_EXHAUSTED"}, {}),
        ({"message": QUOTA}, {"Retry-After": "1"}),
    ],
)
async def test_a_limit_that_passes_is_no_empty_account(
    server: Provider, client: OpenAIClient, error: dict[str, str], headers: dict[str, str]
) -> None:
    server.handler = Provider.status(429, {"error": error}, headers)
    assert isinstance(await failure(client), ModelUnavailable)


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (429, {"message": QUOTA}, "no credit left"),
        (400, {"message": "bad thing"}, "refused the request for tiny (status 400): bad thing"),
        (400, {"message": "x", "code": "context_length_exceeded"}, "too long for tiny"),
        (400, {"message": "This model's maximum context length is 8192 tokens"}, "too long for tiny"),
        (413, {"message": "x"}, "too long for tiny"),
        (400, {"message": "tiny is not a valid model ID"}, "has no model tiny"),
        (404, {"message": "The model `tiny` does not exist"}, "has no model tiny"),
        (404, {"message": "nope"}, "knows neither tiny nor this address"),
        (401, {"message": "Incorrect API key: canary-key-value"}, "does not accept the API key"),
        (402, {"message": "pay"}, "no credit left"),
        (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, "no credit left"),
        (403, {"message": "not yours"}, "does not allow this: not yours"),
        (422, {"message": "odd"}, "status 422"),
    ],
)
async def test_what_will_not_pass_is_refused_with_its_own_words(
    server: Provider, client: OpenAIClient, status: int, error: dict[str, str], words: str
) -> None:
    server.handler = Provider.status(status, {"error": error})
    caught = await failure(client)
    assert isinstance(caught, ModelRefused)
    assert words in caught.message
    assert caught.fix
    if status == 401:
        assert "OPENAI_API_KEY" in caught.fix


async def test_a_scenarios_demand_is_passed_on_as_it_is(server: Provider, client: OpenAIClient) -> None:
    text = "step 3 of coder: the last result lacks\n'FAILED'"
    server.handler = Provider.status(422, {"error": {"message": text, "code": "scenario_mismatch"}})
    with pytest.raises(ModelRefused) as caught:
        await call(client)
    assert caught.value.message == text


@pytest.mark.parametrize(
    "body", ["", "<html>" + "x" * 5000, "[1, 2]", '{"error": "short"}', '{"detail": "d"}']
)
async def test_any_error_body_gives_one_bounded_line(
    server: Provider, client: OpenAIClient, body: str
) -> None:
    server.handler = Provider.status(400, body)
    assert len(str(await failure(client))) < 700


async def test_an_error_inside_the_stream(server: Provider, client: OpenAIClient) -> None:
    server.handler = Provider.events(
        piece(content="half"), {"error": {"code": 502, "message": "upstream died"}}
    )
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert "upstream died" in error.message
    server.handler = Provider.status(200, {"error": {"code": 402, "message": "broke"}})
    assert "no credit" in (await failure(client)).message


STREAM = [
    piece(content="a"),
    piece(tool_calls=[{"index": 0, "id": "i", "function": {"name": "n"}}]),
    usage(1, 1),
]


@pytest.mark.parametrize("kept", range(4))
async def test_a_stream_that_is_cut_anywhere_is_unavailable(
    server: Provider, client: OpenAIClient, kept: int
) -> None:
    server.handler = Provider.events(*STREAM[:kept], done=False)
    assert isinstance(await failure(client), ModelUnavailable)


async def test_a_connection_that_dies_is_unavailable(server: Provider, client: OpenAIClient) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n')
        assert request.transport is not None
        request.transport.abort()
        return response

    server.handler = drop
    assert isinstance(await failure(client), ModelUnavailable)


async def test_garbage_is_unavailable(server: Provider, client: OpenAIClient) -> None:
    server.handler = Provider.events("data: {not json\n\n")
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert "not JSON" in error.message


async def test_odd_pieces_do_no_harm(server: Provider, client: OpenAIClient) -> None:
    odd: list[Any] = [
        [], 7, "text", None, {}, {"choices": None}, {"choices": [None]}, {"choices": [{"delta": "x"}]},
        {"choices": [{"delta": {"tool_calls": {"a": 1}, "content": 5}}]}, {"usage": [1]},
        {"choices": [{"delta": {"tool_calls": [None, {"index": "x", "function": 3}]}}]},
        {"choices": [], "usage": {"prompt_tokens": "many", "completion_tokens": -5, "cost": "free"}},
    ]  # fmt: skip
    sent = [f"data: {json.dumps(o)}\n\n" for o in odd]
    server.handler = Provider.events(": keep-alive\n\n", *sent, piece(content="fine", finish="stop"))
    reply = await call(client)
    assert (reply.content, reply.tool_calls) == ("fine", ())


@pytest.mark.parametrize("chunks", [(), (": still there\n\n",) * 9])
async def test_silence_before_the_first_piece(
    server: Provider, client: OpenAIClient, chunks: tuple[str, ...]
) -> None:
    client._timeouts = Timeouts(connect=3.0, first=0.4, silence=0.4)
    server.handler = Provider.events(*chunks, pause=0.1, hold=5)
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert "sent nothing for 0.4 s" in error.message


@pytest.mark.parametrize("kept", range(4))
@pytest.mark.parametrize("beats", [(), (": still there\n\n",) * 9])
async def test_a_stream_that_falls_silent_anywhere_is_unavailable(
    server: Provider, client: OpenAIClient, kept: int, beats: tuple[str, ...]
) -> None:
    """Also where comments keep its connection alive: nobody waits for a server that only says that it is."""
    client._timeouts = Timeouts(connect=1.0, first=0.1, silence=0.1)
    server.handler = Provider.events(*STREAM[:kept], *beats, pause=0.02, hold=5)
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert error.paid, "it may have thought all the while"
    assert ("fell silent" if kept else "sent nothing") in error.message


async def test_a_slow_drip_is_not_silence(server: Provider, client: OpenAIClient) -> None:
    server.handler = Provider.say("slowly on", pause=0.1)
    assert (await call(client)).content == "slowly on"


async def test_nobody_listens(server: Provider, tmp_path: Path) -> None:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "CODEBUTLER_MODEL": "tiny"}
    client = OpenAIClient(Router(load_config(None, home=tmp_path, env=env)), timeouts=QUICK)
    error = await failure(client)
    await client.close()
    assert isinstance(error, ModelUnavailable)
    assert "http://127.0.0.1:9/v1" in error.fix


async def test_cancelling_closes_the_connection(server: Provider, client: OpenAIClient) -> None:
    heard = asyncio.Event()

    async def hear(_text: str) -> None:
        heard.set()

    server.handler = Provider.events(*[piece(content="x")] * 1000, pause=0.01)
    task = asyncio.create_task(call(client, on_text=hear))
    await asyncio.wait_for(heard.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.gone.wait(), 5)


async def test_a_listener_that_fails_closes_the_connection(server: Provider, client: OpenAIClient) -> None:
    async def fail(_text: str) -> None:
        raise RuntimeError("the door is gone")

    server.handler = Provider.events(*[piece(content="x")] * 1000, pause=0.01)
    with pytest.raises(RuntimeError):
        await call(client, on_text=fail)
    await asyncio.wait_for(server.gone.wait(), 5)


async def test_ten_megabytes_are_read(server: Provider, client: OpenAIClient) -> None:
    server.handler = Provider.events(*[piece(content="x" * 100_000)] * 100, piece(finish="stop"))
    assert len((await call(client)).content) == 10_000_000


async def test_without_any_key_the_message_says_which_variables(tmp_path: Path) -> None:
    client = OpenAIClient(Router(load_config(None, home=tmp_path, env={})))
    error = await failure(client)
    assert isinstance(error, ModelRefused)
    assert "OPENROUTER_API_KEY" in error.fix


async def test_an_address_without_its_v1_is_no_outage(server: Provider, client: OpenAIClient) -> None:
    """LM Studio answers 200 there, whatever is asked."""
    server.handler = Provider.status(
        200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}
    )
    error = await failure(client)
    assert (type(error), "Unexpected endpoint" in error.message) == (ModelRefused, True)
    assert "/v1" in error.fix
