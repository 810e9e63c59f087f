"""Words of servers that are made to be slow to read, or to show what must not be shown."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from codebutler.config import load_config
from codebutler.errors import ModelUnavailable
from codebutler.models import faults, sayings
from codebutler.models.assemble import Assembler
from codebutler.models.client import OpenAIClient
from codebutler.models.foreignfaults import translated
from codebutler.models.lenient import loads
from codebutler.models.overheard import Overheard
from codebutler.models.routing import Route, Router
from codebutler.testing.provider import Provider, piece
from codebutler.types import Message

KEY = "sk-canary-0123456789abcdef"
ASK: list[Message] = [{"role": "user", "content": "hello"}]
DIGITS = "9" * 5_000
"""More than Python takes for an integer of its own accord."""


@pytest.fixture
def route(tmp_path: Path) -> Route:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": KEY}
    return Router(load_config(None, home=tmp_path, env=env)).route("tiny")


@pytest.mark.parametrize("tag", ["<title", "<script>", "<style ", "<title >", "<"])
def test_a_page_of_nothing_but_tags_is_read_at_once(tag: str) -> None:
    """Not within the two minutes of a test otherwise: each tag looked for its end through all the rest."""
    assert sayings.page_text(tag * 2_000_000).strip() == ""


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (
            400,
            {"message": "Failed to call a function. Please adjust your prompt.", "code": "tool_use_failed"},
        ),
        (500, {"message": "error parsing tool call: raw='{\"path', err=unexpected end of JSON input"}),
        (500, {"message": "Failed to parse input at pos 0: <tool_call>"}),
    ],
)
def test_a_call_that_came_out_crooked_may_be_asked_for_again(
    route: Route, status: int, error: dict[str, str]
) -> None:
    told = faults.from_status(status, {"error": error}, {}, route)
    assert isinstance(told, ModelUnavailable)
    assert told.answered
    assert "could not read the tool call of tiny" in told.message


def test_a_page_says_its_title_or_its_text_without_programs() -> None:
    assert sayings.page_text("<html><TITLE class=x>Log &amp; in</title>") == "Log & in"
    page = "<p>One<script>if (a<b) {}</script> two<style>p {}</style> three<script>and the rest"
    assert sayings.page_text(page).split() == ["One", "two", "three"]


@pytest.mark.parametrize("blanks", [0, 300, sayings._LOOKED - 40, sayings._LOOKED - len(KEY) + 6])
@pytest.mark.parametrize("rest", ["", " the rest" * 2_000_000])
@pytest.mark.parametrize("key", [KEY, f"{KEY[:9]}\u200b{KEY[9:]}", f"{KEY[:15]}\x00{KEY[15:]}"])
def test_a_key_is_shown_neither_whole_nor_in_part(route: Route, blanks: int, rest: str, key: str) -> None:
    shown = sayings.one_line(" " * blanks + key + rest, route.endpoint)
    assert not {"01234", "56789", "cdef"} & {shown[at : at + n] for at in range(len(shown)) for n in (4, 5)}
    assert len(shown) <= 400
    assert shown.isprintable()


NOT_WHOLE = [
    *[(said, "length") for said in ("LENGTH", "max_tokens", "MAX_TOKENS", "model_length")],
    *[(said, "content_filter") for said in ("SAFETY", "RECITATION", "sensitive")],
    *[(said, "error") for said in ("insufficient_system_resource", "abort", "network_error", "error")],
]
"""Servers' words for the end of an answer that is not whole, and ours."""


def test_codes_and_ends_of_answers_are_bounded(route: Route) -> None:
    code, _ = sayings.read({"error": {"code": "x" * 8_000_000, "message": "no"}}, route.endpoint)
    assert len(code) <= 100
    assert faults.status_in({"code": "000000500" + "0" * 8_000}) == 0
    assert faults.status_in({"code": "429"}) == 429
    odd = [("stop", "stop"), ("x" * 3_000_000, "unknown"), ("st\x1bop", "unknown"), ("", "")]
    for reason, end in odd + NOT_WHOLE:
        told = Assembler()
        told.feed(piece(content="hi", finish=reason))
        assert told.finish == end


@pytest.mark.parametrize("body", [f'{{"n": {DIGITS}}}', f"[1, 2.5, -{DIGITS}]"])
def test_an_endless_number_is_infinite(body: str) -> None:
    assert "inf" in str(loads(body))
    assert loads('{"n": [1, 12]}') == {"n": [1, 12]}
    for broken in ("{", "nonsense", f'{{"n": {DIGITS}'):
        with pytest.raises(ValueError, match=r"Expecting|Exceeds"):
            loads(broken)


async def test_an_endless_number_does_not_cost_the_answer(server: Provider, client: OpenAIClient) -> None:
    event = f'{{"choices": [{{"index": 0, "delta": {{"content": "hi"}}}}], "created": {DIGITS}}}'
    end = '{"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 12}}'
    text = "".join(f"data: {each}\n\n" for each in (event, end, "[DONE]"))
    server.handler = Provider.status(200, text)
    reply = await client.complete(model="tiny", messages=ASK, tools=[], max_output=100, role="pm")
    assert (reply.content, reply.usage.input) == ("hi", 12)


@pytest.mark.parametrize(("error", "kind"), [
    (httpx.ProxyError("403 Forbidden"), "cannot be reached"), (httpx.ConnectError("x"), "cannot be reached"),
    (httpx.ReadError("x"), "broke the connection"),
])  # fmt: skip
def test_what_a_proxy_refused_never_left_the_host(route: Route, error: Exception, kind: str) -> None:
    heard = Overheard()
    heard.sent = True
    found = translated(error, route, heard)
    assert isinstance(found, ModelUnavailable)
    assert kind in found.message
    assert found.cut is (kind == "broke the connection")
