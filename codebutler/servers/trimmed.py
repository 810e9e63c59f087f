"""What a server sends, cut before the mcp package looks at each of its parts.

A reply of a few MiB can hold half a million tools or pieces of text. To check each takes the package
seconds, in which nobody else's thread gets anywhere.
"""

from __future__ import annotations

from typing import Any, Self

ENTRIES = 1_000
"""Of any list that a result holds; no honest one has so many."""


class Trimmed:
    """A stream of messages, each with at most ENTRIES entries in the lists of its result."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - the package's generic stream
        """``stream``: what ``mcp.ClientSession`` would read otherwise."""
        self._stream = stream

    def __aiter__(self) -> Self:
        """Itself."""
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401 - as the stream gives it
        """The next message."""
        return _cut(await self._stream.__anext__())

    async def __aenter__(self) -> Self:
        """Itself, once the stream is open."""
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> bool | None:
        """Close it."""
        left: bool | None = await self._stream.__aexit__(*error)
        return left


def _cut(item: Any) -> Any:  # noqa: ANN401 - a message, or an exception that the way met
    message = getattr(item, "message", None)
    result = getattr(message, "result", None)
    if isinstance(result, dict):
        for key, value in result.items():
            if isinstance(value, list) and len(value) > ENTRIES:
                result[key] = value[:ENTRIES]
    return item
