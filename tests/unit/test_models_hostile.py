"""Providers that lie, babble or hang: whatever they do, people read what it was, and no secret of theirs."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from codebutler.config import load_config
from codebutler.errors import ContextTooLong, ModelError, ModelRefused, ModelUnavailable
from codebutler.models import catalogue
from codebutler.models.client import OpenAIClient
from codebutler.models.routing import Router
from codebutler.models.stream import Timeouts
from codebutler.testing.provider import Provider, piece, usage
from codebutler.types import ModelReply

KEY = "sk-canary-0123456789abcdef"
GPT = "openai/gpt-4o-mini"
QUICK = Timeouts(connect=3.0, first=1.0, silence=1.0, late=0.1)


async def ask(server: Provider, home: Path) -> ModelReply:
    env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY, "CODEBUTLER_MODEL": GPT}
    asking = OpenAIClient(Router(load_config(None, home=home, env=env)), timeouts=QUICK)
    try:
        message = {"role": "user", "content": "x"}
        return await asking.complete(model=GPT, messages=[message], tools=[], max_output=9, role="pm")
    finally:
        await asking.close()


async def failure(server: Provider, home: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await ask(server, home)
    assert KEY not in str(caught.value)
    assert str(caught.value).isprintable()
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        ({"code": "401", "message": "no"}, ModelRefused, "does not accept the API key: no"),
        ({"type": "authentication_error", "message": "no"}, ModelRefused, "does not accept the API key"),
        ({"code": "invalid_api_key"}, ModelRefused, "does not accept the API key"),
        ({"type": "insufficient_quota", "message": "pay"}, ModelRefused, "no credit left: pay"),
        ({"type": "permission_error", "message": "no"}, ModelRefused, "does not allow this"),
        ({"type": "NotFoundError", "message": "no"}, ModelRefused, "knows neither"),
        ({"type": "rate_limit_error", "message": "slow"}, ModelUnavailable, "limits how often"),
        ({"type": "overloaded_error", "message": "busy"}, ModelUnavailable, "has a problem"),
        ({"code": "context_length_exceeded", "type": "invalid_request_error"}, ContextTooLong, "too long"),
        ({"code": 40301, "message": f"odd {KEY}"}, ModelUnavailable, "an error: odd [redacted]"),
        ({"code": True, "message": "odd \x1b[2J\u202e"}, ModelUnavailable, "an error: odd"),
        ("out of order", ModelUnavailable, "answered with an error: out of order"),
        (["x"], ModelUnavailable, "answered with an error"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_error_under_status_200_is_the_one_that_it_names(  # noqa: PLR0917 - parameters of the table
    server: Provider, tmp_path: Path, error: Any, kind: type[ModelError], words: str, streamed: bool
) -> None:
    body = {"error": error}
    server.handler = Provider.events(body) if streamed else Provider.status(200, body)
    caught = await failure(server, tmp_path)
    assert type(caught) is kind
    assert words in caught.message
    assert "status 500" not in caught.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"object": "error", "message": "gone", "code": 404}, "knows neither"),
        ({"detail": "Unauthorized"}, 'no answer, but this: {"detail": "Unauthorized"}'),
        ({"success": False, "message": f"quota of {KEY}"}, "quota of [redacted]"),
        ("Service is busy.\nCome back", "no answer, but this: Service is busy. Come back"),
        ("[]", "no answer, but this: []"),
        ('"busy"', "busy"),
        ("x" * 100_000, "xxx…"),
        ({}, "gave no answer"),
        ('event: error\ndata: {"message": "overloaded"}\n\n', '{"message": "overloaded"}'),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_came_in_place_of_a_reply_is_quoted(
    server: Provider, tmp_path: Path, body: Any, words: str
) -> None:
    server.handler = Provider.status(200, body)
    caught = await failure(server, tmp_path)
    assert words in caught.message
    assert len(str(caught)) < 700


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"message": "Provider returned error", "metadata": {"raw": "limited upstream"}}, "limited upstream"),
        ({"message": "x", "metadata": {"raw": '{"error": {"message": "model cold"}}'}}, "x: model cold"),
        ({"message": "x", "metadata": {"raw": '{"error": "asleep"}'}}, "x: asleep"),
        ({"message": "x", "metadata": {"raw": f"[1, {KEY}"}}, "x: [1, [redacted]"),
        ({"message": "x", "metadata": {"raw": 7}}, "problem (status 502): x"),
        ({"errors": [{"message": "bad field"}]}, "bad field"),
    ],
    ids=repr,
)
async def test_what_stands_deeper_in_an_error_is_told(
    server: Provider, tmp_path: Path, error: Any, words: str
) -> None:
    server.handler = Provider.status(502, {"error": error} if "errors" not in error else error)
    assert words in (await failure(server, tmp_path)).message


async def test_the_mark_of_the_end_finishes_a_reply_that_says_nothing_of_it(
    server: Provider, tmp_path: Path
) -> None:
    server.handler = Provider.events(piece(content="fine"), usage(5, 1), "data: [DONE]\n\n")
    assert (await ask(server, tmp_path)).content == "fine"
    half = {"index": 0, "id": "a", "function": {"name": "read", "arguments": '{"pa'}}
    server.handler = Provider.events(piece(tool_calls=[half]), usage(5, 1), "data: [DONE]\n\n")
    assert "broke off in the middle" in (await failure(server, tmp_path)).message


async def test_a_finished_reply_needs_no_end(server: Provider, tmp_path: Path) -> None:
    """A server that says nothing more and stays on the line would else be asked again and again."""
    server.handler = Provider.events(piece(content="fine", finish="stop"), usage(5, 1), hold=20)
    reply = await ask(server, tmp_path)
    assert (reply.content, reply.usage.input) == ("fine", 5)
    server.handler = Provider.events(piece(content="fi"), hold=20)
    assert "fell silent" in (await failure(server, tmp_path)).message


async def test_a_bill_that_cannot_be_is_replaced_by_ours(server: Provider, tmp_path: Path) -> None:
    server.handler = Provider.events(piece(content="x", finish="stop"), usage(10**18, 1, cost=1e99))
    reply = await ask(server, tmp_path)
    assert reply.usd is not None
    assert 0 < reply.usd < 0.001


async def test_a_list_of_models_that_drips_is_not_waited_for(tmp_path: Path) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    app = web.Application()
    app.router.add_get("/v1/models", drip)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told = await catalogue.ask(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", "", seconds=1.0)
    await runner.cleanup()
    assert (told.state, told.detail) == ("unreachable", "its list of models comes too slowly")


async def test_ids_that_nobody_can_read_are_no_models(server: Provider, tmp_path: Path) -> None:
    ids = ["good", "\x1b[2Jbad", "a\nb", "x" * 300, "", 7, "also/good"]
    server.models = {"data": [{"id": each} for each in ids]}
    assert (await catalogue.ask(server.url, "")).ids == ("good", "also/good")


@pytest.mark.parametrize(
    ("sent", "usd"),
    [
        ([], 0.0),
        ([piece(role="assistant")], 0.0),
        ([piece(content="x" * 36_000)], 10_000 * 0.6e-6),
        ([piece(reasoning="x" * 36_000)], 10_000 * 0.6e-6),
        ([piece(tool_calls=[{"function": {"name": "a", "arguments": "x" * 36_000}}])], 10_000 * 0.6e-6),
        ([piece(content="x"), usage(100_000, 1_000)], 0.015 + 1_000 * 0.6e-6),
        ([usage(100_000, 1_000)], 0.015 + 1_000 * 0.6e-6),
        ([usage(0, 0)], 0.0),
        ([{**piece(content="x"), "error": {"code": 502}, "usage": {"cost": 0.25}}], 0.25),
        ([piece(content="x"), usage(9, 9, cost=0.25)], 0.25),
    ],
    ids=[
        "nothing",
        "a role",
        "words",
        "thoughts",
        "a call",
        "its count",
        "a count alone",
        "zeros",
        "an error with a bill",
        "its bill",
    ],
)
async def test_an_answer_that_breaks_off_is_paid_for_as_far_as_it_came(
    server: Provider, tmp_path: Path, sent: list[Any], usd: float
) -> None:
    server.handler = Provider.events(*sent, done=False)
    assert (await failure(server, tmp_path)).spent == pytest.approx(usd, abs=1e-5)


async def test_a_server_that_lets_nobody_in_is_not_paid(tmp_path: Path) -> None:
    with socket.socket() as door, socket.socket() as one, socket.socket() as two:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for visitor in (one, two):  # they fill its queue: whoever comes after them is not heard
            visitor.setblocking(False)
            visitor.connect_ex(door.getsockname())
        provider = Provider()
        provider.url = f"http://127.0.0.1:{door.getsockname()[1]}/v1"
        error = await failure(provider, tmp_path)
    assert isinstance(error, ModelUnavailable)
    assert (error.silent, error.paid) == (True, False)
