"""The model client against a real HTTP server that says what each test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web

from codebutler.config import load_config
from codebutler.errors import ModelError, ModelRefused, ModelUnavailable
from codebutler.models.client import OpenAIClient
from codebutler.models.routing import Router
from codebutler.models.stream import Timeouts
from codebutler.types import Message, ModelReply

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
QUICK = Timeouts(connect=1.0, first=0.4, silence=0.4)
ASK: list[Message] = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}


class Server:
    """A provider on loopback. ``handler`` answers; what was asked is kept."""

    def __init__(self) -> None:
        self.handler: Handler = self.say("ok")
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.models: Any = None
        self.url = ""
        self.gone = asyncio.Event()

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._list)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        return runner

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response(self.models) if self.models else web.Response(status=404)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        self.headers.append(request.headers.copy())
        try:
            return await self.handler(request)
        except asyncio.CancelledError:
            self.gone.set()
            raise

    @staticmethod
    def events(*chunks: Any, done: bool = True, pause: float = 0.0, hold: float = 0.0) -> Handler:
        """Stream ``chunks``; strings go out as they are."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for chunk in chunks:
                text = chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk)}\n\n"
                await response.write(text.encode())
                await asyncio.sleep(pause)
            await asyncio.sleep(hold)
            if done:
                await response.write(b"data: [DONE]\n\n")
            return response

        return answer

    @classmethod
    def say(cls, text: str, **more: Any) -> Handler:
        return cls.events(*(piece(content=c) for c in text), piece(finish="stop"), usage(10, 2), **more)

    @staticmethod
    def status(code: int, body: Any, headers: dict[str, str] | None = None) -> Handler:
        async def answer(_request: web.Request) -> web.StreamResponse:
            text = body if isinstance(body, str) else json.dumps(body)
            return web.Response(status=code, text=text, headers=headers, content_type="application/json")

        return answer


def piece(*, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def usage(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion, **more}}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    runner = await server.start()
    yield server
    await runner.cleanup()


@pytest.fixture
async def client(server: Server, tmp_path: Any) -> AsyncIterator[OpenAIClient]:
    env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "canary-key-value", "CODEBUTLER_MODEL": "tiny"}
    client = OpenAIClient(Router(load_config(None, home=tmp_path, env=env)), timeouts=QUICK)
    yield client
    await client.close()


async def call(client: OpenAIClient, **more: Any) -> ModelReply:
    given = {"model": "tiny", "messages": ASK, "tools": [], "max_output": 100, "role": "pm", **more}
    return await client.complete(**given)


async def failure(client: OpenAIClient, **more: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await call(client, **more)
    assert "\n" not in str(caught.value)
    assert "canary-key-value" not in str(caught.value)
    return caught.value


async def test_text_comes_in_pieces_and_as_a_whole(server: Server, client: OpenAIClient) -> None:
    heard: list[str] = []

    async def hear(text: str) -> None:
        heard.append(text)

    server.handler = server.say("Grüße")
    reply = await call(client, on_text=hear)
    assert (reply.content, reply.finish, reply.model) == ("Grüße", "stop", "tiny")
    assert heard == list("Grüße")
    assert (reply.usage.input, reply.usage.output, reply.usd) == (10, 2, None)


async def test_what_is_sent(server: Server, client: OpenAIClient) -> None:
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


async def test_tool_calls_are_put_together(server: Server, client: OpenAIClient) -> None:
    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "read", "arguments": ""}}
    server.handler = server.events(
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


async def test_an_id_of_an_earlier_turn_is_not_used_again(server: Server, client: OpenAIClient) -> None:
    before = {"role": "assistant", "tool_calls": [{"id": "call_0", "function": {"name": "read"}}]}
    call_again = {"index": 0, "id": "call_0", "function": {"name": "read", "arguments": "{}"}}
    server.handler = server.events(piece(tool_calls=[call_again]), piece(finish="tool_calls"))
    reply = await call(
        client, messages=[*ASK, before, {"role": "tool", "tool_call_id": "call_0", "content": "x"}]
    )
    assert reply.tool_calls[0].id != "call_0"


async def test_the_providers_own_cost_wins(server: Server, client: OpenAIClient) -> None:
    server.handler = server.events(
        piece(content="x", finish="stop"),
        usage(9, 1, cost=0.0125, prompt_tokens_details={"cached_tokens": 4}),
    )
    reply = await call(client)
    assert (reply.usd, reply.usage.cached) == (0.0125, 4)


async def test_a_known_model_is_priced_and_an_uncounted_call_is_estimated(
    server: Server, client: OpenAIClient
) -> None:
    server.handler = server.events(piece(content="word " * 100, finish="stop"))
    reply = await call(client, model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "x" * 4000}])
    assert 900 < reply.usage.input < 1300
    assert 100 < reply.usage.output < 200
    assert reply.usd == pytest.approx((reply.usage.input * 0.15 + reply.usage.output * 0.6) / 1e6)


