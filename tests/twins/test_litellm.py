"""litellm against twins: Anthropic's own messages, and an OpenAI-compatible server by its address."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from codebutler.errors import ContextTooLong, ModelRefused, ModelUnavailable
from codebutler.models.foreign import Client, load
from codebutler.models.stream import Timeouts
from codebutler.testing.anthropic import Anthropic, text, thought, use
from codebutler.testing.provider import Provider, piece, usage
from codebutler.testing.raw import HEAD, Raw
from codebutler.types import Message, ModelReply, Usage

pytestmark = pytest.mark.filterwarnings("ignore")  # the package's own warnings are not ours to mend
CLAUDE = "litellm/anthropic/claude-sonnet-4-5"
ASK: list[Message] = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
TOOL = {
    "type": "function",
    "function": {"name": "read", "description": "Read.", "parameters": {"type": "object", "properties": {}}},
}
MODELS = ["anthropic/claude-sonnet-4-5", "openai/gpt-4o-mini", "gemini/gemini-2.5-pro", "ollama/x"]


@pytest.fixture
async def twin() -> AsyncIterator[Anthropic]:
    async with Anthropic.run() as server:
        yield server


Make = Callable[..., Client]


@pytest.fixture
def make(litellm_client: Make) -> Make:
    return litellm_client


async def call(client: Client, **more: Any) -> ModelReply:
    given = {"model": CLAUDE, "messages": ASK, "tools": [TOOL], "max_output": 100, "role": "pm", **more}
    return await client.complete(**given)


async def test_anthropics_own_dialect(twin: Anthropic, make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """Thought with its signature, text in pieces, two calls, what it cost; and all of it sent back."""
    client = make(anthropic={"apiKey": "canary-key-value", "baseUrl": twin.url})
    twin.blocks = [
        thought("Let me look.", "c2ln"),
        text("Hi"),
        use("read", "toolu_1", '{"path": "ä.py"}'),
        use("read", "toolu_2", "{}"),
    ]
    twin.stop = "tool_use"
    heard: list[str] = []

    async def hear(words: str) -> None:
        heard.append(words)

    reply = await call(client, on_text=hear)
    words = [piece for piece in heard if piece]
    assert (reply.content, words, reply.finish, reply.model) == ("Hi", ["H", "i"], "tool_calls", CLAUDE)
    assert len(heard) > len(words), "thoughts and calls are heard of, too"
    assert [(c.id, c.name, c.arguments) for c in reply.tool_calls] == [
        ("toolu_1", "read", '{"path": "ä.py"}'),
        ("toolu_2", "read", "{}"),
    ]
    assert reply.usage == Usage(input=140, output=30, cached=80, written=40)
    assert reply.usd == pytest.approx((20 * 3.0 + 80 * 0.3 + 40 * 3.75 + 30 * 15.0) / 1e6)
    block = {"type": "thinking", "thinking": "Letmelook.", "signature": "c2ln"}
    assert reply.reasoning == {"reasoning_content": "Letmelook.", "thinking_blocks": [block]}
    assert twin.headers[0]["x-api-key"] == "canary-key-value"

    said = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
        for c in reply.tool_calls
    ]
    answer: Message = {"role": "assistant", "content": reply.content, "tool_calls": said, **reply.reasoning}
    results = [{"role": "tool", "tool_call_id": c.id, "content": "text"} for c in reply.tool_calls]
    await call(client, messages=[*ASK, answer, *results])
    sent = twin.bodies[1]
    assert sent["messages"][1]["content"][0] == block
    assert [c["type"] for c in sent["messages"][2]["content"]] == ["tool_result", "tool_result"]
    assert sent["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert [m["role"] for m in sent["messages"]] == ["user", "assistant", "user"]
    assert capfd.readouterr() == ("", "")
    assert sys.modules["litellm"].litellm_mode == "PRODUCTION"  # else it reads the folder's .env, on loading


async def test_pictures_reach_it(twin: Anthropic, make: Make) -> None:
    client = make(anthropic={"apiKey": "canary-key-value", "baseUrl": twin.url})
    shown = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    await call(client, messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, shown]}])
    source = twin.bodies[0]["messages"][0]["content"][1]["source"]
    assert source == {"type": "base64", "media_type": "image/png", "data": "aGk="}


@pytest.mark.parametrize(
    ("status", "kind", "said", "error", "words"),
    [
        (401, "authentication_error", "invalid x-api-key", ModelRefused, "does not accept the API key"),
        (404, "not_found_error", "model: claude-x", ModelRefused, "claude"),
        (400, "invalid_request_error", "prompt is too long: 300000 tokens", ContextTooLong, "too long"),
        (400, "invalid_request_error", "Your credit balance is too low (billing)", ModelRefused, "no credit"),
        (413, "request_too_large", "Request exceeds the maximum size", ContextTooLong, "too long"),
        (429, "rate_limit_error", "slow down", ModelUnavailable, "limits how often"),
        (500, "api_error", "oops", ModelUnavailable, "has a problem"),
        (529, "overloaded_error", "Overloaded", ModelUnavailable, "Overloaded"),
    ],
)
async def test_each_failure_in_our_words(  # noqa: PLR0917 - parameters of the table
    twin: Anthropic, make: Make, status: int, kind: str, said: str, error: type[Exception], words: str
) -> None:
    client = make(anthropic={"apiKey": "canary-key-value", "baseUrl": twin.url})
    twin.error, twin.error_headers = (status, kind, said), {"retry-after": "7"}
    with pytest.raises(error, match=words) as caught:
        await call(client)
    assert "litellm." not in str(caught.value).replace("litellm.anthropic.apiKey", "")
    assert "b'" not in str(caught.value)
    if status == 429:
        assert getattr(caught.value, "retry_after", None) == 7.0


WHOLE = [thought("Well.", "c2ln"), text("Hi"), use("read", "toolu_1", '{"a":1}')]


async def test_a_stream_that_is_cut_anywhere_is_unavailable(twin: Anthropic, make: Make) -> None:
    """Never a short answer, nor half a call: between any two events, and within each."""
    client = make(anthropic={"apiKey": "canary-key-value", "baseUrl": twin.url})
    twin.blocks, twin.stop = WHOLE, "tool_use"
    sizes = list(itertools.accumulate(map(len, twin.stream)))
    for at in (0, *(size - 9 * (n % 2) for n, size in enumerate(sizes[:-2]))):
        twin.kept = at
        with pytest.raises(ModelUnavailable) as caught:
            await call(client)
    assert 0 < caught.value.spent < 0.01, "providers bill half an answer, too"
    twin.kept = None
    assert [c.arguments for c in (await call(client)).tool_calls] == ['{"a":1}']


async def test_a_stream_that_falls_silent_anywhere_is_unavailable(twin: Anthropic, make: Make) -> None:
    client = make(anthropic={"apiKey": "canary-key-value", "baseUrl": twin.url})
    client._timeouts = Timeouts(connect=5.0, first=0.3, silence=0.05)
    twin.blocks, twin.stop, twin.hold = WHOLE, "tool_use", 30.0
    for count in range(len(twin.stream) - 2):
        twin.kept = None
        twin.kept = sum(map(len, twin.stream[:count]))
        with pytest.raises(ModelUnavailable, match=r"sent nothing|fell silent"):
            await call(client)


async def test_a_server_that_is_not_there(make: Make) -> None:
    client = make(anthropic={"apiKey": "canary-key-value", "baseUrl": "http://127.0.0.1:9"})
    with pytest.raises(ModelUnavailable, match=r"anthropic \(litellm\)"):
        await call(client)


@pytest.mark.parametrize("model", MODELS)
async def test_a_request_whose_answer_is_lost_is_not_sent_again(make: Make, model: str) -> None:
    """It may have been paid for: whether to send it again is for our own retries to say."""
    async with Raw.run(HEAD[:9]) as server:
        client = make(**{model.partition("/")[0]: {"apiKey": "canary-key-value", "baseUrl": server.url}})
        for server.reset in (True, False):
            with pytest.raises(ModelUnavailable):
                await call(client, model=f"litellm/{model}", tools=[])
        assert [head.split(b" ")[0] for head in server.heads] == [b"POST"] * 2


@pytest.mark.parametrize("model", MODELS)
async def test_a_redirect_takes_neither_key_nor_prompt_along(make: Make, model: str) -> None:
    """Of no provider: each has another client inside the package."""
    arrived: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        arrived.append(request.path)
        if "elsewhere" in request.path:
            return web.json_response({}, status=400)
        return web.Response(status=307, headers={"Location": f"http://localhost:{port}/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        base = {"apiKey": "canary-key-value", "baseUrl": f"http://127.0.0.1:{port}"}
        for _ in range(2):  # a client that was closed is replaced by one that stays, too
            client = make(**{model.partition("/")[0]: base})
            with pytest.raises(ModelRefused, match=r"sends us elsewhere to localhost.*not taken there"):
                await call(client, model=f"litellm/{model}", tools=[])
            await client.close()
    finally:
        await runner.cleanup()
    assert len(arrived) == 2


async def test_a_provider_that_cannot_be_kept_from_redirects_is_refused(make: Make) -> None:
    with pytest.raises(ModelRefused, match="follows redirects"):
        await call(make(aiohttp_openai={"apiKey": "canary-key-value"}), model="litellm/aiohttp_openai/x")


async def test_what_a_person_gets_wrong(make: Make) -> None:
    client = make()
    with pytest.raises(ModelRefused, match=r"has no API key.*litellm\.anthropic\.apiKey"):
        await call(client)
    with pytest.raises(ModelRefused, match="litellm knows no provider nonsense"):
        await call(make(nonsense={"apiKey": "canary-key-value"}), model="litellm/nonsense/x")
    with pytest.raises(ModelRefused, match="names no provider"):
        await call(client, model="litellm/x")


async def test_an_openai_compatible_server_by_its_address(make: Make) -> None:
    async with Provider.run() as server:
        client = make(hosted_vllm={"apiKey": "canary-key-value", "baseUrl": server.url})
        call_piece = {"index": 0, "id": "c1", "function": {"name": "read", "arguments": '{"path": "a"}'}}
        server.handler = Provider.events(
            piece(reasoning_content="Hm."),
            piece(tool_calls=[call_piece]),
            piece(finish="tool_calls"),
            usage(50, 5),
        )
        reply = await call(client, model="litellm/hosted_vllm/tiny")
        assert [(c.name, c.arguments) for c in reply.tool_calls] == [("read", '{"path": "a"}')]
        assert (reply.usage.input, reply.usd, reply.reasoning) == (50, None, {"reasoning_content": "Hm."})
        assert server.bodies[0]["model"] == "tiny"
        assert "cache_control" not in json.dumps(server.bodies[0])
        assert server.headers[0]["Authorization"] == "Bearer canary-key-value"


async def test_no_vocabulary_is_fetched_for_what_llama_wrote(
    make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    """The package would ask a public hub for it at each call, and wait half a minute without a net."""
    async with Provider.run() as server:
        client = make(groq={"apiKey": "canary-key-value", "baseUrl": server.url})
        server.handler = Provider.events(piece(content="Hi"), piece(finish="stop"), usage(50, 5))
        reply = await call(client, model="litellm/groq/llama-3.3-70b-versatile")
    litellm = await load(CLAUDE)
    assert (reply.content, reply.usage.input) == ("Hi", 50)
    assert litellm.utils._select_tokenizer("meta-llama/Llama-3.3-70b")["type"] == "openai_tokenizer"
    assert "Retry" not in "".join(capfd.readouterr())


def test_without_the_package_the_command_is_named() -> None:
    """In a process of its own, where an import of it finds nothing."""
    code = (
        "import asyncio, sys; sys.modules['litellm'] = None\n"
        "from codebutler.models.foreign import load\n"
        "try: asyncio.run(load('litellm/anthropic/x'))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "ModelRefused litellm/anthropic/x needs the litellm package, which is not installed. "
        "pip install 'codebutler[litellm]'"
    )
