"""A whole reply out of a stream's pieces. They are untrusted JSON: whatever does not fit is left out."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator
from typing import Any

from msgspec import Struct

from codebutler.models import bill, ends
from codebutler.models.bill import Told
from codebutler.models.inline import Inline
from codebutler.models.quirks import EXTRA
from codebutler.types import Json, ToolCall

MAX_CHARS = 32 * 1024 * 1024
"""More text than any model writes; a reply beyond it is cut off by the client."""
MAX_CALLS = 128
"""Calls that count of one reply: its steps and repetitions are looked at between replies only."""
_BLOCK = 100
"""Characters for which a call or a thought counts although it says nothing."""
_REASONING = ("reasoning_content", "reasoning")
_PLAIN = frozenset({"role", "refusal", "tool_calls", "function_call"})
"""Fields of a piece that hold no thoughts."""
_SAID = ("text", "summary", "data")
"""What a block of thought says, the last in a secret form."""


class _Call(Struct):
    """A tool call while it arrives."""

    index: int | None = None
    id: str = ""
    name: str = ""
    arguments: list[str] = []
    extra: Json = {}

    @property
    def counts(self) -> bool:
        """Whether it says anything."""
        return bool(self.name or "".join(self.arguments).strip())


class Assembler:
    """Feed it chunks (streamed) or one completion (not streamed), then read its fields."""

    def __init__(self) -> None:
        """Empty."""
        self.finish = ""
        self.size = 0
        self.told = Told()
        """The provider's own figures, as far as it gave any."""
        self.odd: Any = None
        """The first chunk that was none."""
        self._text: list[str] = []
        self._inline = Inline()
        self._calls: list[_Call] = []
        self._slots: dict[int | str | None, _Call] = {}
        """The last call under each index and id."""
        self._latest: _Call | None = None
        self._thought: dict[str, list[str]] = {}
        self._details: list[Json] = []
        self._other: list[str] = []
        """Words in forms that are not known: nobody wants them back, but they are paid for."""
        self.begun = False
        """Some piece of an answer has come: the prompt was read, and is paid for."""

    def feed(self, chunk: Any) -> str:  # noqa: ANN401 - whatever JSON came in
        """Take in one chunk; returns the text that it adds for people."""
        if not isinstance(chunk, dict) or not chunk.keys() & {"choices", "usage"}:
            self.odd = self.odd or chunk
            return ""
        self.count(chunk)
        choice = _first(chunk.get("choices"))
        if choice is None:
            return ""
        if isinstance(choice.get("finish_reason"), str):
            self.finish = ends.plain(choice["finish_reason"])
        piece = choice.get("delta") or choice.get("message")
        if not isinstance(piece, dict):
            return ""
        self.begun = self.begun or bool(piece)
        self._reason(piece)
        for call in _as_list(piece.get("tool_calls")):
            self._call(call)
        if isinstance(piece.get("function_call"), dict) and not piece.get("tool_calls"):
            self._call({"function": piece["function_call"]})  # as it was before there could be several
        said, thought = self._inline.split(_content(piece.get("content")))
        text = said + _string(piece.get("refusal"))
        self._text.append(text)
        self._other.append(thought)
        self.size += len(text) + len(thought)
        return text

    def count(self, chunk: Any) -> None:  # noqa: ANN401 - whatever JSON came in
        """Take in what a chunk says of tokens and dollars, and nothing else of it."""
        if isinstance(chunk, dict):
            self.told = bill.read(chunk.get("usage"), self.told)

    def end(self) -> str:
        """The server says that this is all: some never say how an answer ended. It adds no text."""
        if not self.finish and self.whole:
            self.finish = "stop"
        return ""

    @property
    def whole(self) -> bool:
        """Whether there is an answer, and none of its calls broke off."""
        return bool(self.text or self._calls) and all(map(_is_whole, self.calls()))

    @property
    def text(self) -> str:
        """The visible text so far."""
        return "".join(self._text) + self._inline.left

    @property
    def reasoning(self) -> Json | None:
        """What the provider wants back with this message, in its own fields."""
        told: Json = {key: "".join(parts) for key, parts in self._thought.items()}
        if self._details:
            told["reasoning_details"] = self._details
            told.pop("reasoning", None)  # the same thoughts again, as plain text
        signed = [call.extra for call in self._calls if call.counts]
        if any(signed):
            told[EXTRA] = signed
        return told or None

    @property
    def thoughts(self) -> str:
        """All that it thought, for its size: as text, or in blocks, which often say the same again."""
        plain = "".join(part for parts in self._thought.values() for part in parts)
        blocks = "".join(_string(block.get(key)) for block in self._details for key in _SAID)
        return max(plain, blocks, "".join(self._other), key=len)

    def calls(self, taken: Collection[str] = ()) -> tuple[ToolCall, ...]:
        """The tool calls, each with an id that is unique here and not among ``taken``."""
        found: list[ToolCall] = []
        used = set(taken)
        for call in self._calls:
            arguments = "".join(call.arguments)
            if not call.counts:
                continue
            name = call.id if call.id and call.id not in used else f"call_{secrets.token_hex(8)}"
            used.add(name)
            found.append(
                ToolCall(id=name, name=call.name, arguments=arguments if arguments.strip() else "{}")
            )
        return tuple(found)

    def _call(self, piece: Any) -> None:  # noqa: ANN401 - whatever JSON came in
        if not isinstance(piece, dict):
            return
        function = piece.get("function") if isinstance(piece.get("function"), dict) else {}
        assert isinstance(function, dict)  # noqa: S101 - for the type checker
        index = piece["index"] if type(piece.get("index")) is int else None
        name, identity = _string(function.get("name")), _string(piece.get("id"))
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else "" if arguments is None else json.dumps(arguments)
        call = self._slot(index, identity, name, text)
        call.id = call.id or identity
        if name and name != call.name:
            call.name += name
        call.arguments.append(text)
        self.size += len(text) + len(name)
        if isinstance(piece.get(EXTRA), dict):
            call.extra = {**call.extra, **piece[EXTRA]}
            self.size += sum(map(len, _words(piece[EXTRA])))

    def _slot(self, index: int | None, identity: str, name: str, arguments: str) -> _Call:
        """The call that a piece belongs to. Some servers give no index, no id, or one index to all calls."""
        known: int | str | None = identity if index is None else index
        last = self._slots.get(known) if known not in {None, ""} else None
        if last is not None and identity and name and last.id and identity != last.id:
            last = None  # a new call under an index that is taken
        if last is not None and name and not identity and _follows(last, arguments):
            last = None  # the same, from a server that names no ids
        if last is None and index is None and not identity and self._latest is not None:
            last = self._latest if not name or not self._latest.name else None
        if last is None:
            last = _Call(index)
            self.size += _BLOCK
            self._latest = last
            if len(self._calls) < MAX_CALLS:
                self._calls.append(last)
        for known in (index, identity):
            if known not in {None, ""}:
                self._slots[known] = last
        return last

    def _reason(self, piece: Json) -> None:
        for key in _REASONING:
            if isinstance(piece.get(key), str) and piece[key]:
                self._thought.setdefault(key, []).append(piece[key])
                self.size += len(piece[key])
        for detail in _as_list(piece.get("reasoning_details")):
            if isinstance(detail, dict):
                self._detail(detail)
        other = "".join(_words(list(_unknown(piece))))
        if other:
            self._other.append(other)
            self.size += len(other)

    def _detail(self, detail: Json) -> None:
        """Pieces of one block (same type and index) become one block; other fields keep their last value."""
        last = self._details[-1] if self._details else None
        self.size += _BLOCK + sum(len(v) for v in detail.values() if isinstance(v, str))
        same = last is not None and all(last.get(k) == detail.get(k) for k in ("type", "index"))
        if last is None or not same or detail.get("index") is None:
            self._details.append(dict(detail))
            return
        for key, value in detail.items():
            if key in _SAID and isinstance(value, str) and isinstance(last.get(key), str):
                last[key] += value
            elif value is not None:
                last[key] = value


