"""Pictures that a server does not take: the request is made without them, and the model is told so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from codebutler.errors import ModelError, ModelRefused
from codebutler.types import Message

_REFUSED = re.compile(r"image|picture|vision|multi-?modal|content must be a string")
"""Of a refusal of a request with pictures: another try without them costs nothing."""
_FAULT = re.compile(r"image input|support.{0,40}\bimage|\bimages?\b.{0,40}support|mmproj")
"""Of a fault (Ollama and llama.cpp refuse with 500): a busy server is no reason to leave them out."""
_TOLD = "The model's server did not take it: say so where it matters."


class Unseen:
    """The pictures that were refused, by model: each later request would be refused for them as well."""

    def __init__(self) -> None:
        """None yet."""
        self._known: set[tuple[str, int]] = set()

    def without(self, model: str, messages: Sequence[Message]) -> Sequence[Message]:
        """The messages as ``model`` gets them: where a picture was, its text stands alone."""
        if not self._known:
            return messages
        return [_alone(m, lambda url: (model, hash(url)) in self._known) for m in messages]

    def learn(self, model: str, messages: Sequence[Message], error: ModelError) -> bool:
        """Whether ``error`` is about the pictures that were sent: they are left out from now on."""
        urls = set(_urls(messages))
        pattern = _REFUSED if isinstance(error, ModelRefused) else _FAULT
        if not urls or not pattern.search(error.message.lower().replace(model.lower(), "")):
            return False
        self._known |= {(model, hash(url)) for url in urls}
        return True


def _urls(messages: Sequence[Message]) -> Iterator[str]:
    for message in messages:
        yield from filter(None, map(_url, _parts(message)))


def _parts(message: Message) -> list[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _url(part: Any) -> str:  # noqa: ANN401 - a part of a message
    return str(part["image_url"]["url"]) if part.get("type") == "image_url" else ""


def _alone(message: Message, refused: Callable[[str], bool]) -> Message:
    parts = _parts(message)
    if not any(refused(url) for url in map(_url, parts) if url):
        return message
    text = " ".join(part["text"] for part in parts if part.get("type") == "text")
    return {**message, "content": f"{text} {_TOLD}"}
