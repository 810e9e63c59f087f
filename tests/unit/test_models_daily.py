"""A limit of a day is no pause of seconds."""

from __future__ import annotations

import time
from typing import Any

import pytest

from codebutler.errors import ModelError, ModelUnavailable
from codebutler.models.client import OpenAIClient
from codebutler.models.daily import DAY, until_free
from codebutler.testing.provider import Provider

SAID = "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"
NOW = 1_795_330_000.0
MIDNIGHT = (NOW // DAY + 1) * DAY - NOW


def body(reset: object) -> dict[str, Any]:
    headers = {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    return {"error": {"message": SAID, "code": 429, "metadata": {"headers": headers}}}


@pytest.mark.parametrize(
    ("said", "given", "seconds"),
    [
        (SAID, body(str(int(NOW * 1000) + 7_200_000)), 7200.0),
        (SAID, body(int(NOW * 1000) + 7_200_000), 7200.0),
        (SAID, body("1"), MIDNIGHT),
        (SAID, body("9" * 400), MIDNIGHT),
        (SAID, body([1]), MIDNIGHT),
        ("Rate limit exceeded: free-models-per-day-high-balance.", "text", MIDNIGHT),
        ("Rate limit exceeded: free-models-per-min.", body(str(int(NOW * 1000) + 5_000)), None),
        ("too many requests", {}, None),
    ],
)
def test_how_long_it_lasts(said: str, given: object, seconds: float | None) -> None:
    assert until_free(said, given, NOW) == (None if seconds is None else pytest.approx(seconds, abs=1))


async def failure(client: OpenAIClient) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await client.complete(
            model="tiny", messages=[{"role": "user", "content": "x"}], tools=[], max_output=9, role="pm"
        )
    return caught.value


async def test_the_model_is_left_alone_until_then(server: Provider, client: OpenAIClient) -> None:
    server.handler = Provider.status(429, body(str(int((time.time() + 7200) * 1000))))
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after == pytest.approx(7200, abs=30)
    assert "gives no more such calls today: Rate limit exceeded: free-models-per-day." in error.message


async def test_who_says_when_to_come_back_is_believed(server: Provider, client: OpenAIClient) -> None:
    server.handler = Provider.status(429, body("0"), {"Retry-After": "3"})
    error = await failure(client)
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after == 3
