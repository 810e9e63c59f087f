"""Where servers differ: one table of what each kind wants, and what may be learnt from a refusal."""

from __future__ import annotations

import re
from collections.abc import Collection

from msgspec import Struct

from codebutler.models.endpoints import Endpoint
from codebutler.types import Json

SIGNED = "thinking_blocks"
"""Where litellm keeps the signed thoughts of Claude's; no server takes it by that name."""
REASONING = ("reasoning_content", "reasoning", "reasoning_details", SIGNED)
"""Fields of an assistant's message that hold what it thought; some servers want them back."""
EXTRA = "extra_content"
"""Where Gemini's own OpenAI endpoint signs a tool call: without it, it refuses all that follows. Kept with
what was thought: one for each call, in order."""
LIMITS = ("max_tokens", "max_completion_tokens")
"""The same thing: servers differ in which of the two they take."""


class Dialect(Struct, frozen=True):
    """What one kind of server wants."""

    limit: str = "max_tokens"
    """The name of the bound on the reply's tokens."""
    drops: frozenset[str] = frozenset()
    """Fields of messages that it must not see."""
    more: Json = {}
    """Further parameters of every request."""
    marks: str = ""
    """What the ids of models hold whose prompts are kept by marks (marks.py); "" = none."""


DIALECTS = {
    "openai": Dialect(limit="max_completion_tokens", drops=frozenset(REASONING)),
    "openrouter": Dialect(drops=frozenset({SIGNED}), more={"usage": {"include": True}}, marks="anthropic/"),
    "compatible": Dialect(drops=frozenset({SIGNED})),
    "litellm": Dialect(drops=frozenset({"reasoning", "reasoning_details"}), marks="claude"),
}
ORGANIZATION = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}
"""Variables that become headers, for OpenAI alone: a person's account is no business of another server."""
_UNWANTED = re.compile(
    r"not supported|unsupported|unrecogni|unknown|not permitted|not allowed|extra|instead|unexpected"
)
_TOO_LARGE = re.compile(r"too (?:large|big|high)|at most|exceed|greater than|maximum")
"""Of a bound's value: its name is not what the server minds, and another name could lift the bound."""


class Manners:
    """How to talk to one server: its dialect, and what it has refused so far."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is refused yet."""
        self._dialect = DIALECTS[endpoint.kind]
        self._refused: set[str] = set()

    @property
    def drops(self) -> frozenset[str]:
        """Fields of messages to leave out."""
        return self._dialect.drops | self._refused.intersection(REASONING)

    def options(self, max_output: int) -> Json:
        """What comes after the messages in a request."""
        limit = self._dialect.limit
        if "limit" in self._refused:
            limit = LIMITS[1] if limit == LIMITS[0] else LIMITS[0]
        options: Json = {limit: max_output, "stream": True, **self._dialect.more}
        if "stream_options" not in self._refused:
            options["stream_options"] = {"include_usage": True}
        return options

    def learn(self, said: str, sent: Collection[str]) -> bool:
        """Whether a refusal names something to leave out or rename, for the first time.

        ``sent``: the fields of messages that the refused request had.
        """
        words = said.lower()
        if not _UNWANTED.search(words):
            return False
        named = {"stream_options"} if "stream_options" in words else set()
        bound = any(name in words for name in LIMITS) and not _TOO_LARGE.search(words)
        named |= {"limit"} if bound else set()
        named |= {n for n in REASONING if n in sent and re.search(rf"\b{n}\b", words)}
        new = named - self._refused
        self._refused |= new
        return bool(new)