async def test_reasoning_is_kept_for_the_next_call(server: Server, client: OpenAIClient) -> None:
    server.handler = server.events(
        piece(reasoning_content="first "),
        piece(reasoning_content="second"),
        piece(content="x", finish="stop"),
    )
    reply = await call(client)
    assert reply.reasoning == {"reasoning_content": "first second"}
    assert reply.content == "x"


async def test_a_server_that_does_not_stream_is_understood(server: Server, client: OpenAIClient) -> None:
    function = {"name": "read", "arguments": {"path": "x"}}
    calls = [{"id": "a", "type": "function", "function": function}]
    message = {"role": "assistant", "content": "whole", "tool_calls": calls}
    server.handler = server.status(200, {"choices": [{"message": message, "finish_reason": "stop"}]})
    reply = await call(client)
    assert (reply.content, reply.tool_calls[0].arguments, reply.finish) == (
        "whole",
        '{"path": "x"}',
        "tool_calls",
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stream_options", "Unrecognized request argument: stream_options"),
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
    ],
)
async def test_a_parameter_that_a_server_does_not_know_is_changed_once(
    server: Server, client: OpenAIClient, name: str, said: str
) -> None:
    async def picky(request: web.Request) -> web.StreamResponse:
        refuse = server.status(400, {"error": {"message": said}})
        return await (refuse if name in server.bodies[-1] else server.say("fine"))(request)

    server.handler = picky
    assert (await call(client)).content == "fine"
    assert (await call(client)).content == "fine"
    assert len(server.bodies) == 3, "one retry, then it is known"
    assert server.bodies[-1].get("max_completion_tokens", server.bodies[-1].get("max_tokens")) == 100


async def test_a_parameter_is_not_changed_for_ever(server: Server, client: OpenAIClient) -> None:
    server.handler = server.status(
        400, {"error": {"message": "unknown stream_options and unknown max_tokens"}}
    )
    assert isinstance(await failure(client), ModelRefused)
    assert len(server.bodies) == 2


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
async def test_what_may_pass_is_unavailable(server: Server, client: OpenAIClient, status: int) -> None:
    server.handler = server.status(status, {"error": {"message": "busy"}}, {"Retry-After": "7"})
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after == 7
    assert "busy" in error.message
    assert len(server.bodies) == 1, "no retry that the log does not show"


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
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
    server: Server, client: OpenAIClient, status: int, error: dict[str, str], words: str
) -> None:
    server.handler = server.status(status, {"error": error})
    caught = await failure(client)
    assert isinstance(caught, ModelRefused)
    assert words in caught.message
    assert caught.fix
    if status == 401:
        assert "OPENAI_API_KEY" in caught.fix


async def test_a_scenarios_demand_is_passed_on_as_it_is(server: Server, client: OpenAIClient) -> None:
    text = "step 3 of coder: the last result lacks\n'FAILED'"
    server.handler = server.status(422, {"error": {"message": text, "code": "scenario_mismatch"}})
    with pytest.raises(ModelRefused) as caught:
        await call(client)
    assert caught.value.message == text


@pytest.mark.parametrize(
    "body", ["", "<html>" + "x" * 5000, "[1, 2]", '{"error": "short"}', '{"detail": "d"}']
)
async def test_any_error_body_gives_one_bounded_line(server: Server, client: OpenAIClient, body: str) -> None:
    server.handler = server.status(400, body)
    assert len(str(await failure(client))) < 700


async def test_an_error_inside_the_stream(server: Server, client: OpenAIClient) -> None:
    server.handler = server.events(
        piece(content="half"), {"error": {"code": 502, "message": "upstream died"}}
    )
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert "upstream died" in error.message
    server.handler = server.status(200, {"error": {"code": 402, "message": "broke"}})
    assert "no credit" in (await failure(client)).message


STREAM = [
    piece(content="a"),
    piece(tool_calls=[{"index": 0, "id": "i", "function": {"name": "n"}}]),
    usage(1, 1),
]


@pytest.mark.parametrize("kept", range(4))
async def test_a_stream_that_is_cut_anywhere_is_unavailable(
    server: Server, client: OpenAIClient, kept: int
) -> None:
    server.handler = server.events(*STREAM[:kept], done=False)
    assert isinstance(await failure(client), ModelUnavailable)


async def test_a_connection_that_dies_is_unavailable(server: Server, client: OpenAIClient) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n')
        assert request.transport is not None
        request.transport.abort()
        return response

    server.handler = drop
    assert isinstance(await failure(client), ModelUnavailable)


async def test_garbage_is_unavailable(server: Server, client: OpenAIClient) -> None:
    server.handler = server.events("data: {not json\n\n")
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert "not JSON" in error.message


