"""Prompt-cache marks: Anthropic keeps a prompt only up to the places that a request marks.

Marks are put on copies as a request goes out, on the system prompt and on the last two messages that people,
tools or the role wrote: the transcript itself stays as it is, and without its marks request k is a prefix of
request k+1. Other providers keep prompts by themselves and get no marks.
"""

from __future__ import annotations

from collections.abc import Sequence

from codebutler.models.quirks import DIALECTS
from codebutler.models.routing import Route
from codebutler.types import Json, Message

LAST = 2
"""Messages at the end that are marked: the end of this request, and where the one before it ended."""
_MARK = {"type": "ephemeral"}


def wants_marks(route: Route) -> bool:
    """Whether the model's provider keeps prompts by marks."""
    name = DIALECTS[route.endpoint.kind].marks
    return bool(name) and name in route.model.lower()


def marked(route: Route, messages: Sequence[Message]) -> list[Message]:
    """``messages`` with marks where the provider wants them."""
    given = list(messages)
    if not wants_marks(route):
        return given
    places = {n for n, m in enumerate(given[:1]) if m["role"] == "system"}
    able = [n for n, m in enumerate(given) if m["role"] in {"user", "tool"} and m.get("content")]
    for place in places | set(able[-LAST:]):
        given[place] = _with_mark(given[place])
    return given


def _with_mark(message: Message) -> Message:
    content = message["content"]
    parts: list[Json] = (
        [{"type": "text", "text": content}] if isinstance(content, str) else [dict(p) for p in content]
    )
    parts[-1]["cache_control"] = dict(_MARK)
    return {**message, "content": parts}
