"""No reply is asked for that is longer than its model writes, or than the window leaves."""

from __future__ import annotations

import pytest
from aiohttp import web

from codebutler.errors import ContextTooLong, ModelRefused
from codebutler.models.client import OpenAIClient
from codebutler.models.prices import Price
from codebutler.models.room import LEAST, SPARE, Bounds, Room, read
from codebutler.testing.provider import Provider
from codebutler.types import Message

ASK: list[Message] = [{"role": "user", "content": "x" * 8_000}]
"""Some 2,230 tokens by our estimate."""
WANTED = 16_000


async def ask(client: OpenAIClient) -> str:
    reply = await client.complete(model="tiny", messages=ASK, tools=[], max_output=WANTED, role="pm")
    return reply.content


def asked(server: Provider) -> list[int]:
    return [body["max_tokens"] for body in server.bodies]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            (
                "max_tokens is too large: 16000. This model supports at most 4096 completion tokens, "
                "whereas you provided 16000."
            ),
            Bounds(most=4096),
        ),
        (
            "max_tokens: 16000 > 4096, which is the maximum allowed number of output tokens for m-3-1",
            Bounds(most=4096),
        ),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", Bounds(most=8192)),
        ("`max_tokens` must be less than or equal to `8192`, the maximum value", Bounds(most=8192)),
        (
            (
                "it has a maxOutputTokens value of 16000 but the supported range is from 1 (inclusive) to "
                "8193 (exclusive)."
            ),
            Bounds(most=8192),
        ),
        (
            (
                "This model's maximum context length is 16384 tokens. However, you requested 18450 tokens "
                "(2000 in the messages, 450 in the functions, 16000 in the completion)."
            ),
            Bounds(window=16384, prompt=2450),
        ),
        (
            (
                "'max_tokens' or 'max_completion_tokens' is too large: 16000. This model's maximum context "
                "length is 16,384 tokens and your request has 2450 input tokens (16000 > 16384 - 2450)."
            ),
            Bounds(window=16384, prompt=2450),
        ),
        (
            (
                "`inputs` tokens + `max_new_tokens` must be <= 16384. Given: 2450 `inputs` tokens and 16000 "
                "`max_new_tokens`"
            ),
            Bounds(window=16384, prompt=2450),
        ),
        (
            "input length and `max_tokens` exceed context limit: 188240 + 16000 > 200000, decrease it",
            Bounds(window=200_000, prompt=188_240),
        ),
        (
            "maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens",
            Bounds(window=8192, prompt=9000),
        ),
        (
            (
                "Requested token count exceeds the model's maximum context length of 16384 tokens. You "
                "requested a total of 18450 tokens: 2450 tokens from the input messages and 16000 tokens for "
                "the completion."
            ),
            Bounds(window=16384, prompt=2450),
        ),
        ("The maximum tokens you requested exceeds the model limit of 8192. Try again", Bounds(most=8192)),
        ("too many tokens: max tokens must be less than or equal to 4096, the maximum", Bounds(most=4096)),
        (
            (
                "Request too large for model `m` in organization `o` on tokens per minute (TPM): Limit "
                "12000, Requested 18450, please reduce your message size and try again."
            ),
            Bounds(window=12_000, over=6_450),
        ),
        ("You requested up to 16000 tokens, but can only afford 3200: fewer max_tokens", Bounds()),
        ("at most 5 tools", Bounds()),
        ("max_tokens: at most " + "9" * 5_000, Bounds()),
    ],
)
def test_the_figures_of_a_refusal(said: str, told: Bounds) -> None:
    assert read(said, WANTED) == told


@pytest.mark.parametrize(
    ("prompt", "window", "listed", "bound"),
    [
        (2_000, 0, 0, WANTED),
        (2_000, 0, 8_192, 8_192),
        (2_000, 200_000, 64_000, WANTED),
        (2_000, 16_384, 0, 16_384 - 2_000 - SPARE),
        (20_000, 16_384, 0, LEAST),
    ],
)
def test_a_bound_by_lists(prompt: int, window: int, listed: int, bound: int) -> None:
    assert Room().bound(WANTED, prompt, window=window, listed=listed) == bound


