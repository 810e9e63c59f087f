"""A recording as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from codebutler.errors import UsageError
from codebutler.filetypes import AUDIO
from codebutler.models import mediaprices
from codebutler.models.images import count
from codebutler.models.media import PAUSES, Service, ask, nonsense
from codebutler.text import fit
from codebutler.types import Usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI

BYTES = 25 * 1024 * 1024
"""The largest recording that services take."""
TEXT = 20_000
"""Characters of a transcript."""
_ANSWER = 4 * 1024 * 1024
_LONGEST = 10**6
"""Seconds beyond which a recording's length is a mistake."""


class Heard(Struct, frozen=True):
    """What was said. ``usd`` is None when no price is known."""

    text: str
    usage: Usage
    usd: float | None


def worst_case(use: Service, data: bytes) -> float:
    """The most that a transcript can cost, in dollars."""
    return mediaprices.worst_heard(use.model, data)


def check(data: bytes, media_type: str) -> None:
    """UsageError for what no service takes: nothing is sent then."""
    if media_type not in AUDIO:
        raise UsageError(
            "it is no recording of a known kind", fix=f"Send one of: {', '.join(AUDIO.values())}."
        )
    if len(data) > BYTES:
        size = len(data) / 1024 / 1024
        raise UsageError(f"it has {size:.0f} MB, and 25 MB is the limit", fix="Send it in parts.")


async def transcribe(
    use: Service, data: bytes, media_type: str, *, pauses: Sequence[float] = PAUSES
) -> Heard:
    """What is said in a recording. UsageError, ModelUnavailable or ModelRefused."""
    check(data, media_type)
    file = (f"voice.{AUDIO[media_type]}", data, media_type)

    def send(client: AsyncOpenAI) -> AbstractAsyncContextManager[Any]:
        return client.audio.transcriptions.with_streaming_response.create(
            file=file, model=use.model, response_format="json"
        )

    answer = await ask(use, send, limit=_ANSWER, pauses=pauses, words="text")
    text = answer.get("text")
    if not isinstance(text, str):
        raise nonsense(use, "without a transcript")
    usage = answer.get("usage")
    counted = Usage(input=count(usage, "input_tokens"), output=count(usage, "output_tokens"))
    seconds = _seconds(usage if isinstance(usage, Mapping) else {}, answer)
    tokens = (counted.input, counted.output) if counted.input else None
    usd = mediaprices.paid_for_hearing(use.model, data, seconds=seconds, tokens=tokens)
    return Heard(fit(text.strip(), TEXT), counted, usd)


def _seconds(*places: Mapping[str, Any]) -> float | None:
    """How long the recording is, where the service says so."""
    for place in places:
        value = place.get("seconds", place.get("duration"))
        if type(value) in {int, float} and 0 < value < _LONGEST:
            return float(value)
    return None
