"""One picture, drawn or edited, checked before anybody gets it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from codebutler.errors import ModelRefused
from codebutler.filetypes import PICTURES, Shape, picture
from codebutler.models import mediaprices
from codebutler.models.media import PAUSES, Service, ask, nonsense
from codebutler.models.mediaprices import Tokens
from codebutler.types import Json, Usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PROMPT = 16_000
"""Characters of a prompt."""
SOURCES = 8
BYTES = 16 * 1024 * 1024
"""The largest picture that is taken from a service, or given to it."""
SIDE = 8192
"""The longest side, in pixels."""
_ANSWER = BYTES * 4 // 3 + 64 * 1024
_MOST_TOKENS = 1_000_000
_GPT = re.compile(r"(^|/)(gpt|chatgpt)-image")
_DATA = re.compile(r"\A\s*data:[\w/+.-]{0,64};base64,")
_POLICY = re.compile(r"moderation|content[ _]policy|safety system|content_filter", re.IGNORECASE)


class Source(Struct, frozen=True):
    """A picture that goes in."""

    name: str
    data: bytes
    media_type: str

    @property
    def file(self) -> tuple[str, bytes, str]:
        """As the package wants a file."""
        return (
            f"{self.name.rpartition('.')[0] or 'picture'}.{PICTURES[self.media_type]}",
            self.data,
            self.media_type,
        )


class Order(Struct, frozen=True):
    """What to draw, or with ``sources`` what to make of them. ``form``: png, jpeg or webp."""

    prompt: str
    size: str = "auto"
    quality: str = "auto"
    background: str = "auto"
    form: str = "png"
    sources: Sequence[Source] = ()
    mask: Source | None = None


class Drawn(Struct, frozen=True):
    """A picture; ``usd`` is None when no price is known."""

    data: bytes
    shape: Shape
    used: Tokens
    usd: float | None


def worst_case(use: Service, order: Order) -> float:
    """The most that an order can cost, in dollars."""
    return mediaprices.drawn(use.model, _most(order)) or 0.0


def most_tokens(order: Order) -> Usage:
    """The most tokens that it can take."""
    most = _most(order)
    return Usage(input=most.text + most.pictures, output=most.output)


def _most(order: Order) -> Tokens:
    sources = len(order.sources) + (order.mask is not None)
    return mediaprices.most_drawn(
        prompt=order.prompt, size=order.size, quality=order.quality, sources=sources
    )


async def draw(use: Service, order: Order, *, pauses: Sequence[float] = PAUSES) -> Drawn:
    """The picture. ModelUnavailable, or ModelRefused, also for what came and is no picture."""
    options = _options(use, order)

    def send(client: AsyncOpenAI) -> AbstractAsyncContextManager[Any]:
        images: Any = client.images.with_streaming_response  # its overloads know no options by name
        if not order.sources:
            return images.generate(**options)  # type: ignore[no-any-return] # as above
        if order.mask is not None:
            options["mask"] = order.mask.file
        return images.edit(image=[source.file for source in order.sources], **options)  # type: ignore[no-any-return] # as above

    try:
        answer = await ask(use, send, limit=_ANSWER, pauses=pauses)
    except ModelRefused as refused:
        if _POLICY.search(refused.message):
            raise ModelRefused(
                f"{use.endpoint.label} declines to draw this under its content policy: {refused.message}",
                fix="Describe something else, or put it in other words",
            ) from refused
        raise
    return _checked(use, order, answer)


def _options(use: Service, order: Order) -> dict[str, Any]:
    """What the model's family understands: others refuse options that they do not know."""
    options: dict[str, Any] = {"model": use.model, "prompt": order.prompt, "n": 1}
    if order.size != "auto":
        options["size"] = order.size
    if not _GPT.search(use.model):
        return {**options, "response_format": "b64_json"}
    chosen = {"quality": order.quality, "background": order.background}
    options |= {name: value for name, value in chosen.items() if value != "auto"}
    return {**options, "output_format": order.form}


def _checked(use: Service, order: Order, answer: Json) -> Drawn:
    rows = answer.get("data")
    row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
    if not row.get("b64_json") and row.get("url"):
        raise nonsense(use, "with a link in place of a picture, which is not followed")
    try:
        data = base64.b64decode(_bare(row.get("b64_json") or ""), validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise nonsense(use, "with a picture that is not base64") from error
    if not data:
        raise nonsense(use, "without a picture")
    found = picture(data)
    if found is None:
        raise nonsense(use, "with something that is no whole PNG, JPEG, WebP or GIF")
    if len(data) > BYTES or max(found.width, found.height) > SIDE:
        raise nonsense(
            use, f"with a picture that is too large: {found.width}x{found.height}, {len(data):,} bytes"
        )
    told = _used(answer.get("usage"))
    used = mediaprices.believed(told, _most(order))
    usd = mediaprices.drawn(use.model, used)
    return Drawn(data, found, told if usd is None else used, usd)


def _bare(told: Any) -> Any:  # noqa: ANN401 - whatever came
    """The base64 alone: some servers send it as a whole ``data:`` address."""
    return _DATA.sub("", told, count=1) if isinstance(told, str) else told


def _used(usage: Any) -> Tokens:  # noqa: ANN401 - whatever came
    """Tokens as counted; where text and pictures are not told apart, all count as pictures, the dearer."""
    if not isinstance(usage, Mapping):
        return Tokens()
    details = usage.get("input_tokens_details")
    text = count(details, "text_tokens")
    return Tokens(
        text,
        max(count(details, "image_tokens"), count(usage, "input_tokens") - text),
        count(usage, "output_tokens"),
    )


def count(of: Any, name: str) -> int:  # noqa: ANN401 - whatever came
    """A number of tokens that can be one; else 0."""
    value = of.get(name) if isinstance(of, Mapping) else 0
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else 0
