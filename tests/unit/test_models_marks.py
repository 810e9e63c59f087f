"""Prompt-cache marks: on whom, where, and that the transcript itself never changes by them."""

from __future__ import annotations

import copy
import json
from itertools import pairwise

import pytest

from codebutler.models.endpoints import Endpoint
from codebutler.models.marks import marked
from codebutler.models.routing import Route
from codebutler.types import Json, Message

SYSTEM = {"role": "system", "content": "you are the PM"}
CALL = {"id": "a", "type": "function", "function": {"name": "read", "arguments": "{}"}}
TALK: list[Message] = [
    SYSTEM,
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "a", "content": "text"},
    {"role": "assistant", "content": "So."},
    {"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "text", "text": "that"}]},
]


def route(kind: str = "openrouter", model: str = "anthropic/claude-sonnet-4.5") -> Route:
    given: Json = {"kind": kind, "label": "it", "base_url": "http://127.0.0.1:9"}
    return Route(Endpoint(**given), model, model)


def places(messages: list[Message]) -> list[int]:
    return [n for n, m in enumerate(messages) if "cache_control" in json.dumps(m)]


@pytest.mark.parametrize("kind", ["openrouter", "litellm"])
def test_system_and_the_last_two_that_the_role_reads_are_marked(kind: str) -> None:
    before = copy.deepcopy(TALK)
    sent = marked(route(kind), TALK)
    assert places(sent) == [0, 3, 5]
    assert sent[3]["content"] == [{"type": "text", "text": "text", "cache_control": {"type": "ephemeral"}}]
    assert [list(p) for p in sent[5]["content"]] == [["type", "text"], ["type", "text", "cache_control"]]
    assert before == TALK


@pytest.mark.parametrize(
    ("kind", "model"),
    [("openrouter", "moonshotai/kimi-k2"), ("compatible", "anthropic/claude-x"), ("openai", "gpt-4.1"),
     ("litellm", "gemini/gemini-2.5-pro")],
)  # fmt: skip
def test_nobody_else_gets_marks(kind: str, model: str) -> None:
    sent = marked(route(kind, model), TALK)
    assert all(a is b for a, b in zip(sent, TALK, strict=True))


def plain(message: Message) -> list[Json]:
    """The content's parts without marks."""
    content = message["content"]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return [{key: value for key, value in part.items() if key != "cache_control"} for part in parts]


def test_without_marks_each_request_is_a_prefix_of_the_next() -> None:
    sent = [marked(route(), TALK[: n + 1]) for n in range(len(TALK))]
    texts = [json.dumps([plain(message) for message in messages]) for messages in sent]
    assert all(after.startswith(before[:-1]) for before, after in pairwise(texts))


def test_at_most_four_marks_as_anthropic_allows() -> None:
    many = [SYSTEM, *({"role": "user", "content": str(n)} for n in range(50))]
    assert len(places(marked(route(), many))) == 3
