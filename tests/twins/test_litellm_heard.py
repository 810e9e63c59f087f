"""What litellm keeps to itself or makes up: prices, figures of broken answers, errors, ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from codebutler.errors import ContextTooLong, ModelError, ModelRefused, ModelUnavailable
from codebutler.testing.anthropic import Anthropic, text
from codebutler.testing.provider import Handler, Provider, piece, usage
from codebutler.types import Message

pytestmark = pytest.mark.filterwarnings("ignore")  # the package's own warnings are not ours to mend
CLAUDE, GPT = "litellm/anthropic/claude-sonnet-4-5", "litellm/openai/gpt-4o"
ASK: list[Message] = [{"role": "user", "content": "hello"}]
LONG = "word " * 800


async def ask(client: Any, model: str, **more: Any) -> Any:
    given = {"model": model, "messages": ASK, "tools": [], "max_output": 4_000, "role": "pm", **more}
    return await client.complete(**given)


@pytest.fixture
async def openai(litellm_client: Any) -> Any:
    async with Provider.run() as server:
        key = {"apiKey": "canary-key-value", "baseUrl": server.url}
        yield server, litellm_client(openai=key, hosted_vllm=key)


@pytest.fixture
async def anthropic(litellm_client: Any) -> Any:
    async with Anthropic.run() as server:
        yield server, litellm_client(anthropic={"apiKey": "canary-key-value", "baseUrl": server.url})


@pytest.mark.parametrize("told", [usage(100, 0), {"choices": [], "usage": {"prompt_tokens": 100}}])
async def test_what_a_server_does_not_count_is_counted_by_us(openai: Any, told: Any) -> None:
    server, client = openai
    server.handler = Provider.events(piece(content=LONG), piece(finish="stop"), told)
    reply = await ask(client, GPT)
    assert reply.usage.output > 500
    assert reply.usd == pytest.approx((reply.usage.input * 2.5 + reply.usage.output * 10) / 1e6)


async def test_the_model_that_was_asked_for_decides_the_price(openai: Any) -> None:
    server, client = openai
    named = {"model": "gpt-4o-mini"}
    server.handler = Provider.events(
        piece(content="hi") | named, piece(finish="stop") | named, usage(1_000, 1_000) | named
    )
    assert (await ask(client, GPT)).usd == pytest.approx(0.0125)
    assert (await ask(client, "litellm/hosted_vllm/mystery")).usd is None


async def test_a_servers_own_price_counts(openai: Any) -> None:
    server, client = openai
    server.handler = Provider.events(piece(content="hi"), piece(finish="stop"), usage(100, 10, cost=0.05))
    assert (await ask(client, GPT)).usd == 0.05


async def test_prices_of_the_packages_list_are_known_before_the_first_call(openai: Any) -> None:
    _, client = openai
    model = "litellm/openai/gpt-4"
    assert client._router.worst_case(model, 10_000, 4_000) == 0.0
    await client.prepare(model)
    assert client._router.worst_case(model, 10_000, 4_000) == pytest.approx(0.54)
    assert client.window(model)
    await client.prepare("litellm/nonsense")


async def test_what_the_start_of_a_broken_answer_said_counts(anthropic: Any) -> None:
    twin, client = anthropic
    whole = await ask(client, CLAUDE)
    assert whole.usage.input == 140
    twin.kept = len(twin.stream[0])
    with pytest.raises(ModelUnavailable, match="gave no answer") as caught:
        await ask(client, CLAUDE)
    assert caught.value.spent == pytest.approx((20 * 3 + 80 * 0.3 + 40 * 3.75) / 1e6, rel=0.3)


FULL = "This model's maximum context length is 9 tokens"
PARTS = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ["Hel"]}}]}
"""Text in a form on which the package stumbles."""


@pytest.mark.parametrize(
    ("handler", "error", "words"),
    [
        (
            Provider.status(401, {"error": {"message": "bad key"}}),
            ModelRefused,
            "does not accept the API key",
        ),
        (
            Provider.status(429, {"error": {"message": "You exceeded it", "code": "insufficient_quota"}}),
            ModelRefused,
            "no credit left",
        ),
        (Provider.status(404, {"error": {"message": "nope"}}), ModelRefused, "knows neither"),
        (
            Provider.status(400, {"error": {"message": FULL}}),
            ContextTooLong,
            f"too long for .*: {FULL}",
        ),
        (Provider.status(200, "<html><title>Log in</title></html>"), ModelRefused, "web page: Log in"),
        (Provider.status(200, {"error": {"message": "overloaded"}}), ModelUnavailable, ": overloaded"),
        (Provider.status(200, {"strange": 1}), ModelUnavailable, r'gave no answer, but this: \{"strange": 1'),
        (Provider.events({"error": {"message": "overloaded"}}), ModelUnavailable, ": overloaded"),
        (Provider.events(piece(content="Hel"), done=False), ModelUnavailable, "broke off"),
        (
            Provider.events(PARTS),
            ModelUnavailable,
            "litellm cannot read",
        ),
    ],
)
async def test_a_failure_is_told_as_the_server_told_it(
    openai: Any, handler: Handler, error: type[ModelError], words: str
) -> None:
    server, client = openai
    server.handler = handler
    with pytest.raises(error, match=words) as caught:
        await ask(client, GPT)
    assert not any(word in str(caught.value) for word in ("Exception", "Traceback", "litellm.R", "Messages="))


@pytest.mark.parametrize(
    "handler",
    [
        Provider.events(piece(content="fine"), done=True),
        Provider.status(200, {"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]}),
    ],
)
async def test_an_end_without_a_reason_and_an_answer_in_one_piece_are_answers(
    openai: Any, handler: Handler
) -> None:
    server, client = openai
    server.handler = handler
    assert (await ask(client, GPT)).content == "fine"


async def test_what_an_error_says_of_money_counts(openai: Any) -> None:
    server, client = openai
    for handler in (
        Provider.events(piece(content="hi"), {"error": {"message": "x"}, "usage": {"cost": 0.5}}),
        Provider.status(500, {"error": {"message": "x"}, "usage": {"cost": 0.5}}),
    ):
        server.handler = handler
        with pytest.raises(ModelError) as caught:
            await ask(client, GPT)
        assert caught.value.spent == 0.5


async def test_what_the_package_cannot_read_is_said_in_our_words(anthropic: Any) -> None:
    twin, client = anthropic
    twin.blocks = [text("hi")]
    twin.usage = None
    with pytest.raises(ModelUnavailable, match="sent what litellm cannot read") as caught:
        await ask(client, CLAUDE)
    assert "Traceback" not in str(caught.value)


async def test_thoughts_go_back_only_where_they_are_known(openai: Any) -> None:
    server, client = openai
    server.handler = Provider.say("fine")
    said = {
        "role": "assistant",
        "content": "a",
        "reasoning_content": "b",
        "thinking_blocks": [{"type": "thinking"}],
    }
    await ask(client, GPT, messages=[*ASK, {**said, "reasoning_details": [{}]}, *ASK])
    assert server.bodies[-1]["messages"][1].keys() == {"role", "content"}
    await ask(client, "litellm/hosted_vllm/x", messages=[*ASK, said, *ASK])
    assert server.bodies[-1]["messages"][1].keys() == {"role", "content", "reasoning_content"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stream_options", "Unrecognized request argument: stream_options"),
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
    ],
)
async def test_what_a_server_refuses_is_learnt(openai: Any, name: str, said: str) -> None:
    server, client = openai

    async def picky(request: web.Request) -> web.StreamResponse:
        refuse = Provider.status(400, {"error": {"message": said}})
        return await (refuse if name in server.bodies[-1] else Provider.say("fine"))(request)

    server.handler = picky
    assert (await ask(client, "litellm/hosted_vllm/x")).content == "fine"
    assert json.dumps(server.bodies[-1]).count(name) == 0
