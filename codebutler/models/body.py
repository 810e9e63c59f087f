"""A request as bytes. A transcript only grows at its end, so what was sent before is not written again."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence

from msgspec import Struct

from codebutler.types import Json, Message

KEPT_BYTES = 24 * 1024 * 1024
"""Of all transcripts together; the one that was longest not used goes first."""
KEPT_HEADS = 128
"""Of models with their tools, about 20 kB each: one for each turn that goes on."""
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class _Written(Struct, frozen=True):
    """The messages of a request and their text, in JSON."""

    messages: tuple[Message, ...]
    text: bytes

    def begins(self, messages: Sequence[Message]) -> bool:
        """Whether ``messages`` goes on where this ends."""
        return len(self.messages) <= len(messages) and all(
            a is b or a == b for a, b in zip(self.messages, messages, strict=False)
        )


class Bodies:
    """Writes requests, and remembers what it wrote. Equal calls are equal bytes."""

    def __init__(self, kept: int = KEPT_BYTES) -> None:
        """``kept``: bytes of messages that are remembered."""
        self._room = kept
        self._size = 0
        self._written: OrderedDict[tuple[object, ...], _Written] = OrderedDict()
        self._heads: OrderedDict[tuple[object, ...], tuple[list[Json], bytes]] = OrderedDict()

    def body(
        self,
        model: str,
        messages: Sequence[Message],
        tools: Sequence[Json],
        options: Json,
        drops: frozenset[str] = frozenset(),
    ) -> bytes:
        """The request: model and tools, then messages, then ``options``: what changes least comes first.

        ``drops``: fields of messages that are left out.
        """
        text = self._messages(messages, drops)
        return b'%s,"messages":[%s],%s' % (self._head(model, tools), text, dumps(options)[1:])

    def _head(self, model: str, tools: Sequence[Json]) -> bytes:
        """What stands before the messages. The very same tools, as a turn sends them, are written once."""
        key = (model, *map(id, tools))
        known = self._heads.pop(key, None)
        if known is None:
            head: Json = {"model": model, "tools": list(tools)} if tools else {"model": model}
            known = list(tools), dumps(head)[:-1]  # an id names a tool only as long as that is held
        self._heads[key] = known
        if len(self._heads) > KEPT_HEADS:
            self._heads.popitem(last=False)
        return known[1]

    def _messages(self, messages: Sequence[Message], drops: frozenset[str]) -> bytes:
        """``messages`` in JSON without the brackets; those that were sent before are not written again."""
        if len(messages) < 2:  # nothing tells one conversation from another yet
            return _joined(messages, drops)
        key = (id(messages[1]), drops)
        before = self._written.pop(key, None)
        if before is not None:
            self._size -= len(before.text)
            if not before.begins(messages):
                before = None
        done = len(before.messages) if before else 0
        parts = ([before.text] if before else []) + (
            [_joined(messages[done:], drops)] if messages[done:] else []
        )
        text = b",".join(parts)
        self._keep(key, _Written(tuple(messages), text))
        return text

    def _keep(self, key: tuple[object, ...], written: _Written) -> None:
        if len(written.text) > self._room:
            return
        self._written[key] = written
        self._size += len(written.text)
        while self._size > self._room:
            _, oldest = self._written.popitem(last=False)
            self._size -= len(oldest.text)


def dumps(value: object) -> bytes:
    """Compact JSON in UTF-8; half a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    return _ENCODER.encode(value).encode("utf-8", "replace")


def _joined(messages: Sequence[Message], drops: frozenset[str]) -> bytes:
    return b",".join(dumps({k: v for k, v in m.items() if k not in drops}) for m in messages)
