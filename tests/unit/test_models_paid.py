"""Model calls that came to nothing, and what they count as."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from codebutler.config import load_config
from codebutler.errors import ModelError, ModelUnavailable
from codebutler.models import faults
from codebutler.models.client import OpenAIClient
from codebutler.models.routing import Route, Router
from codebutler.models.stream import Timeouts
from codebutler.testing.provider import Provider, usage
from codebutler.types import Message, ModelReply

ASK: list[Message] = [{"role": "user", "content": "hello"}]


async def ask(client: OpenAIClient, model: str = "tiny") -> ModelReply:
    return await client.complete(model=model, messages=ASK, tools=[], max_output=100, role="pm")


async def failure(client: OpenAIClient, model: str = "tiny") -> ModelError:
    with pytest.raises(ModelError) as caught:
        await ask(client, model)
    return caught.value


@pytest.mark.parametrize(
    "begun", [None, b"", b": still there\n\n", b'data: {"choices":[{"delta":{"content":""}}]}\n\n']
)
@pytest.mark.parametrize("thought", [0.05, 60.0])
async def test_a_request_cut_off_unanswered_may_have_been_worked_on(
    server: Provider, client: OpenAIClient, thought: float, begun: bytes | None
) -> None:
    """Its provider may bill it, unless it was cut off at once: caps count its worst case."""

    async def gone(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        if begun is not None:
            await answer.prepare(request)
            await answer.write(begun)
        await asyncio.sleep(0.1)
        assert request.transport is not None
        request.transport.close()
        return answer

    client._timeouts = Timeouts(thought=thought)
    server.handler = gone
    error = await failure(client, "gpt-4o")
    assert isinstance(error, ModelUnavailable)
    assert error.paid is (thought < 1)
    begins = begun is not None and b"choices" in begun  # its prompt was read
    assert (bool(error.spent), bool(error.used and error.used.input)) == (begins, begins)
    assert error.priced


async def test_the_tokens_of_half_an_answer_are_known_also_where_its_price_is_not(
    server: Provider, client: OpenAIClient
) -> None:
    server.handler = Provider.events(
        {"choices": [{"delta": {"content": "so many words " * 300}}]}, done=False
    )
    error = await failure(client)
    assert error.used is not None
    assert (error.used.input > 0, error.used.output > 600) == (True, True)
    assert (error.spent, error.priced) == (0.0, False)


class SlowToLoad(OpenAIClient):
    """Its package takes longer to load than a model would have to think to be paid."""

    async def _load(self, route: Route) -> None:
        await asyncio.sleep(0.3)


async def test_the_loading_of_a_package_is_no_time_to_think(server: Provider, tmp_path: Path) -> None:
    async def gone(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    server.handler = gone
    routes = Router(load_config(None, home=tmp_path, env={"OPENAI_BASE_URL": server.url}))
    slow = SlowToLoad(routes, timeouts=Timeouts(thought=0.25))
    error = await failure(slow)
    await slow.close()
    assert (error.cut, error.paid) == (True, False)


@pytest.mark.parametrize("sent", [True, False])
def test_what_was_never_sent_is_not_paid(tmp_path: Path, *, sent: bool) -> None:
    routes = Router(load_config(None, home=tmp_path, env={"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}))
    error = faults.silent(routes.route("tiny"), "sent nothing for 8 s", sent=sent)
    assert (error.silent, error.paid, error.cut) == (True, sent, sent)


@pytest.mark.parametrize(
    ("status", "paid"), [(500, False), (502, False), (503, False), (504, True), (524, True)]
)
async def test_a_gateway_that_gave_up_waiting_may_send_a_bill(
    server: Provider, client: OpenAIClient, status: int, *, paid: bool
) -> None:
    server.handler = Provider.status(status, "gateway timeout")
    assert (await failure(client)).paid is paid


async def test_what_the_body_of_an_error_says_of_money_counts(server: Provider, client: OpenAIClient) -> None:
    server.handler = Provider.status(500, {"error": {"message": "x"}, "usage": {"cost": 0.4}})
    assert (await failure(client)).spent == 0.4


async def test_a_refusal_with_a_bill_counts_in_the_answer_that_follows(
    server: Provider, client: OpenAIClient
) -> None:
    async def dear(request: web.Request) -> web.StreamResponse:
        said = {
            "error": {"message": "Unrecognized argument: stream_options", "code": 400},
            **usage(1, 1, cost=0.5),
        }
        refuse = Provider.events(said, done=False)
        return await (refuse if "stream_options" in server.bodies[-1] else Provider.say("fine"))(request)

    server.handler = dear
    first, then = [await ask(client) for _ in range(2)]
    assert (first.usd or 0.0) == pytest.approx((then.usd or 0.0) + 0.5)
    assert server.bodies[-1].get("max_completion_tokens", server.bodies[-1].get("max_tokens")) == 100