def _unknown(piece: Json) -> Iterator[Any]:
    """What a piece says in forms that nothing else here reads."""
    for key, value in piece.items():
        if key == "content":
            yield from (p for p in _as_list(value) if not isinstance(p, dict) or p.get("type") != "text")
            yield value if isinstance(value, dict) else None
        elif key == "reasoning_details":
            yield value if not isinstance(value, list) else None
            for detail in _as_list(value):
                known = detail if isinstance(detail, dict) else {"": detail}
                yield from (said for said in known.values() if not isinstance(said, str) or "" in known)
        elif key not in _PLAIN and not (key in _REASONING and isinstance(value, str)):
            yield value


def _words(value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever JSON came in
    """All text within a value, but for the names of its fields and kinds; however deep."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            left += [said for key, said in reversed(each.items()) if key != "type"]
        elif isinstance(each, list):
            left += reversed(each)


def _follows(call: _Call, arguments: str) -> bool:
    """Whether these begin another call: they are an object of their own, and ``call`` has a whole one."""
    before = "".join(call.arguments)
    if not arguments.lstrip().startswith("{") or before.strip() == arguments.strip():
        return False
    return before.rstrip().endswith("}") and _is_json(before)


def _is_whole(call: ToolCall) -> bool:
    return _is_json(call.arguments)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 - whatever JSON came in
    return value if isinstance(value, list) else []


def _string(value: Any) -> str:  # noqa: ANN401 - whatever JSON came in
    return value if isinstance(value, str) else ""


def _first(choices: Any) -> Json | None:  # noqa: ANN401 - whatever JSON came in
    """The answer's first choice, wherever it stands: we ask for one, and some servers send more."""
    for each in _as_list(choices):
        if isinstance(each, dict) and (type(each.get("index")) is not int or each["index"] == 0):
            return each
    return None


def _content(value: Any) -> str:  # noqa: ANN401 - whatever JSON came in
    """Text, also where a server sends it as a list of parts."""
    if isinstance(value, list):
        return "".join(
            _string(p.get("text")) for p in value if isinstance(p, dict) and p.get("type") == "text"
        )
    return _string(value)
