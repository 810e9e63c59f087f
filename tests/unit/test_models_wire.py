"""The wire against servers and proxies that do with HTTP whatever they like."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from codebutler.config import load_config
from codebutler.errors import ConfigError, ModelError, ModelRefused, ModelUnavailable
from codebutler.models import breaks, reach
from codebutler.models.client import OpenAIClient
from codebutler.models.endpoints import Endpoint
from codebutler.models.routing import Route, Router
from codebutler.models.stream import Timeouts
from codebutler.testing.provider import Provider, piece
from codebutler.testing.raw import HEAD, Raw, chunked
from codebutler.types import ModelReply

QUICK = Timeouts(connect=3.0, first=1.0, silence=1.0)
SAID = [piece(content="fi"), piece(content="ne", finish="stop")]
EVENTS = [f"data: {json.dumps(p)}\n\n".encode() for p in SAID]


async def ask(url: str, home: Path, *, key: str = "canary-key-value", calls: int = 1) -> ModelReply:
    env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": key, "CODEBUTLER_MODEL": "tiny"}
    client = OpenAIClient(Router(load_config(None, home=home, env=env)), timeouts=QUICK)
    try:
        for _ in range(calls):
            reply = await client.complete(
                model="tiny", messages=[{"role": "user", "content": "x"}], tools=[], max_output=9, role="pm"
            )
        return reply
    finally:
        await client.close()


async def failure(url: str, home: Path, **more: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await ask(url, home, **more)
    assert "\n" not in str(caught.value)
    assert "canary-key-value" not in str(caught.value)
    assert len(str(caught.value)) < 700
    return caught.value


async def test_one_connection_serves_all_calls_and_a_failed_one_is_not_used_again(tmp_path: Path) -> None:
    seen: list[Any] = []
    async with Provider.run() as server:

        async def note(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            seen.append(request.transport.get_extra_info("peername"))
            return await Provider.say("fine")(request)

        server.handler = note
        await ask(server.url, tmp_path, calls=4)
    assert len(seen) == 4
    assert len(set(seen)) == 1


async def test_the_end_of_a_stream_may_stay_out(tmp_path: Path) -> None:
    async with Provider.run() as server:
        server.handler = Provider.events(*SAID, "data: [DONE]\n\n", hold=5)
        assert (await asyncio.wait_for(ask(server.url, tmp_path), 3)).content == "fine"


async def test_a_cut_at_every_byte_is_unavailable_and_never_a_short_answer(tmp_path: Path) -> None:
    whole = chunked(*EVENTS, b"data: [DONE]\n\n")
    told = whole.index(b'"stop"') + len(b'"stop"}]}\n\n')
    async with Raw.run() as server:
        for at in range(0, told, 3):
            server.answer = whole[:at]
            assert isinstance(await failure(server.url, tmp_path), ModelUnavailable), at
        server.answer = whole
        assert (await ask(server.url, tmp_path)).content == "fine"


async def test_a_reset_is_unavailable(tmp_path: Path) -> None:
    async with Raw.run(chunked(EVENTS[0], end=False)) as server:
        server.reset = True
        error = await failure(server.url, tmp_path)
    assert isinstance(error, ModelUnavailable)
    assert "broke the connection" in error.message


GOOD = b"".join(EVENTS)
PACKED = gzip.compress(GOOD)
ZIPPED = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"\r\n" + GOOD,
        HEAD + ZIPPED + PACKED,
        chunked(*(GOOD[i : i + 1] for i in range(len(GOOD)))),
        chunked(GOOD.replace(b"\n", b"\r\n"), b"data: [DONE]"),
        chunked(b": OPENROUTER PROCESSING\n\n", b"\n", GOOD),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + GOOD,
        b"HTTP/1.0 200 OK\r\n\r\n" + GOOD,
        b'HTTP/1.1 200 OK\r\n\r\n \n{"choices":[{"message":{"content":"fine"},"finish_reason":"stop"}]}',
    ],
    ids=[
        "until it closes",
        "gzip",
        "byte by byte",
        "CRLF",
        "comments",
        "no event stream",
        "HTTP/1.0",
        "whole",
    ],
)
async def test_one_answer_in_many_forms(answer: bytes, tmp_path: Path) -> None:
    async with Raw.run(answer) as server:
        assert (await ask(server.url, tmp_path)).content == "fine"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"", ModelUnavailable, "broke the connection"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", ModelUnavailable, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", ModelUnavailable, "broke the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{", ModelUnavailable, "not JSON"),
        (HEAD + b"Content-Length: 0\r\n\r\n", ModelUnavailable, "gave no answer"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\nnot gzip", ModelUnavailable, "broke the connection"),
        (chunked(b"data: \xff\xfe{\n\n"), ModelUnavailable, "not JSON"),
        (chunked(b"data: " + b"[" * 9000 + b"\n\n"), ModelUnavailable, "not JSON"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ModelUnavailable, "gave no answer"),
        (
            b"HTTP/1.1 200 OK\r\n\r\n<!doctype html><title>Sign\n in</title>",
            ModelRefused,
            "web page: Sign in",
        ),
        (
            b"HTTP/1.1 502 Bad\r\n\r\n<html><title>502 Bad&nbsp;Gateway</title><b>x</b>",
            ModelUnavailable,
            "problem (status 502): 502 Bad Gateway",
        ),
        (b"HTTP/1.1 403 No\r\n\r\n<html><script>x()</script><h1>Blocked</h1>", ModelRefused, "this: Blocked"),
        (
            b"HTTP/1.1 307 T\r\nLocation: https://u:p@evil.example/v1?x=1\r\n\r\n",
            ModelRefused,
            "elsewhere to evil.example",
        ),
        (b"HTTP/1.1 301 T\r\n\r\n", ModelRefused, "elsewhere (status 301)"),
        (b"HTTP/1.1 503 S\r\n\r\n" + b"x" * 200_000, ModelUnavailable, "problem (status 503): xxx"),
        (b"HTTP/1.1 400 B\r\n\r\ntiny does not support tools", ModelRefused, "tiny cannot call tools"),
        (b"HTTP/1.1 405 B\r\n\r\n", ModelRefused, "status 405"),
        (b"HTTP/1.1 425 B\r\n\r\n", ModelUnavailable, "status 425"),
    ],
)
async def test_what_is_no_answer_gets_its_own_words(
    answer: bytes, kind: type[ModelError], words: str, tmp_path: Path
) -> None:
    async with Raw.run(answer) as server:
        error = await failure(server.url, tmp_path)
        assert isinstance(error, kind)
        assert words in error.message
        assert len(server.heads) == 1, "the key went nowhere else, and nothing was asked again"


async def test_an_answer_without_end_is_ended(tmp_path: Path) -> None:
    async with Provider.run() as server:
        server.handler = Provider.events(*[piece(content="x" * 3_000_000)] * 12)
        error = await failure(server.url, tmp_path)
    assert isinstance(error, ModelRefused)
    assert "more than 32 MB" in error.message
    assert error.paid


async def test_a_key_with_a_line_break_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with Provider.run() as server:
        with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
            await failure(server.url, tmp_path, key="canary\r\nX: y")
        assert server.headers == []


async def test_plain_http_where_tls_is_expected(tmp_path: Path) -> None:
    async with Raw.run(b"HTTP/1.1 400 Bad\r\n\r\n") as server:
        error = await failure(server.url.replace("http:", "https:"), tmp_path)
    assert isinstance(error, ModelUnavailable)
    assert "cannot be reached" in error.message


PROXIES = {
    "HTTP_PROXY": "http://user:pa55@plain.example:1",
    "HTTPS_PROXY": "tls.example:2",
    "NO_PROXY": "localhost,.inner.example,10.0.0.1:8080",
}


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://model.example/v1", PROXIES["HTTP_PROXY"]),
        ("https://model.example/v1", "http://tls.example:2"),
        ("http://localhost:11434/v1", None),
        ("https://a.inner.example/v1", None),
        ("http://10.0.0.1:8080/v1", None),
        ("http://10.0.0.1:8081/v1", PROXIES["HTTP_PROXY"]),
    ],
)
def test_which_proxy_is_asked(monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None) -> None:
    for name, value in PROXIES.items():
        monkeypatch.setenv(name, value)
    assert reach.proxy_for(url) == proxy
    assert reach.shown(PROXIES["HTTP_PROXY"]) == "plain.example:1"


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:pa55@127.0.0.1:1080")
    with pytest.raises(ConfigError, match="a socks5 proxy") as caught:
        reach.proxy_for("https://model.example/v1")
    assert "pa55" not in str(caught.value)


async def test_a_proxy_is_used_and_its_failures_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with Raw.run(chunked(*EVENTS)) as proxy:
        address = f"127.0.0.1:{proxy.port}"
        monkeypatch.setenv("HTTP_PROXY", f"http://user:pa55@{address}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pa55@{address}")
        assert (await ask("http://model.invalid/v1", tmp_path)).content == "fine"
        assert proxy.heads[0].startswith(b"POST http://model.invalid/v1/chat/completions ")
        assert b"Proxy-Authorization: Basic" in proxy.heads[0]
        proxy.answer = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
        error = await failure("https://model.invalid/v1", tmp_path)
        assert isinstance(error, ModelUnavailable)
        assert f"the proxy {address} says: status 407" in error.message
        assert "pa55" not in str(error)
    error = await failure("http://model.invalid/v1", tmp_path)
    assert "the proxy" in error.message


def test_the_certificates_of_the_system_or_of_the_person(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert reach.trust().verify_mode is ssl.CERT_REQUIRED
    assert reach.trust().get_ca_certs()
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    assert reach.trust().get_ca_certs() == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (aiohttp.ConnectionTimeoutError(), "no connection within 3 s"),
        (aiohttp.InvalidURL("x"), "its address is not one"),
        (aiohttp.ServerDisconnectedError(), "broke the connection"),
        (ConnectionResetError(104, "Connection reset by peer"), "broke the connection"),
        (TimeoutError("sent nothing for 3 s"), "sent nothing for 3 s"),
    ],
)
def test_the_words_for_what_aiohttp_raises(error: Exception, words: str) -> None:
    route = Route(Endpoint("compatible", "the server", "http://x/v1"), "tiny", "tiny")
    with pytest.raises(ModelUnavailable) as caught, breaks.translated(route, 3.0, None, asyncio.Event()):
        raise error
    assert words in caught.value.message