def test_what_a_role_wants_is_never_raised() -> None:
    assert Room().bound(100, 20_000, window=16_384, listed=8_192) == 100


@pytest.mark.parametrize(
    "told",
    [Bounds(), Bounds(most=WANTED), Bounds(window=10), Bounds(window=2_000, prompt=1_900), Bounds(10**9)],
)
def test_a_refusal_that_shows_no_way_is_not_asked_again(told: Bounds) -> None:
    assert Room().learn(told, WANTED, 50) == 0


async def test_what_lists_say_of_a_model_holds_from_the_first_request(
    server: Provider, client: OpenAIClient
) -> None:
    client._router.know("tiny", Price(1.0, 1.0, 1.0, context=0, max_output=4_096))
    await ask(client)
    assert asked(server) == [4_096]


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (4_096, "max_tokens is too large: 16000. This model supports at most 4096 completion tokens"),
        (
            13_934,
            (
                "This model's maximum context length is 16384 tokens. However, you requested 18450 tokens "
                "(2450 in the messages, 16000 in the completion)."
            ),
        ),
    ],
)
async def test_a_bound_is_learnt_from_a_refusal(
    server: Provider, client: OpenAIClient, most: int, said: str
) -> None:
    async def strict(request: web.Request) -> web.StreamResponse:
        refuse = Provider.status(400, {"error": {"message": said}})
        fits = asked(server)[-1] <= most
        return await (Provider.say("fine") if fits else refuse)(request)

    server.handler = strict
    assert await ask(client) == "fine"
    assert asked(server) == [WANTED, most]
    server.bodies.clear()
    assert await ask(client) == "fine"
    assert len(server.bodies) == 1, "one refusal, then it is known"
    assert client.window("tiny") == (16_384 if "context" in said else None)


@pytest.mark.parametrize("status", [413, 429])
async def test_a_request_with_more_tokens_than_a_minute_may_have_is_made_smaller(
    server: Provider, client: OpenAIClient, status: int
) -> None:
    """To wait would mend nothing, nor would credit, which such words name as the way to a higher limit."""
    said = "Request too large for tiny on tokens per min (TPM): Limit {}, Requested {}. See /billing"
    prompt = 3_000  # more than we take it for

    async def strict(request: web.Request) -> web.StreamResponse:
        refuse = Provider.status(
            status, {"error": {"message": said.format(limit, prompt + asked(server)[-1])}}
        )
        fits = asked(server)[-1] + prompt <= limit
        return await (Provider.say("fine") if fits else refuse)(request)

    server.handler, limit = strict, 12_000
    assert await ask(client) == "fine"
    assert client.window("tiny") == 12_000
    limit = 2_000
    with pytest.raises(ContextTooLong, match="takes no request as large as this for tiny"):
        await ask(client)


async def test_a_window_that_the_prompt_fills_is_a_long_conversation(
    server: Provider, client: OpenAIClient
) -> None:
    said = "maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens"
    server.handler = Provider.status(400, {"error": {"message": said}})
    with pytest.raises(ContextTooLong):
        await ask(client)
    assert len(server.bodies) == 1
    assert client.window("tiny") == 8_192, "so a transcript is summarised in time"


async def test_a_bound_that_falls_without_end_is_not_followed(server: Provider, client: OpenAIClient) -> None:
    async def falling(request: web.Request) -> web.StreamResponse:
        said = f"max_tokens is too large. Use at most {asked(server)[-1] // 2}"
        return await Provider.status(400, {"error": {"message": said}})(request)

    server.handler = falling
    with pytest.raises(ModelRefused):
        await ask(client)
    assert asked(server) == [16_000, 8_000, 4_000]