async def test_odd_pieces_do_no_harm(server: Server, client: OpenAIClient) -> None:
    odd: list[Any] = [
        [], 7, "text", None, {}, {"choices": None}, {"choices": [None]}, {"choices": [{"delta": "x"}]},
        {"choices": [{"delta": {"tool_calls": {"a": 1}, "content": 5}}]}, {"usage": [1]},
        {"choices": [{"delta": {"tool_calls": [None, {"index": "x", "function": 3}]}}]},
        {"choices": [], "usage": {"prompt_tokens": "many", "completion_tokens": -5, "cost": "free"}},
    ]  # fmt: skip
    sent = [f"data: {json.dumps(o)}\n\n" for o in odd]
    server.handler = server.events(": keep-alive\n\n", *sent, piece(content="fine", finish="stop"))
    reply = await call(client)
    assert (reply.content, reply.tool_calls) == ("fine", ())


@pytest.mark.parametrize("chunks", [(), (": still there\n\n",) * 9])
async def test_silence_before_the_first_piece(
    server: Server, client: OpenAIClient, chunks: tuple[str, ...]
) -> None:
    server.handler = server.events(*chunks, pause=0.1, hold=5)
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert "sent nothing for 0.4 s" in error.message


async def test_silence_in_the_middle(server: Server, client: OpenAIClient) -> None:
    server.handler = server.events(piece(content="a"), hold=5)
    assert "fell silent" in (await failure(client)).message


async def test_a_slow_drip_is_not_silence(server: Server, client: OpenAIClient) -> None:
    server.handler = server.say("slowly on", pause=0.1)
    assert (await call(client)).content == "slowly on"


async def test_nobody_listens(server: Server, tmp_path: Any) -> None:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "CODEBUTLER_MODEL": "tiny"}
    client = OpenAIClient(Router(load_config(None, home=tmp_path, env=env)), timeouts=QUICK)
    error = await failure(client)
    await client.close()
    assert isinstance(error, ModelUnavailable)
    assert "http://127.0.0.1:9/v1" in error.fix


async def test_cancelling_closes_the_connection(server: Server, client: OpenAIClient) -> None:
    heard = asyncio.Event()

    async def hear(_text: str) -> None:
        heard.set()

    server.handler = server.events(*[piece(content="x")] * 1000, pause=0.01)
    task = asyncio.create_task(call(client, on_text=hear))
    await asyncio.wait_for(heard.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.gone.wait(), 5)


async def test_a_listener_that_fails_closes_the_connection(server: Server, client: OpenAIClient) -> None:
    async def fail(_text: str) -> None:
        raise RuntimeError("the door is gone")

    server.handler = server.events(*[piece(content="x")] * 1000, pause=0.01)
    with pytest.raises(RuntimeError):
        await call(client, on_text=fail)
    await asyncio.wait_for(server.gone.wait(), 5)


async def test_ten_megabytes_are_read(server: Server, client: OpenAIClient) -> None:
    server.handler = server.events(*[piece(content="x" * 100_000)] * 100, piece(finish="stop"))
    assert len((await call(client)).content) == 10_000_000


async def test_the_servers_first_model_stands_in_for_one_that_it_lacks(server: Server, tmp_path: Any) -> None:
    server.models = {"data": [{"id": "nomic-embed-text"}, {"id": "qwen3:8b"}, {"id": "gpt-4o-mini"}]}
    router = Router(load_config(None, home=tmp_path, env={"OPENAI_BASE_URL": server.url}))
    client = OpenAIClient(router, timeouts=QUICK)
    reply = await call(client, model="moonshotai/kimi-k2")
    assert (reply.model, server.bodies[-1]["model"]) == ("qwen3:8b", "qwen3:8b")
    assert len(router.notices) == 1
    assert "no moonshotai/kimi-k2: qwen3:8b answers" in router.notices[0]
    await call(client, model="openai/gpt-4o-mini")
    assert server.bodies[-1]["model"] == "gpt-4o-mini"
    assert server.headers[-1]["Authorization"] == "Bearer none", "no key is not an error"
    await client.close()


async def test_without_any_key_the_message_says_which_variables(tmp_path: Any) -> None:
    client = OpenAIClient(Router(load_config(None, home=tmp_path, env={})))
    error = await failure(client)
    assert isinstance(error, ModelRefused)
    assert "OPENROUTER_API_KEY" in error.fix


async def test_estimates_learn_from_what_was_counted(server: Server, client: OpenAIClient) -> None:
    long: list[Message] = [{"role": "user", "content": "word " * 1000}]
    before = client.estimate("tiny", long)
    server.handler = server.events(piece(content="x", finish="stop"), usage(before * 3 // 2, 1))
    for _ in range(12):
        await call(client, messages=long)
    assert client.estimate("tiny", long) == pytest.approx(before * 1.5, rel=0.05)
