"""Clearing: what old calls brought gives way to its ends, long before the model's window is full.

Each step sends the whole transcript again. An old result that is shortened costs what stands behind it once
at the full price, for a provider's prompt cache ends there, and saves its tokens at every later step: so many
go at once, and seldom. What a role, a person or a colleague said, and every call, stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codebutler.agent.frame import Frame
from codebutler.agent.thinking import Thinking
from codebutler.events import ResultsCleared
from codebutler.types import Message

AGAIN = frozenset({"read", "bash", "grep", "glob", "git_diff", "git_log"})
"""Tools whose old results a role can do without: it can look again, and the files have changed since."""
FRESH = 32_000
"""Characters of the newest such results that stay whole: some 8,000 tokens, ten calls or more."""
WORTH = 48_000
"""Characters that must go for a clearing to be worth it, some 12,000 tokens: fifteen steps pay for it."""
ENDS = 400
"""Characters that stay of each; one of twice as many is left alone."""


async def clear(frame: Frame, place: Thinking) -> None:
    """Shorten the old results in ``frame``, once enough of them have gathered."""
    fresh, gone, old = 0, 0, list[int]()
    for n, size in reversed(list(_results(frame.messages))):
        if fresh < FRESH:
            fresh += size
        elif size > 2 * ENDS:
            gone += size - ENDS
            old.append(n)
    if gone >= WORTH:
        await place.append(ResultsCleared(frame=frame.id, messages=old[::-1], kept=ENDS))


def _results(messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
    """Where the results of such tools stand, and their sizes in characters."""
    names: dict[str, str] = {}  # of the step: some models use an id again in the next one
    for n, message in enumerate(messages):
        if message["role"] == "assistant":
            names = {c["id"]: c["function"]["name"] for c in message.get("tool_calls") or ()}
        elif message["role"] == "tool" and names.get(message["tool_call_id"]) in AGAIN:
            yield n, len(message["content"])
