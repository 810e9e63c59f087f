"""The openai package judges our chat requests: both clients send what matters in the same form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from codebutler.config import load_config
from codebutler.models.client import OpenAIClient
from codebutler.models.routing import Router
from codebutler.testing.provider import Provider

CALL = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": '{"path": "ä"}'}}
MESSAGES: Any = [
    {"role": "system", "content": "You are the PM.\n\u2028 Grüße 🦋"},
    {"role": "user", "content": [{"type": "text", "text": "look"}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": 'a "quoted" \\ line\x00'},
]
TOOLS: Any = [{"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}]


async def test_the_openai_package_sends_the_same(tmp_path: Path) -> None:
    async with Provider.run() as server:
        env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k", "CODEBUTLER_MODEL": "tiny"}
        ours = OpenAIClient(Router(load_config(None, home=tmp_path, env=env)))
        await ours.complete(model="tiny", messages=MESSAGES, tools=TOOLS, max_output=9, role="pm")
        await ours.close()
        async with AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as theirs:
            stream = await theirs.chat.completions.create(
                model="tiny",
                messages=MESSAGES,
                tools=TOOLS,
                max_tokens=9,
                stream=True,
                stream_options={"include_usage": True},
            )
            async for _ in stream:
                pass
    assert server.bodies[0] == server.bodies[1]
    for name in ("Authorization", "Content-Type"):
        assert server.headers[0][name] == server.headers[1][name]
    assert server.headers[0]["Content-Length"] == server.headers[1]["Content-Length"], "byte for byte as long"
