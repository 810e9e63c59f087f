"""The one place where secrets are taken out of text: what goes to log, chat, PR or a person passes here.

Two kinds go: every configured secret's value, also as base64, percent-encoded or JSON-escaped; and whatever
has the shape of a well-known token, wherever it came from. Names (git objects, UUIDs, paths) stay.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import TypeVar, cast
from urllib.parse import quote, quote_plus

from codebutler.redact_shapes import SHAPES, TOKENS, token

T = TypeVar("T")
MARK = "[redacted]"
SHORTEST = 6
"""A configured value with fewer characters would take ordinary words with it, so it is left alone."""
HELD = 64 * 1024
"""Characters of a stream that wait at most for the end of what may be a secret."""

_PREFIX = 16
"""Characters at a key's beginning in which dashes part off words that only name its kind."""
PATTERNS = 256
"""Patterns that are kept; texts come in fewer kinds than that."""

_OPENS = re.compile(
    r"(?:-----BEGIN |[Aa]uthorization|AUTHORIZATION|[Bb]earer|(?i:aws_secret|api-key|token))[^\n]*\Z"
    r"|-----BEGIN (?:(?!-----END )(?s:.))*\Z"
)
"""Words after which the next ones may be a secret, though they are ordinary words by themselves."""


class Redactor:
    """Takes known and well-shaped secrets out of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """``secrets``: the values themselves. Blank and very short ones are left out."""
        self.values = sorted({form for s in secrets for form in _forms(s)}, key=len, reverse=True)
        own = [((value,), re.escape(value)) for value in self.values]
        tokens = [(marks, token(shape)) for marks, shape in TOKENS]
        self._parts = [*own, *SHAPES, *tokens]
        self._marks = [(mark, n) for n, (marks, _) in enumerate(self._parts) for mark in marks]
        self._compiled: dict[tuple[int, ...], re.Pattern[str]] = {}

    def text(self, text: str) -> str:
        """``text`` with every secret replaced by ``MARK``; doing it twice changes nothing more."""
        return self._pattern(self._marked(text)).sub(_mark, text)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the secrets of ``text`` begin and end."""
        return (found.span() for found in self._pattern(self._marked(text)).finditer(text))

    def value(self, value: T) -> T:
        """``value``, anything that JSON can hold, with every text in it redacted, keys too."""
        if isinstance(value, str):
            return cast("T", self.text(value))
        if isinstance(value, list):
            return cast("T", [self.value(item) for item in value])
        if isinstance(value, dict):
            return cast("T", {self.value(key): self.value(item) for key, item in value.items()})
        return value

    def json(self, text: str) -> str:
        """A JSON text redacted inside its strings, so that it stays JSON. ValueError if it is none."""
        marked = self._marked(text)  # marks are written in JSON as they are
        if not marked and self._pattern(marked).search(text) is None:
            return text
        value = json.loads(text)
        clean = self.value(value)
        return text if clean == value else json.dumps(clean)

    def _marked(self, text: str) -> tuple[int, ...]:
        """Which parts' marks are in ``text``: in most texts none are."""
        found = {n for mark, n in self._marks if mark in text}  # one flat loop: every event comes by here
        return tuple(sorted(found))

    def _pattern(self, marked: tuple[int, ...]) -> re.Pattern[str]:
        """What finds these parts, and those that no mark gives away."""
        if marked not in self._compiled:
            if len(self._compiled) > PATTERNS:
                self._compiled.clear()
            shapes = [self._parts[n][1] for n in marked] + [
                shape for marks, shape in self._parts if not marks
            ]
            self._compiled[marked] = re.compile("|".join(shapes))
        return self._compiled[marked]


class Stream:
    """Text that comes in pieces: a secret that two of them share is held back until it is whole."""

    def __init__(self, redactor: Redactor) -> None:
        """Nothing is held yet."""
        self._redactor = redactor
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be shown by now, redacted."""
        text = self._held + piece
        safe = self._safe(text)
        self._held = text[safe:]
        return self._redactor.text(text[:safe])

    def end(self) -> str:
        """The rest."""
        text, self._held = self._held, ""
        return self._redactor.text(text)

    def _safe(self, text: str) -> int:
        """How many characters no later piece can make part of a secret. Shapes hold no blank, keys may."""
        if len(text) > HELD:
            return len(text)
        safe = 1 + max(text.rfind(blank) for blank in " \n\t\r")
        opened = _OPENS.search(text)
        if opened is not None:
            safe = min(safe, opened.start())
        for value in self._redactor.values:
            if any(blank in value for blank in " \n\t\r"):
                safe = min(safe, _started(text, value))
        return next((start for start, end in self._redactor.spans(text) if start < safe < end), safe)


def _started(text: str, value: str) -> int:
    """Where ``text`` ends with the beginning of ``value``; its length if it does not."""
    for start in range(max(0, len(text) - len(value) + 1), len(text)):
        if value.startswith(text[start:]):
            return start
    return len(text)


def _mark(found: re.Match[str]) -> str:
    if found.lastgroup is None:
        return MARK
    return found[found.lastgroup] + MARK + ("@" if found.lastgroup.startswith("scheme") else "")


def _forms(secret: str) -> Iterator[str]:
    """The value as it may appear: plain, in a URL, in JSON, and inside base64 of something longer."""
    plain = secret.strip()
    if len(plain) < SHORTEST:
        return
    ends = (at + 1 for at, sign in enumerate(plain[:_PREFIX]) if sign == "-")
    yield from (plain[end:] for end in ends if len(plain) - end >= _PREFIX)  # "sk-…" without its kind
    yield from (plain, quote(plain, safe=""), quote_plus(plain), quote(plain))
    yield from (json.dumps(plain, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    data = plain.encode()
    yield data.hex()
    for shift in range(3):  # bytes before the value; only characters that it alone decides are kept
        whole = base64.b64encode(b"\0" * shift + data).decode()
        inner = whole[-(-8 * shift // 6) : 8 * (shift + len(data)) // 6]
        if len(inner) >= SHORTEST:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
