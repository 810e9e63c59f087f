"""Gemini's own protocol, as litellm speaks it, and what fails before any server is asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from codebutler.errors import ModelError, ModelRefused, ModelUnavailable
from codebutler.models.foreign import Client
from codebutler.types import Json, ModelReply

pytestmark = pytest.mark.filterwarnings("ignore")  # the package's own warnings are not ours to mend
MODEL = "litellm/gemini/gemini-2.5-flash"
COUNTED = {
    "promptTokenCount": 1000,
    "candidatesTokenCount": 10,
    "thoughtsTokenCount": 500,
    "totalTokenCount": 1510,
}
Make = Callable[..., Client]


class Gemini:
    """Answers each request with ``parts``, one event each, or with ``fault``."""

    def __init__(self) -> None:
        self.parts: list[Json] = [{"text": "Hello "}, {"text": "you"}]
        self.finish = "STOP"
        self.fault: tuple[int, str, str] | None = None
        self.url = ""
        self.packing = ""
        """Content-Encoding of its answers, whatever was asked for; an unknown one leaves them plain."""
        self.wishes: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.path.endswith(":streamGenerateContent")
        self.wishes.append(request.headers.get("Accept-Encoding", ""))
        if self.fault is not None:
            code, status, message = self.fault
            error = {"error": {"code": code, "message": message, "status": status}}
            return web.json_response(error, status=code)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        if self.packing in {"gzip", "deflate"}:
            response.enable_compression(web.ContentCoding(self.packing))
        elif self.packing:
            response.headers["Content-Encoding"] = self.packing
        await response.prepare(request)
        for at, part in enumerate(self.parts, 1):
            candidate: Json = {"content": {"parts": [part], "role": "model"}, "index": 0}
            if self.finish and at == len(self.parts):
                candidate["finishReason"] = self.finish
            event = {"candidates": [candidate], "usageMetadata": COUNTED}
            await response.write(f"data: {json.dumps(event)}\r\n\r\n".encode())
        return response


@pytest.fixture
async def gemini() -> AsyncIterator[Gemini]:
    twin, app = Gemini(), web.Application()
    app.router.add_post("/{rest:.*}", twin.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    twin.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield twin
    await runner.cleanup()


@pytest.fixture
def client(gemini: Gemini, litellm_client: Make) -> Client:
    return litellm_client(
        gemini={"apiKey": "canary-key-value", "baseUrl": gemini.url},
        azure={"baseUrl": gemini.url},
        vertex_ai={"baseUrl": gemini.url},
        hosted_vllm={"apiKey": "canary-key-value", "baseUrl": "http://127.0.0.1:1"},
        **{"text-completion-openai": {"apiKey": "canary-key-value", "baseUrl": gemini.url}},
    )


async def ask(client: Client, model: str = MODEL) -> ModelReply:
    tool = {
        "type": "function",
        "function": {"name": "read", "parameters": {"type": "object", "properties": {}}},
    }
    hello: list[Any] = [{"role": "user", "content": "hello"}]
    return await client.complete(model=model, messages=hello, tools=[tool], max_output=1_000, role="pm")


async def test_an_answer_in_its_own_dialect_is_whole(gemini: Gemini, client: Client) -> None:
    reply = await ask(client)
    assert (reply.content, reply.finish) == ("Hello you", "stop")
    assert (reply.usage.input, reply.usage.output) == (1_000, 510)
    assert reply.usd == pytest.approx((1_000 * 0.3 + 510 * 2.5) / 1e6)
    gemini.parts = [{"functionCall": {"name": "read", "args": {"path": "a"}}}]
    reply = await ask(client)
    assert [(c.name, json.loads(c.arguments)) for c in reply.tool_calls] == [("read", {"path": "a"})]
    assert reply.finish == "tool_calls"
    gemini.parts, gemini.finish = [{"text": ""}], "SAFETY"
    assert (await ask(client)).finish == "content_filter"


@pytest.mark.parametrize("packing", ["", "gzip", "deflate", "odd"])
async def test_an_answer_without_an_end_broke_off(gemini: Gemini, client: Client, packing: str) -> None:
    """However it was packed on its way, though it was asked for as it is."""
    gemini.packing = packing
    if packing != "odd":
        assert (await ask(client)).content == "Hello you"
        assert set(gemini.wishes) == {"identity"}
    gemini.finish = ""
    with pytest.raises(ModelUnavailable, match="broke off") as caught:
        await ask(client)
    assert caught.value.spent


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ((400, "INVALID_ARGUMENT", "API key not valid. Pass a valid one."), ModelRefused, "does not accept"),
        ((429, "RESOURCE_EXHAUSTED", "exceeded your quota. Retry in 1.2s"), ModelUnavailable, "limits how"),
        ((400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens"),
         ModelRefused, "too long"),
        ((503, "UNAVAILABLE", "overloaded"), ModelUnavailable, "status 503"),
    ],
)  # fmt: skip
async def test_its_failures(
    gemini: Gemini, client: Client, fault: tuple[int, str, str], error: type[ModelError], words: str
) -> None:
    gemini.fault = fault
    with pytest.raises(error, match=words):
        await ask(client)


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        ("azure/dep", ModelRefused, r"azure \(litellm\) has no API key"),
        ("text-completion-openai/gpt-3.5-turbo-instruct", ModelRefused, "litellm cannot ask"),
        ("hosted_vllm/x", ModelUnavailable, "cannot be reached: "),
    ],
)
async def test_what_never_reached_a_server(
    client: Client, model: str, error: type[ModelError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        await ask(client, f"litellm/{model}")
    assert not any(word in str(caught.value) for word in ("Traceback", "File ", "object at", "Exception"))
